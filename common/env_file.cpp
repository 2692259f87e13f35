#include "common/env_file.hpp"

#include "common/config.hpp"
#include "common/text.hpp"

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <fstream>

namespace common {
namespace {

// What UTF-8 is has two answers: systemd refuses in names and values what Unicode reserves as "noncharacters", U+FFFE
// say.
enum class Encoding { utf8, with_noncharacters, another };
Encoding encoding_of(std::string_view text) {
    Encoding found = Encoding::utf8;
    while (!text.empty()) {
        const auto [code, size] = first_character(text);
        text.remove_prefix(size);
        if (code == no_character)
            return Encoding::another;
        if ((code & 0xFFFE) == 0xFFFE || (code >= 0xFDD0 && code <= 0xFDEF))
            found = Encoding::with_noncharacters;
    }
    return found;
}

// Why the two would read this assignment differently, or one of them not at all; empty if they read the same.
std::string why_they_differ(std::string_view line) {
    const std::string_view blank = " \t";
    if (line.front() == ';')
        return "for systemd a comment, for Docker a name; begin a comment with #";
    const auto equals = line.find('=');
    if (equals == line.npos)
        return "no =, so systemd skips the line and Docker copies a variable of its own; write NAME=VALUE";
    const std::string_view name = line.substr(0, equals), value = line.substr(equals + 1);
    const std::string_view letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_0123456789";
    if (name.empty())
        return "no name before the =: Docker refuses that, and systemd skips the line";
    if (name.starts_with("export") && blank.find(name[std::min<std::size_t>(6, name.size() - 1)]) != blank.npos)
        return "export is a word of the shell: Docker refuses it, and systemd skips the line; leave it out";
    if (blank.find(name.back()) != blank.npos)
        return "Docker refuses a space before the =, and systemd drops it; leave it out";
    if (name.find_first_of(blank) != name.npos)
        return "a space in the name: Docker refuses that, and systemd skips the line";
    if ((name.front() >= '0' && name.front() <= '9') || name.find_first_not_of(letters) != name.npos)
        return "Docker takes any name, and systemd skips one that is not made of letters, digits and _ or that begins "
               "with "
               "a digit";
    if (value.empty())
        return "";
    if (blank.find(value.front()) != blank.npos || blank.find(value.back()) != blank.npos)
        return "systemd drops the spaces around the value and Docker keeps them; leave them out";
    if (value.front() == '"' || value.front() == '\'')
        return "systemd drops the quotes and Docker keeps them; leave them out";
    if (value.find('\\') != value.npos)
        return "systemd reads a backslash as an escape and Docker as itself; leave it out";
    if (encoding_of(line) != Encoding::utf8)
        return "systemd refuses a file with one of Unicode's noncharacters in a value, such as U+FFFF; leave it out";
    return "";
}

// Why a line, whatever it holds, is refused; empty if it is not.
std::string why_not_plain(std::string_view line) {
    if (line.size() > 65535)
        return "Docker refuses a line of more than 65535 bytes";
    if (line.ends_with('\r')) // a file written on Windows: both drop it
        line.remove_suffix(1);
    if (line.find('\0') != line.npos)
        return "a NUL byte, which no variable can hold; save the file as UTF-8 text";
    if (line.find('\r') != line.npos)
        return "a carriage return within the line, at which systemd ends it and Docker does not; leave it out";
    if (encoding_of(line) == Encoding::another)
        return "not UTF-8, which Docker refuses, in a comment too; save the file as UTF-8 text";
    return "";
}

} // namespace

std::vector<EnvLine> parse_env_file(const std::string& file, std::string_view text) {
    const std::string_view blank = " \t";
    std::vector<EnvLine> lines;
    std::size_t goes_on_in = 0; // the line that the comment before it takes in; 0: none
    for (std::size_t number = 1; !text.empty(); ++number) {
        const auto end = text.find('\n');
        std::string_view line = text.substr(0, end);
        text.remove_prefix(end == text.npos ? text.size() : end + 1);
        const std::string place = shown(file) + ":" + std::to_string(number);
        const auto refuse = [&](const std::string& why) {
            throw ConfigError{place + ": " + (line.empty() ? "" : shown(line) + ": ") + why};
        };
        if (const std::string why = why_not_plain(line); !why.empty())
            refuse(why);
        if (number == 1 && line.starts_with("\xEF\xBB\xBF"))
            refuse("a byte order mark, which Docker drops and systemd takes for part of the first name; save the file "
                   "without it");
        const bool ended_by_cr = line.ends_with('\r');
        if (ended_by_cr)
            line.remove_suffix(1);
        line.remove_prefix(std::min(line.find_first_not_of(blank), line.size()));
        if (line.empty())
            continue;
        if (line.front() == '#') {
            const auto backslashes = line.size() - (line.find_last_not_of('\\') + 1);
            goes_on_in = backslashes % 2 == 1 && !ended_by_cr ? number + 1 : 0;
            continue;
        }
        if (goes_on_in == number)
            refuse(
                "for systemd before 254 the comment in the line before, which ends in a backslash, takes in this one; "
                "end it otherwise");
        if (const std::string why = why_they_differ(line); !why.empty())
            refuse(why);
        const auto equals = line.find('=');
        lines.push_back({place, std::string{line.substr(0, equals)}, std::string{line.substr(equals + 1)}});
    }
    return lines;
}

std::vector<EnvLine> read_env_file(const std::string& setting, const std::string& path) {
    constexpr std::size_t limit = 1024 * 1024;
    const std::string place = setting + "=" + quoted(path);
    errno = 0;
    std::ifstream file{path, std::ios::binary};
    std::string text(limit + 1, '\0');
    if (file)
        file.read(text.data(), static_cast<std::streamsize>(text.size()));
    if (!file.eof() && !file.good()) // a directory opens, and cannot be read
        throw ConfigError{place + " cannot be read: " + std::strerror(errno) +
                          "; name a file of KEY=VALUE lines that this user may read, or unset " + setting};
    text.resize(static_cast<std::size_t>(file.gcount()));
    if (text.size() > limit)
        throw ConfigError{place + " is longer than " + std::to_string(limit) +
                          " bytes; name a file of KEY=VALUE lines"};
    return parse_env_file(path, text);
}

} // namespace common
