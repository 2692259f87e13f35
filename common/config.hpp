#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>

namespace common {

/// Exit status for an invalid configuration: EX_CONFIG of sysexits.h.
inline constexpr int exit_config = 78;

/// A setting whose value cannot be used. `what()` names the setting, the value and what is allowed.
struct ConfigError : std::runtime_error {
    using std::runtime_error::runtime_error;
};

/// The number that `text` names: decimal digits alone, from `low` to `high`, whatever zeros stand before it.
/// `setting` names the source of the text in the ConfigError that anything else causes.
std::uint64_t parse_number(std::string_view setting, std::string_view text, std::uint64_t low, std::uint64_t high);

/// The number in the environment variable `variable`, or `fallback` where it is not set. A variable that is set and
/// empty is an error, not an absent one.
std::uint64_t number_from_environment(const char* variable, std::uint64_t fallback, std::uint64_t low,
                                      std::uint64_t high);

/// The port that `text` names: decimal digits alone, 0 to 65535, where 0 asks the kernel to choose; a ConfigError as
/// above when it is anything else.
std::uint16_t parse_port(std::string_view setting, std::string_view text);

/// The port in the environment variable `variable`, or `fallback` where it is not set.
/// A variable that is set and empty is an error, not an absent one.
std::uint16_t port_from_environment(const char* variable, std::uint16_t fallback);

/// `text`, when it is a numeric IPv4 or IPv6 address; a ConfigError as above when it is anything else, a host name too.
/// A link-local IPv6 address may name its interface, as in fe80::1%eth0 (RFC 4007).
std::string parse_address(std::string_view setting, std::string_view text);

/// The same for an address to listen at: no client can call a multicast or a broadcast address, nor a link-local one of
/// which the interface is not known.
std::string parse_host(std::string_view setting, std::string_view text);

/// The address to listen at in the environment variable `variable`, or `fallback` where it is not set.
std::string address_from_environment(const char* variable, const std::string& fallback);

} // namespace common
