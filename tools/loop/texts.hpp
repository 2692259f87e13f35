#pragma once

#include "tools/loop/catalogue.hpp"

#include <string>
#include <vector>

// What the chapters' texts say of an exercise, for a terminal.
namespace loop {

/// Its title, what it takes, and its statement, in lines that fit.
std::vector<std::string> statement_lines(const Exercise& exercise);

/// The hint after the one that was given last, ready to be printed; the last one again when all have been given.
std::string next_hint(const Exercise& exercise);

} // namespace loop
