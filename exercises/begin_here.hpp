#pragma once

#include <cstdio>
#include <cstdlib>
#include <string_view>

/// Stands in an exercise until its reader begins: ends the program with status 77, by which the test knows that the
/// exercise is not started, and says where to begin.
inline void begin_here(std::string_view file = __builtin_FILE(), int line = __builtin_LINE()) {
    if (const auto start = file.rfind("exercises/"); start != file.npos)
        file.remove_prefix(start);
    std::fprintf(stderr, "not started: begin at %.*s:%d\n", static_cast<int>(file.size()), file.data(), line);
    std::exit(77);
}
