#pragma once

#include "loop/catalogue.hpp"

#include <string>

namespace loop {

/// The hint after the one that was given last, ready to be printed; the last one again when all have been given.
std::string next_hint(const Exercise& exercise);

} // namespace loop
