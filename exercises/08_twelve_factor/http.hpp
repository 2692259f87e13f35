// The little of HTTP/1.1 that an exercise needs: to take a request out of the bytes that have arrived, and to write
// down a response. (All that HTTP asks for beyond it is in chapters/A_http/http_message.hpp.)
#pragma once

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cstddef>
#include <string>
#include <string_view>

namespace http {

struct Request {
    std::string method, target, body;
    bool keep_alive = true; ///< False where the client said `Connection: close`, or speaks HTTP/1.0.
};

inline constexpr std::size_t header_limit = 8192;

enum class State {
    incomplete, ///< More bytes are needed.
    complete,   ///< `request` is a whole one; its bytes have been taken from `received`.
    malformed,  ///< Nothing that comes after these bytes can make a request of them.
    too_long    ///< `header_limit` bytes, and the header has not ended.
};

/// The text after `name:` in a header, without the spaces around it; empty where there is no such field.
inline std::string field(std::string_view header, std::string_view name) {
    const auto same = [](unsigned char a, unsigned char b) { return std::tolower(a) == std::tolower(b); };
    while (!header.empty()) {
        const auto end = std::min(header.find("\r\n"), header.size());
        const std::string_view line = header.substr(0, end);
        header.remove_prefix(std::min(end + 2, header.size()));
        if (line.size() <= name.size() || line[name.size()] != ':' ||
            !std::equal(name.begin(), name.end(), line.begin(), same))
            continue;
        const auto first = line.find_first_not_of(' ', name.size() + 1), last = line.find_last_not_of(' ');
        return first == line.npos ? "" : std::string{line.substr(first, last - first + 1)};
    }
    return {};
}

/// Looks for a request at the beginning of `received`, and takes it from there where it is complete.
inline State take_request(std::string& received, Request& request) {
    auto first_line = std::string_view{received}.substr(0, received.find("\r\n"));
    if (first_line.size() == received.size() && first_line.ends_with('\r'))
        first_line.remove_suffix(1); // the end of the line has come half
    const auto space = first_line.find(' '), second = first_line.find(' ', space + 1);
    const bool printable =
        std::all_of(first_line.begin(), first_line.end(), [](char c) { return c >= ' ' && c <= '~'; });
    if (!printable) // the log shows it, and a terminal may take it for a command
        return State::malformed;
    const bool ends = received.find("\r\n") != received.npos;
    if (ends && (space == 0 || second == first_line.npos || !first_line.substr(second + 1).starts_with("HTTP/1.")))
        return State::malformed;
    const auto end = received.find("\r\n\r\n");
    if (std::min(end, received.size()) >= header_limit)
        return State::too_long;
    if (end == received.npos)
        return State::incomplete;

    const auto header = std::string_view{received}.substr(0, end).substr(first_line.size());
    const auto length = field(header, "Content-Length");
    std::size_t size = 0;
    if (!length.empty()) {
        const auto [last, error] = std::from_chars(length.data(), length.data() + length.size(), size);
        if (error != std::errc{} || last != length.data() + length.size())
            return State::malformed;
    }
    if (!field(header, "Transfer-Encoding").empty()) // whose end is found in another way, which is not known here
        return State::malformed;
    if (received.size() - (end + 4) < size)
        return State::incomplete;
    request = {std::string{first_line.substr(0, space)}, std::string{first_line.substr(space + 1, second - space - 1)},
               received.substr(end + 4, size),
               field(header, "Connection") != "close" && !first_line.ends_with("HTTP/1.0")};
    received.erase(0, end + 4 + size);
    return State::complete;
}

/// A response with the given body: `status` is the number and the words, such as "404 Not Found"; `more` are further
/// header lines, each with its "\r\n".
inline std::string response(std::string_view status, std::string_view body, std::string_view more = "") {
    return "HTTP/1.1 " + std::string{status} + "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n" +
           std::string{more} + "\r\n" + std::string{body};
}

} // namespace http
