#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <termios.h>
#include <utility>

namespace loop::terminal {

struct Size {
    unsigned rows = 24, columns = 80;
};

bool is_terminal(); ///< Standard output.
Size size();        ///< Of the terminal, tty_ioctl(4); 24 x 80 where it does not say.
bool colours();     ///< Only on a terminal that has them, and where NO_COLOR is not set (no-color.org).
bool utf8();        ///< By the locale's character set.

std::string bold(std::string_view text);
std::string dim(std::string_view text);
std::string red(std::string_view text);
std::string green(std::string_view text);
std::string yellow(std::string_view text);

std::string tick();  ///< Done.
std::string cross(); ///< Not right.
std::string bar(unsigned part, unsigned whole, unsigned columns);

/// The text in lines of so many columns, broken between words; what a line goes on with is indented so far, or as its
/// beginning.
std::string wrapped(const std::string& text, unsigned columns, std::optional<std::size_t> indent = {});

/// As much of the beginning of the text as fits into so many columns.
std::string cut(std::string_view text, std::size_t columns);

/// What a compiler or a student's program says, fit for a terminal: each character stays, and what would command the
/// terminal becomes an escape. See common::shown.
std::string printable(const std::string& text);

/// A line on the terminal of standard error that is written over and over; nothing where that is no terminal.
class Line {
  public:
    explicit Line(std::string prefix) : prefix_{std::move(prefix)} {}
    ~Line() { clear(); }
    Line(const Line&) = delete;
    Line& operator=(const Line&) = delete;
    void show(const std::string& words);
    void clear();

  private:
    std::string prefix_;
    bool shown_ = false;
};

bool has_cursor(); ///< Standard output: it can be written anywhere, not only at the end.

/// Clears the screen and puts the cursor at its top; nothing where there is no terminal.
void clear();

/// While it lives, each key is read at once and not shown; Ctrl-C stays a signal. Nothing where the standard input is
/// no terminal. termios(3).
class Keys {
  public:
    Keys() { begin(); }
    ~Keys();
    Keys(const Keys&) = delete;
    Keys& operator=(const Keys&) = delete;
    void begin(); ///< Once more, when a shell that had stopped the process has had the terminal.
    bool from_terminal() const { return changed_; }

  private:
    bool changed_ = false;
    termios before_{};
};

} // namespace loop::terminal
