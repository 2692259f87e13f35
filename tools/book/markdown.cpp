#include "tools/book/markdown.hpp"

#include "tools/book/transcript.hpp"
#include "tools/harness/client.hpp"
#include "tools/harness/process.hpp"

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <fstream>
#include <map>
#include <regex>
#include <sstream>

namespace book {
namespace {

namespace fs = std::filesystem;

constexpr int command_not_found = 127; // says a shell
using Lines = std::vector<std::string>;

Lines read_lines(const std::string& path) {
    std::ifstream file{path};
    if (!file)
        throw Mismatch{path + ": cannot be read"};
    Lines lines;
    for (std::string line; std::getline(file, line);)
        lines.push_back(line);
    return lines;
}

std::string place(const std::string& path, std::size_t index) { return path + ":" + std::to_string(index + 1) + ": "; }

// The text of a mark `<!-- KEY: text -->` that fills the line, if it is one.
std::optional<std::string> mark(const std::string& line, const std::string& key) {
    const std::string opening = "<!-- " + key + ": ", closing = " -->";
    if (!line.starts_with(opening) || !line.ends_with(closing))
        return std::nullopt;
    return line.substr(opening.size(), line.size() - opening.size() - closing.size());
}

// Lines without the indentation that all of them share.
Lines outdented(Lines lines) {
    std::size_t shared = std::string::npos;
    for (const std::string& line : lines)
        if (const auto indent = line.find_first_not_of(' '); indent != std::string::npos)
            shared = std::min(shared, indent);
    for (std::string& line : lines)
        line = line.size() > shared ? line.substr(shared) : line.find_first_not_of(' ') == line.npos ? "" : line;
    return lines;
}

bool stands_in(const Lines& listing, const Lines& file) {
    for (std::size_t start = 0; start + listing.size() <= file.size(); ++start) {
        const auto from = file.begin() + static_cast<std::ptrdiff_t>(start);
        if (outdented({from, from + static_cast<std::ptrdiff_t>(listing.size())}) == listing)
            return true;
    }
    return false;
}

// The anchor that code hosts give a heading: lower case, spaces to hyphens, punctuation dropped.
std::string anchor(const std::string& heading) {
    std::string result;
    for (const char c : heading.substr(heading.find_first_not_of('#') + 1)) {
        if (c == ' ' || c == '-')
            result += '-';
        else if (std::isalnum(static_cast<unsigned char>(c)) || c == '_' || static_cast<unsigned char>(c) > 127)
            result += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    }
    return result;
}

// Calls visit(index, line) for each line outside fenced blocks.
template <class Visit>
void each_prose_line(const Lines& lines, Visit visit) {
    bool fenced = false;
    for (std::size_t i = 0; i < lines.size(); ++i) {
        if (lines[i].starts_with("```"))
            fenced = !fenced;
        else if (!fenced)
            visit(i, lines[i]);
    }
}

std::set<std::string> anchors_of(const std::string& path) {
    std::set<std::string> anchors;
    const Lines lines = read_lines(path);
    each_prose_line(lines, [&](std::size_t, const std::string& line) {
        if (line.starts_with("#"))
            anchors.insert(anchor(line));
    });
    return anchors;
}

// The words of a text in small letters, between single spaces, without comments and marks of emphasis.
std::string words_of(const std::string& text) {
    static const std::regex comment{"<!--[^>]*-->"};
    std::istringstream words{std::regex_replace(text, comment, " ")};
    std::string result;
    for (std::string word; words >> word;) {
        std::erase_if(word, [](char c) { return c == '*' || c == '`'; });
        for (char& c : word)
            c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
        result += (result.empty() ? "" : " ") + word;
    }
    return result;
}

// What a ```diff block of the text makes of a file: each stretch of it, up to a line "...", stands there once. Nothing
// if one does not.
std::optional<Lines> changed(Lines file, Lines block) {
    block.push_back("...");
    Lines before, after;
    for (const std::string& line : block) {
        if (line != "...") {
            if (line.empty() || line[0] != '+')
                before.push_back(line.empty() ? "" : line.substr(1));
            if (line.empty() || line[0] != '-')
                after.push_back(line.empty() ? "" : line.substr(1));
            continue;
        }
        const auto at = std::search(file.begin(), file.end(), before.begin(), before.end());
        if (before.empty() || at == file.end() ||
            std::search(at + 1, file.end(), before.begin(), before.end()) != file.end())
            return std::nullopt;
        file.insert(file.erase(at, at + std::ssize(before)), after.begin(), after.end());
        before.clear(), after.clear();
    }
    return file;
}

} // namespace

Faults check_listings(const std::string& root, const std::string& path) {
    const Lines lines = read_lines(root + "/" + path);
    Faults faults;
    for (std::size_t i = 0; i < lines.size(); ++i) {
        if (!lines[i].starts_with("```"))
            continue;
        const std::string kind = lines[i].substr(3);
        const std::size_t opening = i;
        Lines block;
        while (++i < lines.size() && lines[i] != "```")
            block.push_back(lines[i]);
        if (kind != "cpp" && kind != "console" && kind != "mermaid" && kind != "ini" && kind != "diff")
            faults.push_back(place(path, opening) + "nobody checks a block of the kind \"" + kind +
                             "\": use console, cpp, diff, ini or mermaid");
        if (kind == "diff") {
            std::istringstream files{opening > 0 ? mark(lines[opening - 1], "difference").value_or("") : ""};
            std::string from, to;
            files >> from >> to;
            const bool there = !from.empty() && fs::exists(root + "/" + from) && fs::exists(root + "/" + to);
            const auto made = there ? changed(read_lines(root + "/" + from), block) : std::nullopt;
            if (!there)
                faults.push_back(place(path, opening) + "no <!-- difference: OLD [NEW] --> of files before this block");
            else if (!made || (!to.empty() && *made != read_lines(root + "/" + to)))
                faults.push_back(place(path, opening) + "this does not change " + from +
                                 (to.empty() ? "" : " to " + to));
        }
        if (kind != "cpp" && kind != "ini")
            continue;
        const auto file = opening > 0 ? mark(lines[opening - 1], "listing") : std::nullopt;
        if (!file)
            faults.push_back(place(path, opening) + "no <!-- listing: FILE --> before this block");
        else if (!fs::exists(root + "/" + *file))
            faults.push_back(place(path, opening) + "the listing's file does not exist: " + *file);
        else if (block.empty() || !stands_in(outdented(block), read_lines(root + "/" + *file)))
            faults.push_back(place(path, opening) + "these lines do not stand so in " + *file);
    }
    return faults;
}

void write_whole(const std::string& path, const std::string& text) {
    const std::string unfinished = path + ".unfinished";
    std::ofstream file{unfinished};
    file << text;
    file.close();
    std::error_code error;
    if (file)
        fs::rename(unfinished, path, error);
    if (!file || error) {
        std::error_code ignored;
        fs::remove(unfinished, ignored);
        throw Mismatch{path + " cannot be written, and is as it was: is there room on the disk?"};
    }
}

Faults check_tables(const std::string& root, const std::string& path, const std::string& programs, bool rewrite) {
    const Lines lines = read_lines(root + "/" + path);
    Faults faults;
    Lines fresh;
    bool changed = false;
    std::string lacking;
    for (std::size_t i = 0; i < lines.size(); ++i) {
        fresh.push_back(lines[i]);
        const auto command = mark(lines[i], "generated");
        if (!command)
            continue;
        const std::size_t here = i;
        const bool lacks_ipv6 =
            i > 0 && mark(lines[i - 1], "needs") == "ipv6" && support::bound_socket("::1").error() != 0;
        Lines table, measured;
        while (i + 1 < lines.size() && !lines[i + 1].empty())
            table.push_back(lines[++i]);
        if (lacks_ipv6) {
            fresh.insert(fresh.end(), table.begin(), table.end());
            lacking = place(path, here) + "needs IPv6 on loopback";
            continue;
        }
        support::Process process{"/bin/bash", {.arguments = {"-c", without_set_up(*command, programs)}}};
        process.close_input();
        while (auto line = process.next_line())
            measured.push_back(*line);
        const int status = process.wait_for_exit();
        if (status == command_not_found) {
            fresh.insert(fresh.end(), table.begin(), table.end());
            lacking = place(path, here) + process.complaints();
            continue;
        }
        if (status != 0)
            faults.push_back(place(path, here) + "the command ended with status " + std::to_string(status) + ": " +
                             *command + '\n' + process.complaints());
        else if (measured.empty())
            faults.push_back(place(path, here) + "the command prints nothing: " + *command);
        else if (measured != table && rewrite) {
            changed = true;
            table = measured;
        } else if (measured != table) {
            const auto at = std::mismatch(measured.begin(), measured.end(), table.begin(), table.end());
            faults.push_back(place(path, here) +
                             "the table is not what this machine says; the first row that differs:" +
                             "\n    in the book: " + (at.second == table.end() ? "(none)" : *at.second) +
                             "\n    measured:    " + (at.first == measured.end() ? "(none)" : *at.first));
        }
        fresh.insert(fresh.end(), table.begin(), table.end());
    }
    if (changed) {
        std::string text;
        for (const std::string& line : fresh)
            text += line + '\n';
        write_whole(root + "/" + path, text);
    }
    if (faults.empty() && !lacking.empty())
        throw Unavailable{lacking};
    return faults;
}

Faults check_links(const std::string& root, const std::string& path) {
    const Lines lines = read_lines(root + "/" + path);
    Faults faults;
    each_prose_line(lines, [&](std::size_t i, const std::string& line) {
        static const std::regex link{R"((!?)\[([^\]]*)\]\(([^)\s]+)\))"}, second_half{R"(^[^\[]*\]\()"};
        if (std::regex_search(line, second_half))
            faults.push_back(place(path, i) + "a link must stand on one line, to be checked");
        for (std::sregex_iterator it{line.begin(), line.end(), link}; it != std::sregex_iterator{}; ++it) {
            const std::string picture = (*it)[1], text = (*it)[2], target = (*it)[3];
            if (!picture.empty() && text.empty())
                faults.push_back(place(path, i) + "a picture without alternative text: " + target);
            if (target.starts_with("http://") || target.starts_with("https://"))
                continue;
            const auto hash = target.find('#');
            const std::string file = target.substr(0, hash);
            const fs::path there = file.empty() ? fs::path{root} / path : (fs::path{root} / path).parent_path() / file;
            if (!fs::exists(there))
                faults.push_back(place(path, i) + "leads nowhere: " + target);
            else if (hash != target.npos && !anchors_of(there.string()).contains(target.substr(hash + 1)))
                faults.push_back(place(path, i) + "no such heading: " + target);
        }
    });
    return faults;
}

Faults check_terms(const std::string& root, const std::string& path) {
    const Lines lines = read_lines(root + "/" + path);
    Faults faults;
    std::string section;
    std::map<std::size_t, std::string> entries; // an entry goes on in indented lines
    each_prose_line(lines, [&](std::size_t i, const std::string& line) {
        if (line.starts_with("## "))
            section = line;
        if (section != "## Glossary" && section != "## Index")
            return;
        if (line.starts_with("- "))
            entries[i] = line;
        else if (line.starts_with("  ") && !entries.empty())
            entries.rbegin()->second += line;
    });
    for (const auto& [i, line] : entries) {
        const auto colon = std::min(line.find(": "), line.size());
        const std::string term = words_of(line.substr(2, colon - 2));
        bool linked = false;
        static const std::regex link{R"(\]\(([^)#\s]+)(#[^)]*)?\))"};
        for (std::sregex_iterator it{line.begin(), line.end(), link}; it != std::sregex_iterator{}; ++it) {
            linked = true;
            const fs::path there = (fs::path{root} / path).parent_path() / (*it)[1].str();
            if (!fs::exists(there))
                continue; // check_links says so
            std::string text;
            for (const std::string& there_line : read_lines(there.string()))
                text += there_line + '\n';
            if (words_of(text).find(term) == std::string::npos)
                faults.push_back(place(path, i) + '"' + term + "\" does not occur in " + (*it)[1].str());
        }
        if (!linked)
            faults.push_back(place(path, i) + '"' + term + "\" leads to no chapter");
    }
    return faults;
}

Claims check_claims(const std::string& root, const std::string& path, const std::set<std::string>& tests) {
    const Lines lines = read_lines(root + "/" + path);
    Claims claims;
    std::string section;
    bool covered = false;
    const auto close_section = [&] {
        if (section.empty())
            return;
        ++claims.sections;
        claims.covered += covered;
        if (!covered)
            claims.uncovered.push_back(path + ": " + section);
    };
    // Sections that state nothing about behaviour.
    static const std::set<std::string> quiet{"## Exercises", "## What to remember", "## Contents", "## Further reading",
                                             "## Index",     "## Glossary"};
    static const std::regex comment{"<!-- ?(.*?)( -->|$)"}, sentence{"(test|untested|source): (.+)|(definition)"},
        block{"(listing|difference|generated|varies|needs|figure): .+"};
    for (std::size_t i = 0; i < lines.size(); ++i) {
        const std::string& line = lines[i];
        if (line.starts_with("## ")) {
            close_section();
            section = quiet.contains(line) ? "" : line;
            covered = false;
        }
        for (std::sregex_iterator it{line.begin(), line.end(), comment}; it != std::sregex_iterator{}; ++it) {
            const std::string text = (*it)[1];
            std::smatch mark;
            if (std::regex_match(text, mark, sentence)) {
                ++claims.marks[mark[3].matched ? mark[3] : mark[1]];
                covered = true;
                if (mark[1] == "test" && !tests.contains(mark[2]))
                    claims.faults.push_back(place(path, i) + "no such test: " + mark[2].str());
            } else if (!std::regex_match(text, block))
                claims.faults.push_back(place(path, i) + "nobody reads this mark: " + text);
        }
        covered =
            covered || line == "```console" || line.starts_with("<!-- listing:") || line.starts_with("<!-- generated:");
    }
    close_section();
    return claims;
}

} // namespace book
