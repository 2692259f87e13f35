#include "loop/check.hpp"

#include "loop/command.hpp"
#include "loop/commands.hpp"
#include "loop/progress.hpp"
#include "loop/terminal.hpp"

#include <algorithm>
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

void show_in_at_most(const std::string& text, unsigned lines) {
    std::istringstream in{text};
    unsigned shown = 0;
    for (std::string line; std::getline(in, line); ++shown) {
        if (shown == lines) {
            std::cout << terminal::dim("...") << '\n';
            return;
        }
        if (line.find("error:") != line.npos || line.starts_with("Observed"))
            line = terminal::red(line);
        else if (line.starts_with("Expected"))
            line = terminal::green(line);
        std::cout << line << '\n';
    }
}

} // namespace

std::vector<std::string> checking(const Exercise& exercise) {
    return {"ctest", "--preset", "default", "-R", exercise.test()};
}

std::string in_a_line(const Exercise& exercise) { return exercise.number + " " + exercise.title; }

Report report_of(const Exercise& exercise, const std::string& printed) {
    const OfTest build = find_test(printed, "build." + exercise.chapter + "." + exercise.name);
    const OfTest verdict = find_test(printed, exercise.test());
    if (build.result.ends_with("Failed"))
        return {Result::does_not_compile, build.output};
    if (verdict.result == "Passed")
        return {Result::right, {}};
    if (verdict.result.ends_with("Skipped"))
        return {Result::not_started, {}};
    if (verdict.result.empty())
        return {Result::wrong, printed}; // ctest itself could not go on: its own words
    return {Result::wrong, verdict.output};
}

void show(const Catalogue& catalogue, const Exercise& exercise, const Report& report, unsigned lines) {
    const Progress progress = progress_of(exercise);
    const std::string name = terminal::bold(in_a_line(exercise)),
                      place = exercise.file() + ":" + std::to_string(progress.line);
    switch (report.result) {
    case Result::right: {
        std::cout << terminal::tick() << " " << name << ": right, " << exercise.points << " points\n";
        const Exercise next = next_after(catalogue, exercise);
        if (next.number != exercise.number)
            std::cout << "  Next: " << in_a_line(next) << ", " << next.file() << ":" << progress_of(next).line << '\n';
        else
            std::cout << "  That was the last one: all are right.\n";
        break;
    }
    case Result::not_started:
        if (progress.state == State::not_started)
            std::cout << "- " << name << ": not started; begin at " << place << '\n';
        else
            std::cout << "- " << name << ": " << progress.note << '\n';
        break;
    case Result::does_not_compile:
    case Result::wrong:
        std::cout << terminal::cross() << " " << name << ": "
                  << (report.result == Result::wrong ? "not right yet" : "does not compile") << '\n';
        show_in_at_most(report.words, lines);
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
        show(catalogue, exercise, report, exercises.size() > 1 ? 12 : 1000);
    }
    return wrong ? 1 : open ? 3 : 0;
}

int status(const Catalogue& catalogue) {
    unsigned done = 0, points = 0, all = 0, all_points = 0;
    for (const Exercise& exercise : catalogue.exercises()) {
        const bool is_done = progress_of(exercise).state == State::done;
        done += is_done ? 1 : 0;
        points += is_done ? exercise.points : 0;
        ++all;
        all_points += exercise.points;
    }
    const Exercise next = current(catalogue);
    const auto [rows, columns] = terminal::size();
    const bool everything = !terminal::is_terminal() || rows >= catalogue.chapters().size() + all + 9;

    std::cout << terminal::bold("Portlab") << ": " << done << " of " << all << " exercises, " << points << " of "
              << all_points << " points\n"
              << terminal::bar(points, all_points, std::min(columns, 80U) - 6) << ' '
              << (all_points == 0 ? 0 : 100 * points / all_points) << " %\n\n";
    for (const Chapter& chapter : catalogue.chapters()) {
        unsigned chapter_done = 0, chapter_points = 0;
        for (const Exercise& exercise : chapter.exercises)
            if (progress_of(exercise).state == State::done) {
                ++chapter_done;
                chapter_points += exercise.points;
            }
        (void)chapter_points;
        std::string title = "  " + chapter.name.substr(0, 2) + "  " + chapter.title;
        title.resize(std::max<std::size_t>(title.size(), 34), ' ');
        std::cout << (chapter.name == next.chapter ? terminal::bold(title) : title) << ' ' << chapter_done << " of "
                  << chapter.exercises.size()
                  << (chapter_done == chapter.exercises.size() && chapter_done > 0 ? " " + terminal::tick() : "")
                  << '\n';
        if (!everything && chapter.name != next.chapter)
            continue;
        for (const Exercise& exercise : chapter.exercises) {
            const Progress progress = progress_of(exercise);
            std::string line = "      " + in_a_line(exercise);
            line.resize(std::max<std::size_t>(line.size(), 34), ' ');
            std::string state = progress.state == State::done          ? terminal::green("done")
                                : progress.state == State::not_started ? terminal::dim("not started")
                                                                       : terminal::yellow("in progress");
            if (!progress.note.empty())
                state += ", " + progress.note;
            std::cout << line << ' ' << state << '\n';
        }
    }
    const Progress progress = progress_of(next);
    std::cout << '\n';
    if (done == all)
        std::cout << "All are right. A next step: ./portlab predict\n";
    else
        std::cout << "Next: " << terminal::bold("exercise " + in_a_line(next)) << " (" << next.level << ", "
                  << next.minutes << " minutes, " << next.points << " points)\n      " << next.file() << ":"
                  << progress.line << "\n      ./portlab watch judges it whenever you save it; ./portlab hint "
                  << next.name << " helps\n";
    return 0;
}

} // namespace loop
