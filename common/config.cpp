#include "common/config.hpp"

#include "common/text.hpp"

#include <arpa/inet.h>
#include <charconv>
#include <cstdlib>
#include <netinet/in.h>
#include <optional>
#include <system_error>

namespace common {
namespace {

// from_chars neither skips spaces nor takes the sign +, and reports a number that does not fit.
std::optional<std::uint64_t> read_number(std::string_view text) {
    std::uint64_t number = 0;
    const char* const end = text.data() + text.size();
    const auto [stopped_at, error] = std::from_chars(text.data(), end, number);
    return error == std::errc{} && stopped_at == end ? std::optional{number} : std::nullopt;
}

} // namespace

std::uint64_t parse_number(std::string_view setting, std::string_view text, std::uint64_t low, std::uint64_t high) {
    if (const auto number = read_number(text); number && *number >= low && *number <= high)
        return *number;
    throw ConfigError{std::string{setting} + "=" + quoted(text) + " is not a whole number from " + std::to_string(low) +
                      " to " + std::to_string(high) + " in decimal digits"};
}

std::uint16_t parse_port(std::string_view setting, std::string_view text) {
    if (const auto number = read_number(text); number && *number <= 65535)
        return static_cast<std::uint16_t>(*number);
    throw ConfigError{std::string{setting} + "=" + quoted(text) +
                      " is not a port: use a whole number from 0 to 65535 (0 lets the system choose)"};
}

std::uint16_t port_from_environment(const char* variable, std::uint16_t fallback) {
    const char* const text = std::getenv(variable);
    return text ? parse_port(variable, text) : fallback;
}

std::string parse_address(std::string_view setting, std::string_view text) {
    in6_addr bytes{}; // room for either family
    std::string address{text};
    // inet_pton takes the whole string, in full dotted form: neither `127.1` nor a name to be looked up.
    const bool whole = address.find('\0') == std::string::npos;
    if (!whole ||
        (::inet_pton(AF_INET, address.c_str(), &bytes) != 1 && ::inet_pton(AF_INET6, address.c_str(), &bytes) != 1))
        throw ConfigError{std::string{setting} + "=" + quoted(text) +
                          " is not an IP address: use one such as 127.0.0.1 or ::1 (0.0.0.0 is every IPv4 address of "
                          "this machine)"};
    return address;
}

std::string address_from_environment(const char* variable, const std::string& fallback) {
    const char* const text = std::getenv(variable);
    return text ? parse_address(variable, text) : fallback;
}

} // namespace common
