#pragma once

#include "loop/catalogue.hpp"

#include <string>
#include <vector>

namespace loop {

/// The command that builds and judges the exercise.
std::vector<std::string> checking(const Exercise& exercise);

enum class Result { right, wrong, does_not_compile, not_started, compiles };

struct Report {
    Result result;
    std::string words; ///< The judge's story, or the compiler's words.
};

/// What that command printed, for one exercise.
Report report_of(const Exercise& exercise, const std::string& printed);

/// Prints it, at most so many lines of it.
void show(const Exercise& exercise, const Report& report, std::size_t lines);

/// Prints which exercise is next, once nothing is left to do for this one.
void show_next(const Catalogue& catalogue, const Exercise& exercise);

} // namespace loop
