#include "tools/book/transcript.hpp"

#include "tools/harness/network.hpp"
#include "tools/harness/process.hpp"

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <memory>
#include <optional>
#include <regex>
#include <sstream>
#include <unistd.h>

namespace book {
namespace {

using namespace std::chrono_literals;

const std::string enter = "⏎";

bool is_word(char c) { return std::isalnum(static_cast<unsigned char>(c)) || c == '_'; }

// Where in `text`, from there on, `word` stands alone, not inside a longer word.
std::size_t find_word(const std::string& text, const std::string& word, std::size_t from) {
    for (std::size_t at = text.find(word, from); at != std::string::npos; at = text.find(word, at + 1)) {
        const bool starts = at == 0 || !is_word(text[at - 1]) || !is_word(word.front());
        const std::size_t end = at + word.size();
        if (starts && (end == text.size() || !is_word(text[end]) || !is_word(word.back())))
            return at;
    }
    return std::string::npos;
}

std::string replace_words(std::string text, const std::map<std::string, std::string>& replacements) {
    std::string result;
    for (std::size_t position = 0; position < text.size();) {
        std::size_t next = std::string::npos;
        const std::pair<const std::string, std::string>* chosen = nullptr;
        for (const auto& replacement : replacements)
            if (const auto at = find_word(text, replacement.first, position);
                at < next || (at == next && chosen && replacement.first.size() > chosen->first.size()))
                next = at, chosen = &replacement;
        result += text.substr(position, next - position);
        if (!chosen)
            break;
        result += chosen->second;
        position = next + chosen->first.size();
    }
    return result;
}

std::string squeeze(const std::string& text) {
    std::istringstream words{text};
    std::string result;
    for (std::string word; words >> word;)
        result += (result.empty() ? "" : " ") + word;
    return result;
}

[[noreturn]] void mismatch(const Transcript& transcript, int line, const std::string& what) {
    throw Mismatch{transcript.file + ":" + std::to_string(line) + ": " + what};
}

// The comment before a block: `varies: name=sample ...; needs: thing ...`.
void read_attributes(Transcript& transcript, const std::string& comment, int line) {
    std::istringstream parts{comment};
    for (std::string part; std::getline(parts, part, ';');) {
        std::istringstream words{part};
        std::string key;
        words >> key;
        for (std::string word; words >> word;) {
            const auto equals = word.find('=');
            if (key == "needs:")
                transcript.needs.insert(word);
            else if (key == "varies:" && equals != std::string::npos && equals + 1 < word.size()) {
                if (!transcript.varies.emplace(word.substr(equals + 1), word.substr(0, equals)).second)
                    mismatch(transcript, line, "two names for the sample " + word.substr(equals + 1));
            } else
                mismatch(transcript, line,
                         "expected `varies: name=sample ...; needs: thing ...`, found \"" + part + '"');
        }
    }
}

// A block that says too little to fail, or that names what it does not show.
void refuse_empty_promises(const Transcript& transcript) {
    std::string shown;
    bool literal = false;
    for (const Step& step : transcript.steps) {
        if (step.kind != Step::output) {
            shown += step.text + '\n';
            continue;
        }
        shown += step.text + '\n';
        std::map<std::string, std::string> nothing;
        for (const auto& [sample, name] : transcript.varies)
            nothing[sample] = "";
        const std::string rest = replace_words(step.text, nothing);
        literal = literal || std::any_of(rest.begin(), rest.end(), is_word);
    }
    if (!literal)
        mismatch(transcript, transcript.line, "this block passes with any output: no line of it is fixed");
    for (const auto& [sample, name] : transcript.varies)
        if (find_word(shown, sample, 0) == std::string::npos)
            mismatch(transcript, transcript.line, name + "=" + sample + " varies, but does not stand in the block");
}

void read_block(Transcript& transcript, const std::vector<std::string>& lines, bool drafts_allowed) {
    std::string terminal;
    std::set<std::string> started;
    int line = transcript.line;
    for (const std::string& text : lines) {
        ++line;
        if (text.starts_with("# ")) {
            terminal = text.substr(2);
            continue;
        }
        if (text.starts_with("$ ")) {
            transcript.steps.push_back({Step::command, terminal, text.substr(2), line});
            started.insert(terminal);
            continue;
        }
        if (!started.contains(terminal))
            mismatch(transcript, line, "output or keys before the first command of this terminal");
        const bool keys = text.ends_with(enter) || text == "^C" || text == "^D";
        transcript.steps.push_back({keys ? Step::keys : Step::output, terminal, text, line});
    }
    if (started.empty())
        mismatch(transcript, transcript.line, "a console block without a command");
    if (!drafts_allowed)
        refuse_empty_promises(transcript);
}

void own_names() {
    try {
        support::need_private_names();
    } catch (const support::LeftOut& reason) {
        throw Unavailable{reason.what()};
    }
}

void make_available(const Transcript& transcript) {
    const bool own_network = support::enter_private_network();
    for (const std::string& need : transcript.needs) {
        if (need == "namespace" && !own_network)
            throw Unavailable{"needs a network namespace of its own"};
        if (need == "names")
            own_names();
        if (need == "strace") // a process that is traced cannot look for its leaks, and says so at its end
            ::setenv("ASAN_OPTIONS", "detect_leaks=0", 1);
        if (need == "root" && ::geteuid() != 0)
            throw Unavailable{"needs root"};
        if (need == "ipv6" && support::bound_socket("::1").error() != 0)
            throw Unavailable{"needs IPv6 on loopback"};
        if (!std::set<std::string>{"namespace", "names", "root", "ipv6"}.contains(need) &&
            std::system(("command -v '" + need + "' >/dev/null 2>&1").c_str()) != 0)
            throw Unavailable{"needs " + need};
    }
}

// One terminal: the command that runs in it, and the status of the one before.
struct Terminal {
    std::unique_ptr<support::Process> process;
    int status = 0;
    bool status_shown = true;
    bool skipping = false; // after "..."
    int line = 0;          // of the command
};

class Run {
  public:
    Run(const Transcript& transcript, const std::string& programs) : transcript_{transcript}, programs_{programs} {
        make_available(transcript);
    }

    Terminal& terminal(const Step& step) { return terminals_[step.terminal]; }

    // Waits for the end of what runs in the terminal; returns what it printed and nobody has read.
    std::vector<std::string> finish(Terminal& terminal) {
        std::vector<std::string> rest;
        if (!terminal.process)
            return rest;
        while (auto line = terminal.process->next_line())
            rest.push_back(*line);
        terminal.status = terminal.process->wait_for_exit();
        terminal.status_shown = terminal.status == 0;
        terminal.process.reset();
        return rest;
    }

    void start(const Step& step) {
        Terminal& here = terminal(step);
        std::string command = replace_words(step.text, values_);
        here.status_shown = here.status_shown || step.text == "echo $?";
        refuse_hidden_status(here);
        command = without_set_up(command, programs_);
        here.process = std::make_unique<support::Process>(
            "/bin/bash", support::Launch{.arguments = {"-c", "(exit " + std::to_string(here.status) + "); " + command},
                                         .environment = {{"http_proxy", {}}, {"all_proxy", {}}, {"ALL_PROXY", {}}},
                                         .one_stream = true});
        here.line = step.line;
    }

    void refuse_hidden_status(const Terminal& terminal) const {
        if (!terminal.status_shown)
            mismatch(transcript_, terminal.line,
                     "the command ended with status " + std::to_string(terminal.status) +
                         ", and no `$ echo $?` shows it");
    }

    void press(const Step& step) {
        Terminal& here = terminal(step);
        if (!here.process)
            mismatch(transcript_, step.line, "keys for a terminal in which nothing runs");
        if (step.text == "^C")
            ::kill(-here.process->pid(), SIGINT);
        else if (step.text == "^D")
            here.process->close_input();
        else
            here.process->type(replace_words(step.text.substr(0, step.text.size() - enter.size()), values_) + "\n");
    }

    // True when `actual` is the line that `expected` stands for; learns the values of samples that come for the first
    // time.
    bool matches(const std::string& expected, const std::string& actual) {
        const std::string wanted = squeeze(expected), came = squeeze(actual);
        std::string pattern;
        std::vector<std::string> samples;
        for (std::size_t position = 0; position < wanted.size();) {
            std::size_t next = std::string::npos;
            std::string chosen;
            for (const auto& [sample, name] : transcript_.varies)
                if (const auto at = find_word(wanted, sample, position);
                    at < next || (at == next && at != std::string::npos && sample.size() > chosen.size()))
                    next = at, chosen = sample;
            for (const char c : wanted.substr(position, next - position))
                (is_word(c) || c == ' ' || static_cast<unsigned char>(c) > 127) ? pattern += c : pattern += {'\\', c};
            if (next == std::string::npos)
                break;
            const bool number = chosen.find_first_not_of("0123456789") == std::string::npos;
            pattern += number ? "([0-9]+)" : R"((\S+?))";
            samples.push_back(chosen);
            position = next + chosen.size();
        }
        std::smatch match;
        if (!std::regex_match(came, match, std::regex{pattern}))
            return false;
        auto learned = values_;
        for (std::size_t i = 0; i < samples.size(); ++i)
            if (const auto [known, is_new] = learned.emplace(samples[i], match[i + 1]); known->second != match[i + 1])
                return false;
        values_ = std::move(learned);
        return true;
    }

    std::map<std::string, Terminal>& terminals() { return terminals_; }
    const std::map<std::string, std::string>& values() const { return values_; }

  private:
    const Transcript& transcript_;
    std::string programs_;
    std::map<std::string, Terminal> terminals_;
    std::map<std::string, std::string> values_; // sample to value
};

std::string values_so_far(const Run& run, const Transcript& transcript) {
    std::string text;
    for (const auto& [sample, value] : run.values())
        text += (text.empty() ? "\n    in this run " : ", ") + transcript.varies.at(sample) + " is " + value + " for " +
                sample;
    return text;
}

} // namespace

namespace {

const std::regex portlab_run{R"(\./portlab run ((?:\d\d|[A-Z])_(\w+)|instruments)(/(\w+))?)"},
    portlab_who{R"(\./portlab who\b)"};

// A student's copy has the statements of all exercises, the stubs of some, and no solutions.
bool runs_an_exercise(const std::smatch& match) {
    using std::filesystem::exists;
    const std::string file = "/" + match[1].str() + "/" + match[4].str() + ".cpp";
    return match[4].matched && (exists("exercises" + file) ||
                                (!exists("solutions") && match[1] != "instruments" && !exists("chapters" + file)));
}

} // namespace

std::string without_set_up(const std::string& command, const std::string& programs) {
    const auto quoted = [](std::string folder) { // as a shell reads it
        for (auto quote = folder.find('\''); quote != folder.npos; quote = folder.find('\'', quote + 4))
            folder.replace(quote, 1, "'\\''");
        return "'" + folder + "'";
    };
    std::smatch match;
    if (std::regex_search(command, match, portlab_who)) {
        const std::string folder = programs + "/../tools/loop";
        if (!std::filesystem::exists(folder + "/portlab"))
            throw Unavailable{"needs ./portlab who: cmake --build --preset default --target loop"};
        return match.prefix().str() + quoted(folder) + "/portlab who" + match.suffix().str();
    }
    if (!std::regex_search(command, match, portlab_run))
        return command;
    const std::string program = match[1].str() + "/" + (match[4].matched ? match[4].str() : match[2].str());
    std::string folder = programs;
    if (match[1] == "instruments")
        folder += "/../tools";
    else if (runs_an_exercise(match))
        folder += "/../solutions";
    if (folder.ends_with("/solutions") && !std::filesystem::exists(folder + "/" + program))
        throw Unavailable{"needs the solution of the exercise " + program};
    return match.prefix().str() + quoted(folder) + "/" + program + match.suffix().str();
}

bool of_an_exercise(const Transcript& transcript) {
    return std::ranges::any_of(transcript.steps, [](const Step& step) {
        std::smatch match;
        return step.kind == Step::command && std::regex_search(step.text, match, portlab_run) &&
               runs_an_exercise(match);
    });
}

std::vector<Transcript> read_transcripts(const std::string& path, bool drafts_allowed) {
    std::ifstream file{path};
    if (!file)
        throw Mismatch{path + ": cannot be read"};
    std::vector<Transcript> transcripts;
    std::vector<std::string> block;
    std::string paragraph, attributes;
    enum { prose, console, other } where = prose;
    int line = 0, fence = 0;
    for (std::string text; std::getline(file, text);) {
        ++line;
        if (where != prose) {
            if (text != "```") {
                block.push_back(text);
                continue;
            }
            if (where == console) {
                static const std::regex marks{"<!--.*?-->"};
                Transcript transcript{path, fence, std::regex_replace(paragraph, marks, "")};
                read_attributes(transcript, attributes, fence - 1);
                read_block(transcript, block, drafts_allowed);
                transcripts.push_back(std::move(transcript));
            }
            where = prose;
            paragraph.clear();
            attributes.clear();
        } else if (text.starts_with("```")) {
            where = text == "```console" ? console : other;
            fence = line;
            block.clear();
        } else if (text.starts_with("<!-- varies:") || text.starts_with("<!-- needs:")) {
            if (!text.ends_with(" -->"))
                throw Mismatch{path + ":" + std::to_string(line) + ": this comment has no end on its line"};
            attributes = text.substr(5, text.size() - 9);
        } else if (text.starts_with("<!--")) {
            // another comment
        } else if (text.empty()) {
            if (!paragraph.empty() && paragraph.back() != '\n')
                paragraph += '\n'; // ends the paragraph, if another one follows
        } else {
            if (!paragraph.empty() && paragraph.back() == '\n')
                paragraph.clear();
            paragraph += (paragraph.empty() ? "" : " ") + text;
        }
    }
    if (where != prose)
        throw Mismatch{path + ":" + std::to_string(fence) + ": this block has no end"};
    return transcripts;
}

void check(const Transcript& transcript, const std::string& programs, const Watcher& watch) {
    Run run{transcript, programs};
    const auto nothing_more = [&](Terminal& terminal, int line) {
        for (const std::string& rest : run.finish(terminal)) {
            if (!terminal.skipping)
                mismatch(transcript, line, "a line came that is not in the transcript: " + rest);
        }
        terminal.skipping = false;
    };
    const auto expect = [&](Terminal& terminal, const Step& step) {
        for (;;) {
            const auto line = terminal.process ? terminal.process->next_line() : std::nullopt;
            if (!line)
                mismatch(transcript, step.line,
                         "expected: " + step.text + "\n    but the command has ended" + values_so_far(run, transcript));
            if (run.matches(step.text, *line)) {
                watch(step, *line);
                return;
            }
            if (!terminal.skipping)
                mismatch(transcript, step.line,
                         "expected: " + step.text + "\n    but this came: " + *line + values_so_far(run, transcript));
        }
    };
    try {
        for (const Step& step : transcript.steps) {
            Terminal& terminal = run.terminal(step);
            if (step.kind == Step::output && step.text != "...") {
                expect(terminal, step);
                terminal.skipping = false;
                continue;
            }
            if (step.kind == Step::command)
                nothing_more(terminal, step.line);
            watch(step, replace_words(step.text, run.values()));
            if (step.kind == Step::command)
                run.start(step);
            else if (step.kind == Step::keys)
                run.press(step);
            else
                terminal.skipping = true;
        }
        for (auto& [name, terminal] : run.terminals()) {
            if (terminal.process)
                terminal.process->close_input();
            nothing_more(terminal, terminal.line);
            run.refuse_hidden_status(terminal);
        }
    } catch (const support::Overdue& overdue) {
        mismatch(transcript, transcript.line, overdue.what());
    }
}

std::vector<std::string> record(const Transcript& transcript, const std::string& programs) {
    Run run{transcript, programs};
    std::vector<std::string> lines;
    std::string shown_terminal = transcript.steps.front().terminal;
    if (!shown_terminal.empty())
        lines.push_back("# " + shown_terminal);
    const auto in_samples = [&](const std::string& line) {
        std::map<std::string, std::string> samples;
        for (const auto& [sample, value] : run.values())
            samples[value] = sample;
        return replace_words(line, samples);
    };
    const auto& steps = transcript.steps;
    for (std::size_t i = 0; i < steps.size();) {
        const Step& step = steps[i++];
        if (step.terminal != shown_terminal)
            lines.push_back("# " + (shown_terminal = step.terminal));
        Terminal& terminal = run.terminal(step);
        if (step.kind == Step::command) {
            run.finish(terminal);
            terminal.status_shown = true;
            lines.push_back("$ " + step.text);
            run.start(step);
        } else if (step.kind == Step::keys) {
            lines.push_back(step.text);
            run.press(step);
        } else {
            --i; // output of this terminal without a command before it: it goes on printing
        }
        std::vector<std::string> expected;
        while (i < steps.size() && steps[i].kind == Step::output && steps[i].terminal == step.terminal)
            expected.push_back(steps[i++].text);
        // What comes now: as many lines as there were, and what else comes while nothing new happens. Lines left out at
        // the end may be none.
        const std::pair last{expected.size(), std::string{"..."}};
        std::size_t next = 0;
        bool skipping = false;
        const auto awaited = [&] { return next < expected.size() && std::pair{next + 1, expected[next]} != last; };
        try {
            while (const auto line = terminal.process->next_line(awaited() ? 5s : 500ms)) {
                if (next < expected.size() && expected[next] == "...") {
                    lines.push_back(expected[next++]);
                    skipping = true;
                }
                if (next < expected.size() && run.matches(expected[next], *line)) {
                    lines.push_back(expected[next++]);
                    skipping = false;
                } else if (!skipping) {
                    lines.push_back(in_samples(*line));
                    next += next < expected.size();
                }
            }
        } catch (const support::Overdue&) {
        }
        if (next < expected.size() && !awaited())
            lines.push_back(expected[next]);
    }
    for (auto& [name, terminal] : run.terminals())
        if (terminal.process)
            terminal.process->close_input();
    return lines;
}

} // namespace book
