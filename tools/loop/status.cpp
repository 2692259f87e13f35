#include "tools/loop/commands.hpp"
#include "tools/loop/progress.hpp"
#include "tools/loop/terminal.hpp"

#include <algorithm>
#include <iostream>
#include <sstream>
#include <string>
#include <vector>

namespace loop {
namespace {

using Lines = std::vector<std::string>;

struct Sum {
    std::size_t done = 0, all = 0;
    unsigned points = 0, all_points = 0;
    void add(const Exercise& exercise) {
        const bool is_done = progress_of(exercise).state == State::done;
        done += is_done ? 1 : 0;
        points += is_done ? exercise.points : 0;
        ++all;
        all_points += exercise.points;
    }
    std::string points_in_words() const {
        return std::to_string(points) + " of " + std::to_string(all_points) + " points";
    }
};

// What is shown of the chapters, from all to nothing.
enum class Detail { exercises, those_of_the_current_chapter, chapters, nothing };

std::string state_of(const Exercise& exercise, std::size_t room) {
    const auto [state, note, line] = progress_of(exercise);
    const std::string points = ", " + std::to_string(exercise.points) + " points",
                      rest = points + (note.empty() ? "" : ", " + note);
    const std::string word = state == State::done          ? "done"
                             : state == State::compiles    ? "compiles"
                             : state == State::not_started ? "not started"
                                                           : "in progress";
    std::string fitting = rest;
    if (terminal::is_terminal() && word.size() + rest.size() > room)
        fitting = room < word.size() + points.size() + 10 ? "" : terminal::cut(rest, room - word.size() - 3) + "...";
    return (state == State::done || state == State::compiles ? terminal::green(word)
            : state == State::not_started                    ? terminal::dim(word)
                                                             : terminal::yellow(word)) +
           fitting;
}

Lines lines_of(const Catalogue& catalogue, const Exercise& next, Detail detail) {
    Sum book;
    std::size_t column = 0; // where the second one begins
    for (const Chapter& chapter : catalogue.chapters()) {
        column = std::max(column, chapter.exercises.empty() ? 0 : chapter.title.size() + 5);
        for (const Exercise& exercise : chapter.exercises) {
            book.add(exercise);
            column = std::max(column, in_a_line(exercise).size() + 6);
        }
    }
    const unsigned columns = terminal::size().columns, width = std::min(columns, 100U);
    constexpr unsigned second = 26; // "0 of 4, 0 of 350 points", and a tick
    column =
        std::min<std::size_t>(column + 2, terminal::is_terminal() && columns > 2 * second ? columns - second : columns);
    const auto padded = [column](std::string text) {
        if (text.size() > column - 1)
            text = terminal::cut(text, column - 5) + "...";
        return text.append(column - text.size(), ' ');
    };
    Lines lines;
    const auto add = [&](const std::string& text) {
        std::istringstream in{terminal::wrapped(text, columns)};
        for (std::string line; std::getline(in, line);)
            lines.push_back(line);
    };
    lines.push_back(terminal::bold("Portlab") + ": " + std::to_string(book.done) + " of " + std::to_string(book.all) +
                    " exercises, " + book.points_in_words());
    const unsigned percent = book.all_points == 0 ? 0 : 100 * book.points / book.all_points;
    lines.push_back(terminal::bar(book.points, book.all_points, width - 6) + ' ' + std::to_string(percent) + " %");
    lines.emplace_back();
    for (const Chapter& chapter : catalogue.chapters()) {
        if (detail == Detail::nothing)
            break;
        if (chapter.exercises.empty()) // an appendix, or none of them is assigned
            continue;
        Sum sum;
        for (const Exercise& exercise : chapter.exercises)
            sum.add(exercise);
        const bool current = chapter.name == next.chapter;
        const std::string title = padded(" " + chapter.name.substr(0, 2) + "  " + chapter.title);
        lines.push_back((current ? terminal::bold(title) : title) + std::to_string(sum.done) + " of " +
                        std::to_string(sum.all) + ", " + sum.points_in_words() +
                        (sum.done == sum.all && sum.all > 0 ? " " + terminal::tick() : ""));
        if (detail == Detail::exercises || (detail == Detail::those_of_the_current_chapter && current))
            for (const Exercise& exercise : chapter.exercises)
                lines.push_back(padded("     " + in_a_line(exercise)) + state_of(exercise, columns - column));
    }
    if (detail != Detail::nothing)
        lines.emplace_back();
    if (book.done == book.all) {
        add("All are right. What would the kernel say? ./portlab predict");
    } else if (!is_open(next)) {
        add("None is open. Your instructor runs the tests of those that compile.");
    } else {
        add("Next: exercise " + in_a_line(next) + " (" + effort(next) + ")");
        add("      " + next.file() + ":" + std::to_string(progress_of(next).line));
        add("      ./portlab watch       shows what it asks for, and judges what you save");
        add("      ./portlab hint        the next hint");
    }
    return lines;
}

} // namespace

void print_status(const Catalogue& catalogue, unsigned other_lines) {
    const Exercise next = current(catalogue);
    Lines lines;
    for (const Detail detail :
         {Detail::exercises, Detail::those_of_the_current_chapter, Detail::chapters, Detail::nothing}) {
        lines = lines_of(catalogue, next, detail);
        if (!terminal::is_terminal() || lines.size() + other_lines <= terminal::size().rows)
            break;
    }
    for (const auto& line : lines)
        std::cout << line << '\n';
}

int status(const Catalogue& catalogue) {
    print_status(catalogue, 2); // the command, and the prompt after it
    return 0;
}

} // namespace loop
