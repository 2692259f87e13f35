#pragma once

#include "tools/loop/catalogue.hpp"

#include <filesystem>
#include <string>
#include <string_view>

namespace loop {

enum class State { not_started, in_progress, compiles, done };

struct Progress {
    State state = State::not_started;
    std::string note{}; ///< What stands between it and the next state.
    unsigned line = 1;  ///< Where to go on in its file.
};

/// Whether the line of an exercise is `begin_here();`.
bool begins(std::string_view line);

/// Where the reader stands with an exercise. Not started: its file has the line begin_here(). Done: its last verdict is
/// "right", and neither its file nor its program is newer than that verdict. Compiles: its tests are hidden, and its
/// program is as new as its file: no more can be known here. In progress: everything else.
Progress progress_of(const Exercise& exercise);

/// Where its judge writes the last verdict.
std::filesystem::path verdict_file(const Exercise& exercise);
/// Whether this copy of the book has no judge for it: it is the instructor's.
bool tests_are_hidden(const Exercise& exercise);

/// Whether there is something left to do: it is not started, or in progress.
bool is_open(const Exercise& exercise);

/// The exercise to go on with: of those in progress the one that was saved last; else the first that is open; else
/// the last one.
Exercise current(const Catalogue& catalogue);

/// The exercise to begin after `exercise`: the next one in the book's order that is open; itself where none is.
Exercise next_after(const Catalogue& catalogue, const Exercise& exercise);

} // namespace loop
