#include "loop/check.hpp"

#include "loop/command.hpp"
#include "loop/commands.hpp"
#include "loop/progress.hpp"
#include "loop/terminal.hpp"

#include <algorithm>
#include <filesystem>
#include <iostream>
#include <sstream>
#include <string_view>

namespace loop {
namespace {

struct OfTest {
    std::string result; // Passed, ***Failed, ***Skipped, ...
    std::string output;
};

// `1/2 Test #263: NAME ......   Passed    0.05 sec`, and after it what a test that failed had printed.
OfTest find_test(const std::string& printed, const std::string& name) {
    OfTest found;
    bool inside = false;
    std::istringstream in{printed};
    for (std::string line; std::getline(in, line);) {
        if (const auto place = line.find(" Test ");
            place != line.npos && line.find('/') < place && line.ends_with(" sec")) {
            const auto from = line.find(": ", place) + 2;
            inside = line.substr(from, line.find(' ', from) - from) == name;
            if (inside) {
                const auto end = line.find_last_not_of("0123456789. ", line.size() - 5);
                const auto start = line.find_last_of(" .", end);
                found.result = line.substr(start + 1, end - start);
            }
        } else if (line.find("    Start ") == 0 || line.find("% tests passed") != line.npos) {
            inside = false;
        } else if (inside) {
            found.output += line + "\n";
        }
    }
    while (found.output.ends_with("\n\n"))
        found.output.pop_back();
    return found;
}

std::vector<std::string> lines_of(const std::string& text) {
    std::vector<std::string> lines;
    std::istringstream in{text};
    for (std::string line; std::getline(in, line);)
        lines.push_back(line);
    return lines;
}

// What a terminal has no room for is left out: of the compiler's words the end, of a story its earlier steps.
void show_in_at_most(const std::string& text, std::size_t room, bool is_story) {
    auto lines = lines_of(terminal::wrapped(text, terminal::size().columns));
    if (room = std::max<std::size_t>(room, 4); lines.size() > room) {
        const auto here = is_story ? lines.begin() + 2 : lines.end() - 1; // an empty line, and a title
        const auto excess = static_cast<std::ptrdiff_t>(lines.size() - room + 1);
        const auto first = is_story ? here : lines.end() - excess;
        lines.insert(lines.erase(first, first + excess), is_story ? "     ..." : "...");
    }
    for (const std::string& line : lines) {
        const bool bad = line.find("error:") != line.npos || line.starts_with("Observed");
        std::cout << (bad ? terminal::red(line) : line.starts_with("Expected") ? terminal::green(line) : line) << '\n';
    }
}

// The compiler's words without those of the test around them, and with short paths.
std::string compilers_words(std::string text) {
    const std::string first = "it does not compile:\n", here = std::filesystem::current_path().string() + "/";
    if (text.starts_with(first))
        text.erase(0, first.size());
    for (auto place = text.find(here); place != text.npos; place = text.find(here, place))
        text.erase(place, here.size());
    text.erase(std::min(text.rfind("CMake Error at cmake/build.cmake:"), text.size()));
    return text;
}

} // namespace

std::vector<std::string> checking(const Exercise& exercise) {
    return {"ctest", "--preset", "default", "-R", exercise.test()};
}

Report report_of(const Exercise& exercise, const std::string& printed) {
    const OfTest build = find_test(printed, "build." + exercise.chapter + "." + exercise.name);
    const OfTest verdict = find_test(printed, exercise.test());
    if (build.result.ends_with("Failed"))
        return {Result::does_not_compile, compilers_words(build.output)};
    if (verdict.result == "Passed")
        return {Result::right, {}};
    if (verdict.result.ends_with("Skipped"))
        return {progress_of(exercise).state == State::compiles ? Result::compiles : Result::not_started, {}};
    if (verdict.result.empty())
        return {Result::wrong, "\n" + printed}; // ctest itself could not go on: its own words
    const std::string name = exercise.name + ": not right yet";
    return {Result::wrong, verdict.output.substr(verdict.output.starts_with(name) ? name.size() : 0)};
}

void show_next(const Catalogue& catalogue, const Exercise& exercise) {
    const Exercise next = next_after(catalogue, exercise);
    if (next.number != exercise.number)
        std::cout << "  Next: " << in_a_line(next) << ", " << next.file() << ":" << progress_of(next).line << std::endl;
    else
        std::cout << "  That was the last one: none is open." << std::endl;
}

void show(const Exercise& exercise, const Report& report, std::size_t lines) {
    const Progress progress = progress_of(exercise);
    const std::string name = terminal::bold(in_a_line(exercise)),
                      place = exercise.file() + ":" + std::to_string(progress.line);
    switch (report.result) {
    case Result::right:
        std::cout << terminal::tick() << " " << name << ": right, " << exercise.points << " points\n";
        break;
    case Result::compiles:
        std::cout << "- " << name << ": compiles; " << progress.note << '\n';
        break;
    case Result::not_started:
        if (progress.state == State::not_started)
            std::cout << "- " << name << ": not started; begin at\n  " << place << '\n';
        else
            std::cout << "- " << name << ": " << progress.note << '\n';
        break;
    case Result::does_not_compile:
    case Result::wrong:
        std::cout << terminal::cross() << " " << name << ": ";
        if (report.result == Result::does_not_compile) {
            std::cout << "does not compile\n";
            show_in_at_most(report.words, lines, false);
        } else { // the story's first line goes on with the check that failed
            const auto end = std::min(report.words.find('\n'), report.words.size());
            std::cout << "not right yet" << report.words.substr(0, end) << '\n';
            show_in_at_most(report.words.substr(std::min(end + 1, report.words.size())), lines, true);
        }
    }
    std::cout << std::flush;
}

int check(const Catalogue& catalogue, const std::string& name) {
    const auto exercises = name.empty() ? std::vector{current(catalogue)} : catalogue.some(name);
    if (exercises.empty())
        throw WrongUse{"the chapter \"" + name + "\" has no exercises"};
    auto command = checking(exercises.front());
    if (exercises.size() > 1)
        command.back() = "exercise." + exercises.front().chapter;
    std::cerr << "+ " << as_typed(command) << '\n';
    const Finished finished = run(command);
    bool wrong = false, open = false;
    for (const Exercise& exercise : exercises) {
        const Report report = report_of(exercise, finished.output);
        wrong = wrong || report.result == Result::wrong || report.result == Result::does_not_compile;
        open = open || report.result == Result::not_started;
        show(exercise, report, exercises.size() > 1 ? 12 : 1000);
    }
    if (!wrong && !open)
        show_next(catalogue, exercises.back());
    return wrong ? 1 : open ? 3 : 0;
}

} // namespace loop
