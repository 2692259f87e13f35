#include "tools/loop/texts.hpp"

#include "tools/loop/commands.hpp"
#include "tools/loop/progress.hpp"
#include "tools/loop/terminal.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <regex>
#include <sstream>

namespace loop {
namespace {

namespace fs = std::filesystem;

// Markdown as one reads it on a terminal: the lines of a paragraph become one, for a terminal may be narrower than the
// text, or wider; of a link its words stay; comments go; code is indented.
std::string plain(const std::string& markdown) {
    static const std::regex link{R"(\[([^\]]*)\]\([^)]*\))"};
    std::string text = std::regex_replace(markdown, link, "$1"), result;
    for (auto comment = text.find("<!--"); comment != text.npos; comment = text.find("<!--", comment)) {
        auto end = std::min(text.find("-->", comment), text.size() - 3) + 3;
        if ((comment == 0 || text[comment - 1] == '\n') && end < text.size() && text[end] == '\n')
            ++end; // it fills its line
        text.erase(comment, end - comment);
    }
    bool in_code = false, goes_on = false;
    std::istringstream in{text};
    for (std::string line; std::getline(in, line);) {
        if (line.starts_with("```")) {
            in_code = !in_code;
            goes_on = false;
            continue;
        }
        if (goes_on && !in_code && !line.empty() && line.find_first_of("-*|") != 0) {
            result.back() = ' ';
            line.erase(0, line.find_first_not_of(' '));
        }
        result += (in_code ? "    " : "") + line + "\n";
        goes_on = !in_code && !line.empty();
    }
    return result;
}

unsigned text_width() { return std::min(terminal::size().columns, 100U); }

} // namespace

std::vector<std::string> statement_lines(const Exercise& exercise) {
    std::istringstream text{terminal::wrapped(
        in_a_line(exercise) + " (" + effort(exercise) + ")\n\n" + plain(exercise.statement), text_width())};
    std::vector<std::string> lines;
    for (std::string line; std::getline(text, line);)
        lines.push_back(lines.empty() ? terminal::bold(line) : line);
    return lines;
}

int statement(const Catalogue& catalogue, const std::string& name) {
    const Exercise exercise = name.empty() ? current(catalogue) : catalogue.exercise(name);
    for (const auto& line : statement_lines(exercise))
        std::cout << line << '\n';
    std::cout << '\n' << exercise.file() << ':' << progress_of(exercise).line << '\n';
    return 0;
}

std::string next_hint(const Exercise& exercise) {
    if (exercise.hints.empty())
        return "this exercise has no hints\n";
    const fs::path seen = fs::path{"build/default/hints"} / (exercise.path() + ".seen");
    std::size_t given = 0;
    std::ifstream{seen} >> given;
    const std::size_t tier = std::min(given, exercise.hints.size() - 1);
    std::error_code ignored; // a tree that one cannot write to gives its first hint again
    fs::create_directories(seen.parent_path(), ignored);
    std::ofstream{seen} << tier + 1 << '\n';
    std::string text = terminal::bold(in_a_line(exercise)) + "\n" +
                       terminal::wrapped(plain(exercise.hints[tier]), text_width()) + "\n";
    const std::size_t more = exercise.hints.size() - tier - 1;
    return text + terminal::dim(terminal::wrapped(more > 0 ? std::to_string(more) + " more"
                                                           : "That was the last one. All stand in chapters/" +
                                                                 exercise.chapter + "/README.md.",
                                                  text_width()));
}

int hint(const Catalogue& catalogue, const std::string& name) {
    std::cout << next_hint(name.empty() ? current(catalogue) : catalogue.exercise(name));
    return 0;
}

} // namespace loop
