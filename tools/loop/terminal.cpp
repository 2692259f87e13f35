#include "tools/loop/terminal.hpp"

#include "common/text.hpp"

#include <algorithm>
#include <cstdlib>
#include <iostream>
#include <langinfo.h>
#include <sstream>
#include <sys/ioctl.h>
#include <unistd.h>

namespace loop::terminal {
namespace {

// Characters are counted, not bytes: each of the book's is one column wide.
bool begins_a_character(char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80; }

std::size_t width(std::string_view text) {
    return static_cast<std::size_t>(std::ranges::count_if(text, begins_a_character));
}

std::size_t byte_of_column(std::string_view text, std::size_t column) {
    std::size_t i = 0;
    for (; i < text.size(); ++i)
        if (begins_a_character(text[i]) && column-- == 0)
            break;
    return i;
}

// Where a line goes on under: behind its label, `Expected   `, `  1. ` or `  check      `; else under its first word.
std::size_t second_column(const std::string& line) {
    const auto word = line.find_first_not_of(' ');
    if (word == line.npos)
        return 0;
    if (line.starts_with("At the end ") || line.starts_with("Read again "))
        return 11;
    if (const auto dot = line.find(". ", word); dot != line.npos && dot <= 4 && dot != word)
        return dot + 2;
    const auto gap = line.find("  ", word);
    return gap == line.npos || gap > 30 ? word : line.find_first_not_of(' ', gap);
}

std::string in_colour(std::string_view code, std::string_view text) {
    return colours() ? "\033[" + std::string{code} + "m" + std::string{text} + "\033[0m" : std::string{text};
}

bool knows_commands() {
    const char* const term = std::getenv("TERM");
    return term != nullptr && std::string_view{term} != "dumb";
}

} // namespace

bool is_terminal() { return ::isatty(STDOUT_FILENO) == 1; }

Size size() {
    winsize window{};
    if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &window) != 0 || window.ws_row == 0 || window.ws_col == 0)
        return {};
    return {window.ws_row, window.ws_col};
}

bool colours() {
    const char* const no_color = std::getenv("NO_COLOR");
    return is_terminal() && (no_color == nullptr || *no_color == '\0') && knows_commands();
}

bool has_cursor() { return is_terminal() && knows_commands(); }

bool utf8() { return std::string_view{::nl_langinfo(CODESET)} == "UTF-8"; }

std::string bold(std::string_view text) { return in_colour("1", text); }
std::string dim(std::string_view text) { return in_colour("2", text); }
std::string red(std::string_view text) { return in_colour("31", text); }
std::string green(std::string_view text) { return in_colour("32", text); }
std::string yellow(std::string_view text) { return in_colour("33", text); }

std::string tick() { return green(utf8() ? "✓" : "+"); }
std::string cross() { return red(utf8() ? "✗" : "x"); }

std::string bar(unsigned part, unsigned whole, unsigned columns) {
    const unsigned full = whole == 0 ? 0 : part * columns / whole;
    std::string text;
    for (unsigned i = 0; i < columns; ++i)
        text += i < full ? (utf8() ? "█" : "#") : (utf8() ? "░" : ".");
    return text;
}

std::string wrapped(const std::string& text, unsigned columns, std::optional<std::size_t> hanging) {
    std::string result;
    std::istringstream in{text};
    for (std::string line; std::getline(in, line);) {
        const std::size_t label = hanging.value_or(second_column(line));
        const std::string indent(label + 20 > columns ? 0 : label, ' ');
        while (width(line) > columns) {
            std::size_t end = byte_of_column(line, columns);
            if (const auto space = line.rfind(' ', end); space != line.npos && space > indent.size())
                end = space;
            result += line.substr(0, end) + "\n";
            line.erase(0, std::min(line.find_first_not_of(' ', end), line.size()));
            line.insert(0, indent);
        }
        result += line + "\n";
    }
    return result;
}

std::string printable(const std::string& text) {
    std::string result;
    for (std::size_t from = 0, end = 0; from < text.size(); from = end) { // shown() doubles a backslash
        end = std::min(text.find_first_of("\\\n\t", from), text.size());
        result += common::shown(text.substr(from, end - from), 10 * text.size()); // of which nothing is cut
        for (; end < text.size() && std::string_view{"\\\n\t"}.find(text[end]) != std::string_view::npos; ++end)
            text[end] == '\t' ? result += "    " : result += text[end];
    }
    return result;
}

std::string cut(std::string_view text, std::size_t columns) {
    return std::string{text.substr(0, byte_of_column(text, columns))};
}

void Line::show(const std::string& words) {
    if (::isatty(STDERR_FILENO) != 1 || !knows_commands())
        return;
    std::cerr << "\r\033[K" << cut(prefix_ + words, size().columns - 1) << std::flush;
    shown_ = true;
}

void Line::clear() {
    if (std::exchange(shown_, false))
        std::cerr << "\r\033[K" << std::flush;
}

void clear() {
    if (has_cursor())
        std::cout << "\033[2J\033[H" << std::flush;
}

void Keys::begin() {
    if (::isatty(STDIN_FILENO) != 1 || (!changed_ && ::tcgetattr(STDIN_FILENO, &before_) != 0))
        return;
    termios now = before_;
    now.c_lflag &= ~static_cast<tcflag_t>(ICANON | ECHO);
    now.c_cc[VMIN] = 1;
    now.c_cc[VTIME] = 0;
    changed_ = ::tcsetattr(STDIN_FILENO, TCSANOW, &now) == 0;
}

Keys::~Keys() {
    if (changed_)
        ::tcsetattr(STDIN_FILENO, TCSANOW, &before_);
}

} // namespace loop::terminal
