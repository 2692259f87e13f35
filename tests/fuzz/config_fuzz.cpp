// Whatever the bytes: a setting is taken and means what it says, or is refused with a ConfigError; nothing else
// happens.
#include "common/config.hpp"
#include "common/env_file.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

namespace {

void must(bool holds) {
    if (!holds)
        std::abort();
}

void try_port(std::string_view text) {
    try {
        const unsigned port = common::parse_port("PORT", text);
        must(std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; }));
        const auto digits = text.substr(std::min(text.find_first_not_of('0'), text.size() - 1)); // at least one
        must(std::to_string(port) == digits && port <= 65535);
    } catch (const common::ConfigError& error) {
        const std::string_view message{error.what()};
        must(message.starts_with("PORT=\"" +
                                 std::string{text.substr(0, text.find_first_not_of("0123456789"))}.substr(0, 100)));
        must(message.size() < 600 &&
             std::ranges::all_of(message, [](unsigned char c) { return c >= ' ' && c != 0x7F; }));
        // Refused rightly: there is no shorter spelling of a number from 0 to 65535 in it.
        const bool digits = std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
        const auto start = std::min(text.find_first_not_of('0'), text.size());
        must(text.empty() || !digits || text.size() - start > 4);
    }
}

void try_address(std::string_view text) {
    try {
        must(common::parse_address("HOST", text) == text);
        must(text.substr(0, text.find('%')).find_first_not_of("0123456789abcdefABCDEF:.") == text.npos);
    } catch (const common::ConfigError&) {
    }
}

void try_file(std::string_view text) {
    try {
        std::string written;
        const auto lines = common::parse_env_file("x.env", text);
        for (const common::EnvLine& line : lines) {
            must(!line.name.empty() && line.name.find_first_of("= \t\r\n") == std::string::npos);
            must(line.value.find_first_of("\r\n\\") == std::string::npos);
            must(line.value.find('\0') == std::string::npos);
            written += line.name + "=" + line.value + "\n";
            try_port(line.value);
            try_address(line.value);
        }
        // What was taken can be written down and read again, and is the same.
        const auto again = common::parse_env_file("x.env", written);
        must(std::ranges::equal(lines, again, [](const common::EnvLine& a, const common::EnvLine& b) {
            return a.name == b.name && a.value == b.value;
        }));
    } catch (const common::ConfigError& error) {
        must(std::string_view{error.what()}.starts_with("x.env:"));
    }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text{reinterpret_cast<const char*>(data), size};
    try_port(text);
    try_address(text);
    try_file(text);
    return 0;
}
