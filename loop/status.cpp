#include "loop/commands.hpp"
#include "loop/progress.hpp"
#include "loop/terminal.hpp"

#include <algorithm>
#include <iostream>
#include <string>

namespace loop {

int status(const Catalogue& catalogue) {
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
    } book;
    std::size_t column = 0; // where the second one begins
    for (const Chapter& chapter : catalogue.chapters()) {
        column = std::max(column, chapter.title.size() + 5);
        for (const Exercise& exercise : chapter.exercises) {
            book.add(exercise);
            column = std::max(column, in_a_line(exercise).size() + 6);
        }
    }
    const auto points = [](unsigned some) { return ", " + std::to_string(some) + " points"; };
    const auto padded = [column](std::string text) {
        return text.append(column + 2 - std::min(column, text.size()), ' ');
    };
    const Exercise next = current(catalogue);
    const auto [rows, columns] = terminal::size();
    const unsigned width = std::min(columns, 100U);
    const bool everything = !terminal::is_terminal() || rows >= catalogue.chapters().size() + book.all + 9;

    std::cout << terminal::bold("Portlab") << ": " << book.done << " of " << book.all << " exercises, " << book.points
              << " of " << book.all_points << " points\n"
              << terminal::bar(book.points, book.all_points, width - 6) << ' '
              << (book.all_points == 0 ? 0 : 100 * book.points / book.all_points) << " %\n\n";
    for (const Chapter& chapter : catalogue.chapters()) {
        Sum sum;
        for (const Exercise& exercise : chapter.exercises)
            sum.add(exercise);
        const std::string title = padded(" " + chapter.name.substr(0, 2) + "  " + chapter.title);
        std::cout << (chapter.name == next.chapter ? terminal::bold(title) : title) << sum.done << " of " << sum.all
                  << ", " << sum.points << " of" << points(sum.all_points).substr(1)
                  << (sum.done == sum.all && sum.all > 0 ? " " + terminal::tick() : "") << '\n';
        if (!everything && chapter.name != next.chapter)
            continue;
        for (const Exercise& exercise : chapter.exercises) {
            const auto [state, note, line] = progress_of(exercise);
            std::string rest = points(exercise.points) + (note.empty() ? "" : ", " + note);
            if (terminal::is_terminal() && column + 15 + rest.size() > columns)
                rest = rest.substr(0, columns - std::min<std::size_t>(columns, column + 18)) + "...";
            std::cout << padded("     " + in_a_line(exercise))
                      << (state == State::done          ? terminal::green("done")
                          : state == State::compiles    ? terminal::green("compiles")
                          : state == State::not_started ? terminal::dim("not started")
                                                        : terminal::yellow("in progress"))
                      << rest << '\n';
        }
    }
    std::cout << '\n';
    if (book.done == book.all)
        std::cout << "All are right. What would the kernel say? ./portlab predict\n";
    else if (!is_open(next))
        std::cout << "None is open. Your instructor runs the tests of those that compile.\n";
    else
        std::cout << "Next: " << terminal::bold("exercise " + in_a_line(next)) << " (" << next.level << ", "
                  << next.minutes << " minutes, " << next.points << " points)\n      " << next.file() << ":"
                  << progress_of(next).line
                  << "\n      ./portlab watch judges it whenever you save it\n      ./portlab hint " << next.name
                  << '\n';
    return 0;
}

} // namespace loop
