#pragma once

#include "tools/loop/catalogue.hpp"

#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace loop {

/// What the last of the words after `./portlab` may be, one a line: commands and options as `app` has them, chapters
/// and exercises as the catalogue has them. Nothing where it can be anything.
int complete(const CLI::App& app, const std::vector<std::string>& words, const Catalogue& catalogue);

/// Those for which there is a completion.
std::vector<std::string> shells();

/// Prints the lines by which the shell asks `./portlab complete -- WORD...` at the Tab key.
int completion(const std::string& shell);

} // namespace loop
