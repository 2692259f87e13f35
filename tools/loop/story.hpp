#pragma once

#include <cstddef>
#include <string>

namespace loop {

enum class Words { story, compilers };

/// Prints what a judge or a compiler says, in at most so many lines, and at least four. What there is no room for is
/// left out: of the compiler's words the end; of a story the steps that led there first, and never what was expected,
/// what was observed and the last step.
void show_in_at_most(const std::string& text, std::size_t lines, Words words);

} // namespace loop
