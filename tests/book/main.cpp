// Runs the transcripts of the book: checks them, plays them, records them anew.
#include "tests/book/transcript.hpp"

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <string>
#include <sys/wait.h>
#include <unistd.h>

namespace {

constexpr int exit_skipped = 77;

const char* const usage =
    R"(usage: book check PROGRAMS FILE [N]   run the transcripts of a Markdown file (or its Nth alone) and compare
       book record PROGRAMS FILE ...  run them and write what comes into the file
       book play PROGRAMS FILE        run them and show what comes, as it comes
PROGRAMS is the folder of the chapters' programs, such as build/default/chapters.
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
            std::cout << "skipped: " << reason.what() << '\n';
            status = exit_skipped;
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

int play(const std::string& programs, const std::string& path) {
    int worst = EXIT_SUCCESS;
    for (const auto& transcript : book::read_transcripts(path)) {
        std::cout << '\n' << transcript.commentary << "\n\n";
        std::string terminal;
        const int status = in_a_process([&] {
            book::check(transcript, programs, [&](const auto& step, const auto& text) { show(step, text, terminal); });
        });
        worst = status == EXIT_FAILURE ? status : worst;
    }
    return worst;
}

// Replaces each console block by what comes now.
void record(const std::string& programs, const std::string& path) {
    const auto transcripts = book::read_transcripts(path);
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
    const std::string fresh = path + ".new";
    std::ofstream{fresh} << result;
    std::rename(fresh.c_str(), path.c_str());
}

} // namespace

int main(int argc, char** argv) {
    const std::vector<std::string> words{argv + 1, argv + argc};
    std::signal(SIGPIPE, SIG_IGN);
    try {
        if (words.size() >= 3 && words[0] == "check")
            return check(words[1], words[2], words.size() > 3 ? std::stoul(words[3]) : 0);
        if (words.size() == 3 && words[0] == "play")
            return play(words[1], words[2]);
        if (words.size() >= 3 && words[0] == "record") {
            for (std::size_t i = 2; i < words.size(); ++i)
                record(words[1], words[i]);
            return EXIT_SUCCESS;
        }
    } catch (const std::exception& error) {
        std::cerr << error.what() << '\n';
        return EXIT_FAILURE;
    }
    std::cerr << usage;
    return EXIT_FAILURE;
}
