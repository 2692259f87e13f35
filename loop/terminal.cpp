#include "loop/terminal.hpp"

#include <cstdlib>
#include <iostream>
#include <langinfo.h>
#include <sys/ioctl.h>
#include <unistd.h>

namespace loop::terminal {
namespace {

std::string in_colour(std::string_view code, std::string_view text) {
    return colours() ? "\033[" + std::string{code} + "m" + std::string{text} + "\033[0m" : std::string{text};
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
    const char *no_color = std::getenv("NO_COLOR"), *term = std::getenv("TERM");
    return is_terminal() && (no_color == nullptr || *no_color == '\0') && term != nullptr &&
           std::string_view{term} != "dumb";
}

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

void clear() {
    if (is_terminal())
        std::cout << "\033[2J\033[H" << std::flush;
}

Keys::Keys() {
    if (::isatty(STDIN_FILENO) != 1 || ::tcgetattr(STDIN_FILENO, &before_) != 0)
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
