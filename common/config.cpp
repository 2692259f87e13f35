#include "common/config.hpp"

#include <charconv>
#include <cstdlib>
#include <system_error>

namespace common {

std::uint16_t parse_port(std::string_view setting, std::string_view text) {
    std::uint16_t port = 0;
    const char* const end = text.data() + text.size();
    // from_chars neither skips spaces nor takes a sign, and reports a number that does not fit.
    const auto [stopped_at, error] = std::from_chars(text.data(), end, port);
    if (error != std::errc{} || stopped_at != end)
        throw ConfigError{std::string{setting} + "=\"" + std::string{text} +
                          "\" is not a port: use a whole number from 0 to 65535 (0 lets the system choose)"};
    return port;
}

std::uint16_t port_from_environment(const char* variable, std::uint16_t fallback) {
    const char* const text = std::getenv(variable);
    return text ? parse_port(variable, text) : fallback;
}

} // namespace common
