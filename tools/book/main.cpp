// The machine that reads the book: it checks what it can of every file, plays the transcripts and records them anew.
#include "tools/book/markdown.hpp"
#include "tools/book/transcript.hpp"
#include "tools/harness/network.hpp"
#include "tools/harness/process.hpp"

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <iterator>
#include <map>
#include <optional>
#include <sstream>
#include <string>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>
#include <utility>

namespace {

constexpr int exit_skipped = 77;

const char* const usage =
    R"(usage: book check PROGRAMS FILE [N]   run the transcripts of a Markdown file (or its Nth alone) and compare
       book tour PROGRAMS FILE ...    run them and show what comes, as it comes; on a terminal, wait for a key after each file
       book tables PROGRAMS FILE ...  run the commands behind the tables and compare
       book prose BUILD FILE ...      check listings, links, and marks against the tests of the build tree BUILD
       book record PROGRAMS FILE ...  run transcripts and tables and write what comes into the files
PROGRAMS is the folder of the chapters' programs, such as build/default/chapters; a FILE's path begins at the root of the
checkout, which is the working directory.
)";

// Each block runs in a process of its own, and so in a network of its own. Its status: 0, 1 or exit_skipped.
template <class Action>
int in_a_process(Action action) {
    std::cout.flush();
    const pid_t child = ::fork();
    if (child == 0) {
        int status = EXIT_SUCCESS;
        try {
            action();
        } catch (const book::Unavailable& reason) {
            const bool in_ci = std::getenv("CI") != nullptr; // there, nothing is left out
            std::cout << (in_ci ? "cannot be run, which is a failure in CI: " : "skipped: ") << reason.what() << '\n';
            status = in_ci ? EXIT_FAILURE : exit_skipped;
        } catch (const std::exception& error) {
            std::cout << error.what() << '\n';
            status = EXIT_FAILURE;
        }
        std::cout.flush();
        std::_Exit(status);
    }
    int raw = 0;
    ::waitpid(child, &raw, 0);
    return WIFEXITED(raw) ? WEXITSTATUS(raw) : EXIT_FAILURE;
}

// Tables are measured in a network of their own, as an ordinary user finds it: with Linux's default limit for
// privileged ports, which the network of the tests does without.
template <class Action>
int as_an_ordinary_user(Action action) {
    return in_a_process([&] {
        if (!support::enter_private_network())
            throw book::Unavailable{"needs a network namespace of its own"};
        std::ofstream{"/proc/sys/net/ipv4/ip_unprivileged_port_start"} << 1024;
        support::do_without(support::Lacking::low_ports);
        action();
    });
}

int check(const std::string& programs, const std::string& path, std::size_t only) {
    const auto transcripts = book::read_transcripts(path);
    if (only > transcripts.size())
        throw book::Mismatch{path + ": has no transcript " + std::to_string(only)};
    int worst = EXIT_SUCCESS;
    for (std::size_t i = 0; i < transcripts.size(); ++i) {
        if (only != 0 && only != i + 1)
            continue;
        const int status = in_a_process([&] { book::check(transcripts[i], programs, [](auto&, auto&) {}); });
        worst = worst == EXIT_FAILURE || status == EXIT_FAILURE ? EXIT_FAILURE : std::max(worst, status);
    }
    return worst;
}

void show(const book::Step& step, const std::string& text, std::string& terminal) {
    static const bool colour = ::isatty(STDOUT_FILENO) != 0 && !std::getenv("NO_COLOR");
    const char *bold = colour ? "\033[1m" : "", *dim = colour ? "\033[2m" : "", *plain = colour ? "\033[0m" : "";
    if (step.terminal != terminal)
        std::cout << dim << "  -- " << (terminal = step.terminal) << plain << '\n';
    if (step.kind == book::Step::command)
        std::cout << "  " << bold << "$ " << text << plain;
    else
        std::cout << "  " << (step.kind == book::Step::keys ? bold : "") << text << plain;
    std::cout << std::endl;
}

// One key from the terminal, unseen; true unless it is q.
bool wait_for_a_key() {
    termios as_it_was{};
    ::tcgetattr(STDIN_FILENO, &as_it_was);
    termios one_key = as_it_was;
    one_key.c_lflag &= ~static_cast<tcflag_t>(ICANON | ECHO);
    std::cout << "\n-- a key for the next chapter, q to leave --" << std::flush;
    ::tcsetattr(STDIN_FILENO, TCSANOW, &one_key);
    char key = 'q';
    [[maybe_unused]] const auto got = ::read(STDIN_FILENO, &key, 1);
    ::tcsetattr(STDIN_FILENO, TCSANOW, &as_it_was);
    std::cout << "\r\033[K" << std::flush;
    return key != 'q';
}

std::string folded(const std::string& text, std::size_t width) {
    std::istringstream words{text};
    std::string result, line;
    for (std::string word; words >> word;) {
        if (!line.empty() && line.size() + 1 + word.size() > width)
            result += std::exchange(line, "") + '\n';
        line += (line.empty() ? "" : " ") + word;
    }
    return result + line;
}

// Plays what the chapter's programs do. A transcript that does not come as the book has it is played all the same, and
// makes the status 1.
int play(const std::string& programs, const std::string& path) {
    int worst = EXIT_SUCCESS;
    for (const auto& transcript : book::read_transcripts(path)) {
        if (book::of_an_exercise(transcript))
            continue; // the reader's own program
        std::cout << '\n' << folded(transcript.commentary, 80) << "\n\n";
        std::string terminal;
        const int status = in_a_process([&] {
            book::check(transcript, programs, [&](const auto& step, const auto& text) { show(step, text, terminal); });
        });
        worst = status == EXIT_FAILURE ? status : worst;
    }
    return worst;
}

std::string title_of(const std::string& path) {
    std::ifstream file{path};
    std::string title;
    std::getline(file, title);
    return title.substr(std::min(title.size(), title.find_first_not_of("# ")));
}

int tour(const std::string& programs, const std::vector<std::string>& files) {
    const bool terminal = ::isatty(STDIN_FILENO) != 0 && ::isatty(STDOUT_FILENO) != 0;
    int worst = EXIT_SUCCESS;
    for (std::size_t i = 0; i < files.size(); ++i) {
        if (i > 0 && terminal && !wait_for_a_key())
            break;
        std::cout << "\n[" << std::string(i + 1, '#') << std::string(files.size() - i - 1, '.') << "] " << i + 1
                  << " of " << files.size() << ": " << title_of(files[i]) << '\n';
        worst = std::max(worst, play(programs, files[i]));
    }
    return worst;
}

int report(const book::Faults& faults) {
    for (const std::string& fault : faults)
        std::cout << fault << '\n';
    return faults.empty() ? EXIT_SUCCESS : EXIT_FAILURE;
}

// Replaces each console block by what comes now.
void record(const std::string& programs, const std::string& path) {
    const auto transcripts = book::read_transcripts(path, true);
    std::ifstream old{path};
    std::string result, text;
    int line = 0;
    std::size_t next = 0;
    while (std::getline(old, text)) {
        ++line;
        result += text + '\n';
        if (next == transcripts.size() || line != transcripts[next].line)
            continue;
        for (const std::string& recorded : book::record(transcripts[next++], programs))
            result += recorded + '\n';
        while (std::getline(old, text) && (++line, text != "```")) {
        }
        result += "```\n";
    }
    old.close();
    book::write_whole(path, result);
    const int status = as_an_ordinary_user([&] {
        if (report(book::check_tables(".", path, programs, true)) != EXIT_SUCCESS)
            throw book::Mismatch{path + ": not every table could be recorded"};
    });
    if (status == EXIT_FAILURE)
        throw book::Mismatch{path + " is not wholly recorded"};
}

int tables(const std::string& programs, const std::vector<std::string>& files) {
    return as_an_ordinary_user([&] {
        book::Faults faults;
        std::optional<book::Unavailable> unavailable;
        for (const std::string& file : files)
            try {
                std::ranges::move(book::check_tables(".", file, programs, false), std::back_inserter(faults));
            } catch (const book::Unavailable& reason) {
                unavailable = reason;
            }
        if (report(faults) != EXIT_SUCCESS)
            throw book::Mismatch{"the tables are written anew by: book record PROGRAMS FILE"};
        if (unavailable)
            throw book::Unavailable{*unavailable};
    });
}

// The names of all tests of a build tree, as `ctest -N` lists them: "  Test  #7: name".
std::set<std::string> test_names(const std::string& build) {
    support::Process ctest{"/bin/sh", {.arguments = {"-c", "exec ctest --test-dir \"$0\" -N", build}}};
    std::set<std::string> names;
    while (const auto line = ctest.next_line())
        if (const auto number = line->find('#'); line->starts_with("  Test") && number != line->npos) {
            const std::string name = line->substr(line->find(": ", number) + 2);
            names.insert(name.substr(0, name.find(" (Disabled)"))); // run in another tree
        }
    if (ctest.wait_for_exit() != 0 || names.empty())
        throw book::Mismatch{"no tests in " + build};
    return names;
}

int prose(const std::string& build, const std::vector<std::string>& files) {
    const auto tests = test_names(build);
    book::Faults faults;
    std::map<std::string, std::size_t> marks;
    std::size_t sections = 0, covered = 0, transcripts = 0;
    for (const std::string& file : files) {
        std::ranges::move(book::check_listings(".", file), std::back_inserter(faults));
        std::ranges::move(book::check_links(".", file), std::back_inserter(faults));
        std::ranges::move(book::check_terms(".", file), std::back_inserter(faults));
        if (file == "README.md" || file == "CONTRIBUTING.md")
            continue; // these are about the repository, not about what programs do
        const auto claims = book::check_claims(".", file, tests);
        std::ranges::copy(claims.faults, std::back_inserter(faults));
        for (const std::string& section : claims.uncovered)
            std::cout << "nothing in this section is checked: " << section << '\n';
        for (const auto& [kind, count] : claims.marks)
            marks[kind] += count;
        sections += claims.sections, covered += claims.covered;
        transcripts += book::read_transcripts(file).size();
    }
    std::cout << transcripts << " transcripts; claims: " << marks["test"] << " with a test, " << marks["source"]
              << " with a source, " << marks["definition"] << " definitions, " << marks["untested"] << " untested; "
              << covered << " of " << sections << " sections checked (" << (sections > 0 ? 100 * covered / sections : 0)
              << " %)\n";
    return report(faults);
}

} // namespace

int main(int argc, char** argv) {
    const std::vector<std::string> words{argv + 1, argv + argc};
    std::signal(SIGPIPE, SIG_IGN);
    try {
        if (words.size() >= 3 && words[0] == "check")
            return check(words[1], words[2], words.size() > 3 ? std::stoul(words[3]) : 0);
        const std::vector<std::string> files{words.begin() + std::min<std::ptrdiff_t>(2, std::ssize(words)),
                                             words.end()};
        if (!files.empty() && words[0] == "tour")
            return tour(words[1], files);
        if (!files.empty() && words[0] == "tables")
            return tables(words[1], files);
        if (!files.empty() && words[0] == "prose")
            return prose(words[1], files);
        if (!files.empty() && words[0] == "record") {
            for (const std::string& file : files)
                record(words[1], file);
            return EXIT_SUCCESS;
        }
    } catch (const std::exception& error) {
        std::cerr << error.what() << '\n';
        return EXIT_FAILURE;
    }
    std::cerr << usage;
    return EXIT_FAILURE;
}
