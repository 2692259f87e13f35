#include "common/text.hpp"

#include <algorithm>
#include <array>
#include <cstdint>

namespace common {
Character first_character(std::string_view text) {
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    const unsigned lead = byte(0);
    const std::size_t size = lead < 0x80   ? 1
                             : lead < 0xC2 ? 0
                             : lead < 0xE0 ? 2
                             : lead < 0xF0 ? 3
                             : lead < 0xF5 ? 4
                                           : 0;
    if (size == 0 || size > text.size())
        return {no_character, 1};
    char32_t code = size == 1 ? lead : lead & (0x7FU >> size);
    for (std::size_t i = 1; i < size; ++i) {
        if ((byte(i) & 0xC0) != 0x80)
            return {no_character, 1};
        code = code << 6 | (byte(i) & 0x3FU);
    }
    const bool too_long = (size == 3 && code < 0x800) || (size == 4 && code < 0x10000);
    if (too_long || code > 0x10FFFF || (code >= 0xD800 && code < 0xE000))
        return {no_character, 1};
    return {code, size};
}

namespace {

// What a terminal obeys, what turns the direction of a line, what looks like a space or like nothing, and what has no
// look of its own: Unicode's Cc, Cf, Zs, Zl, Zp, Co, Cn among the noncharacters, and Default_Ignorable_Code_Point.
struct Range {
    char32_t first, last;
};
constexpr auto without_a_mark = std::to_array<Range>(
    {{0x00, 0x1F},       {0x7F, 0xA0},       {0xAD, 0xAD},       {0x34F, 0x34F},     {0x600, 0x605},
     {0x61C, 0x61C},     {0x6DD, 0x6DD},     {0x70F, 0x70F},     {0x890, 0x891},     {0x8E2, 0x8E2},
     {0x115F, 0x1160},   {0x1680, 0x1680},   {0x17B4, 0x17B5},   {0x180B, 0x180F},   {0x2000, 0x200F},
     {0x2028, 0x202F},   {0x205F, 0x206F},   {0x2800, 0x2800},   {0x3000, 0x3000},   {0x3164, 0x3164},
     {0xE000, 0xF8FF},   {0xFDD0, 0xFDEF},   {0xFE00, 0xFE0F},   {0xFEFF, 0xFEFF},   {0xFFA0, 0xFFA0},
     {0xFFF0, 0xFFFB},   {0xFFFE, 0xFFFF},   {0x110BD, 0x110BD}, {0x110CD, 0x110CD}, {0x13430, 0x1343F},
     {0x1BCA0, 0x1BCA3}, {0x1D173, 0x1D17A}, {0x1FFFE, 0x1FFFF}, {0x2FFFE, 0x2FFFF}, {0x3FFFE, 0x3FFFF},
     {0x40000, 0x10FFFF}});

std::string hexadecimal(char32_t number, unsigned digits) {
    std::string text(digits, '0');
    for (auto digit = text.rbegin(); digit != text.rend(); ++digit, number >>= 4)
        *digit = "0123456789abcdef"[number & 0xF];
    return text;
}

std::string escaped(std::string_view character, char32_t code, char quote) {
    if (code == no_character)
        return "\\x" + hexadecimal(static_cast<unsigned char>(character.front()), 2);
    if (code == '\\' || (quote != '\0' && code == static_cast<char32_t>(quote)))
        return "\\" + std::string{character};
    if (code == '\n' || code == '\r' || code == '\t')
        return code == '\n' ? "\\n" : code == '\r' ? "\\r" : "\\t";
    if (std::ranges::none_of(without_a_mark, [&](const Range& r) { return r.first <= code && code <= r.last; }))
        return std::string{character};
    return code < 0x80      ? "\\x" + hexadecimal(code, 2)
           : code < 0x10000 ? "\\u" + hexadecimal(code, 4)
                            : "\\U" + hexadecimal(code, 8);
}

std::string written(const std::string_view text, std::size_t limit, char quote) {
    std::string result;
    std::string_view rest = text;
    for (std::size_t length = 0; !rest.empty();) {
        const auto [code, size] = first_character(rest);
        const std::string next = escaped(rest.substr(0, size), code, quote);
        length += next.size() > size ? next.size() : 1; // columns: an escape has as many as it has bytes
        if (length > limit)
            break;
        result += next;
        rest.remove_prefix(size);
    }
    if (quote != '\0')
        result = quote + result + quote;
    return rest.empty() ? result : result + "... (" + std::to_string(text.size()) + " bytes)";
}

} // namespace

std::string shown(std::string_view text, std::size_t limit) { return written(text, limit, '\0'); }
std::string quoted(std::string_view text, std::size_t limit) { return written(text, limit, '"'); }

} // namespace common
