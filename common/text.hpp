#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace common {

/// Text from outside (a setting, a name of a process, a line of a file), fit for a terminal. What would command the
/// terminal or leave no mark there is written as an escape: `\n`, `\x1b`, `\u202e`; a byte that is not UTF-8 as `\xff`;
/// a backslash as `\\`. After `limit` characters the text is cut: `aaa... (100000 bytes)`.
std::string shown(std::string_view text, std::size_t limit = 100);

/// The same in quotation marks, which it escapes as well: `"8080\r"`, `"aaa"... (100000 bytes)`.
std::string quoted(std::string_view text, std::size_t limit = 100);

/// The character that `text`, which is not empty, begins with, in UTF-8 (RFC 3629); a single byte that is none has the
/// code `no_character`.
struct Character {
    char32_t code;
    std::size_t size; ///< In bytes.
};
inline constexpr char32_t no_character = ~char32_t{0};
Character first_character(std::string_view text);

} // namespace common
