// A file of KEY=VALUE lines that Docker's --env-file and systemd's EnvironmentFile= read alike.
//
// The two formats look the same and differ in quotes, backslashes, spaces and comments. This reader takes what means
// the same to both, and refuses every other line with the reason: a file that it accepts may be handed to either.
#pragma once

#include "common/config.hpp"

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <fstream>
#include <string>
#include <string_view>
#include <vector>

struct EnvLine {
    std::size_t number;
    std::string name, value;
};

// Both want UTF-8; systemd refuses the code points that Unicode reserves as "noncharacters" as well.
inline bool is_utf8(std::string_view text) {
    for (std::size_t i = 0; i < text.size();) {
        const auto lead = static_cast<unsigned char>(text[i++]);
        const int more = lead < 0x80 ? 0 : lead >= 0xC2 && lead < 0xE0 ? 1 : lead >= 0xE0 && lead < 0xF0 ? 2 : 3;
        if (more == 3 && (lead < 0xF0 || lead > 0xF4))
            return false;
        unsigned code = more == 0 ? lead : lead & (0x3FU >> more);
        for (int left = more; left > 0; --left, ++i) {
            if (i == text.size() || (static_cast<unsigned char>(text[i]) & 0xC0) != 0x80)
                return false;
            code = code << 6 | (static_cast<unsigned char>(text[i]) & 0x3FU);
        }
        if ((more == 2 && code < 0x800) || (more == 3 && code < 0x10000) || code > 0x10FFFF) // longer than need be
            return false;
        if ((code >= 0xD800 && code < 0xE000) || (code & 0xFFFE) == 0xFFFE || (code >= 0xFDD0 && code <= 0xFDEF))
            return false;
    }
    return true;
}

// Why the two would read `line` differently; empty where they would not.
inline std::string why_refused(std::string_view line) {
    const std::string_view blank = " \t";
    const auto start = line.find_first_not_of(blank);
    if (start == line.npos)
        return ""; // a blank line
    line.remove_prefix(start);
    if (line.front() == '#')
        return line.back() == '\\' ? "for systemd before 254 this comment takes in the next line; end it otherwise"
                                   : "";
    if (line.front() == ';')
        return "for systemd a comment, for Docker a name; begin a comment with #";
    const auto equals = line.find('=');
    if (equals == line.npos)
        return "no =, so systemd skips the line and Docker copies a variable of its own; write NAME=VALUE";
    const std::string_view name = line.substr(0, equals), value = line.substr(equals + 1);
    const std::string_view letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_0123456789";
    if (name.empty() || (name.front() >= '0' && name.front() <= '9') || name.find_first_not_of(letters) != name.npos)
        return "no name before the =; a name is made of letters, digits and _, and a digit is not its first";
    if (value.empty())
        return "";
    if (blank.find(value.front()) != blank.npos || blank.find(value.back()) != blank.npos)
        return "systemd drops the spaces around the value and Docker keeps them; leave them out";
    if (value.front() == '"' || value.front() == '\'')
        return "systemd drops the quotes and Docker keeps them; leave them out";
    if (value.find('\\') != value.npos)
        return "systemd reads a backslash as an escape and Docker as itself; leave it out";
    return "";
}

/// The assignments in `text`, in order. `file` names it in the ConfigError that a refused line causes: FILE:LINE: why.
inline std::vector<EnvLine> parse_env_file(const std::string& file, std::string_view text) {
    std::vector<EnvLine> lines;
    for (std::size_t number = 1; !text.empty(); ++number) {
        const std::string place = file + ":" + std::to_string(number) + ": ";
        const auto end = text.find('\n');
        std::string_view line = text.substr(0, end);
        text.remove_prefix(end == text.npos ? text.size() : end + 1);
        if (line.ends_with('\r')) // a file written on Windows: both drop it
            line.remove_suffix(1);
        if (line.find('\0') != line.npos || line.find('\r') != line.npos || line.find("\xEF\xBB\xBF") != line.npos ||
            !is_utf8(line))
            throw common::ConfigError{place + "not plain UTF-8 text (a NUL, a carriage return within the line, a byte "
                                              "order mark, or bytes of another encoding)"};
        if (const std::string why = why_refused(line); !why.empty())
            throw common::ConfigError{place + std::string{line} + ": " + why};
        line.remove_prefix(std::min(line.find_first_not_of(" \t"), line.size()));
        if (line.empty() || line.front() == '#')
            continue;
        const auto equals = line.find('=');
        const std::string name{line.substr(0, equals)};
        for (const EnvLine& earlier : lines)
            if (earlier.name == name)
                throw common::ConfigError{place + std::string{line} + ": " + name + " is set in line " +
                                          std::to_string(earlier.number) + " already; keep one of the two"};
        lines.push_back({number, name, std::string{line.substr(equals + 1)}});
    }
    return lines;
}

/// The assignments in the file `path`. Docker refuses a line of 64 KiB; this reader, a file of more than that.
inline std::vector<EnvLine> read_env_file(const std::string& path) {
    constexpr std::size_t limit = 65535;
    errno = 0;
    std::ifstream file{path, std::ios::binary};
    std::string text(limit + 1, '\0');
    if (file)
        file.read(text.data(), static_cast<std::streamsize>(text.size()));
    if (!file.eof() && !file.good()) // a directory opens, and cannot be read
        throw common::ConfigError{"CONFIG_FILE=\"" + path + "\" cannot be read: " + std::strerror(errno) +
                                  "; name a file of KEY=VALUE lines that this user may read, or unset CONFIG_FILE"};
    text.resize(static_cast<std::size_t>(file.gcount()));
    if (text.size() > limit)
        throw common::ConfigError{"CONFIG_FILE=\"" + path + "\" is longer than " + std::to_string(limit) +
                                  " bytes; name a file of KEY=VALUE lines"};
    return parse_env_file(path, text);
}
