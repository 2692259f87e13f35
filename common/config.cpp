#include "common/config.hpp"

#include "common/text.hpp"

#include <arpa/inet.h>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <fstream>
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

const std::string one_such_as = "use one such as 127.0.0.1 or ::1 (0.0.0.0 is every IPv4 address of this machine)";

[[noreturn]] void refuse(std::string_view setting, std::string_view text, const std::string& why) {
    throw ConfigError{std::string{setting} + "=" + quoted(text) + " " + why};
}

// An IPv4 address as the mapped one of IPv6. inet_pton takes the whole string, in full dotted form: neither `127.1` nor
// a name to be looked up.
std::optional<in6_addr> read_address(std::string_view text) {
    const std::string whole{text};
    in6_addr v6{};
    in_addr v4{};
    if (whole.find('\0') != whole.npos)
        return std::nullopt;
    if (::inet_pton(AF_INET6, whole.c_str(), &v6) == 1)
        return v6;
    if (::inet_pton(AF_INET, whole.c_str(), &v4) != 1)
        return std::nullopt;
    v6.s6_addr[10] = v6.s6_addr[11] = 0xFF;
    std::memcpy(v6.s6_addr + 12, &v4, sizeof v4);
    return v6;
}

// By name or by number, among those that have an IPv6 address (proc_net(5)). Asked for without a socket.
bool has_interface(std::string_view interface) {
    std::ifstream table{"/proc/net/if_inet6"};
    for (std::string address, index, prefix, scope, flags, name;
         table >> address >> index >> prefix >> scope >> flags >> name;)
        if (const auto number = read_number(interface);
            interface == name || (number && *number == std::stoul(index, nullptr, 16)))
            return true;
    return false;
}

// Those that every machine knows without a look at its networks.
bool is_broadcast(in_addr address) { return address.s_addr == INADDR_BROADCAST || ntohl(address.s_addr) == 0x7FFFFFFF; }

} // namespace

std::uint64_t parse_number(std::string_view setting, std::string_view text, std::uint64_t low, std::uint64_t high) {
    if (const auto number = read_number(text); number && *number >= low && *number <= high)
        return *number;
    refuse(setting, text,
           "is not a whole number from " + std::to_string(low) + " to " + std::to_string(high) + " in decimal digits");
}

std::uint64_t number_from_environment(const char* variable, std::uint64_t fallback, std::uint64_t low,
                                      std::uint64_t high) {
    const char* const text = std::getenv(variable);
    return text ? parse_number(variable, text, low, high) : fallback;
}

std::uint16_t parse_port(std::string_view setting, std::string_view text) {
    if (const auto number = read_number(text); number && *number <= 65535)
        return static_cast<std::uint16_t>(*number);
    refuse(setting, text, "is not a port: use a whole number from 0 to 65535 (0 lets the system choose)");
}

std::uint16_t port_from_environment(const char* variable, std::uint16_t fallback) {
    const char* const text = std::getenv(variable);
    return text ? parse_port(variable, text) : fallback;
}

std::string parse_address(std::string_view setting, std::string_view text) {
    const auto percent = text.find('%');
    const auto bytes = read_address(text.substr(0, percent));
    if (!bytes || (percent != text.npos && !IN6_IS_ADDR_LINKLOCAL(&*bytes)))
        refuse(setting, text, "is not an IP address: " + one_such_as);
    if (percent != text.npos && !has_interface(text.substr(percent + 1)))
        refuse(setting, text, "names an interface that this machine does not have; `ip link` lists them");
    return std::string{text};
}

std::string parse_host(std::string_view setting, std::string_view text) {
    const std::string address = parse_address(setting, text);
    const in6_addr bytes = *read_address(text.substr(0, text.find('%')));
    const bool is_v4 = IN6_IS_ADDR_V4MAPPED(&bytes);
    in_addr v4{};
    std::memcpy(&v4, bytes.s6_addr + 12, sizeof v4);
    if (is_v4 ? IN_MULTICAST(ntohl(v4.s_addr)) : IN6_IS_ADDR_MULTICAST(&bytes))
        refuse(setting, text, "is a multicast address, which no client can call: " + one_such_as);
    if (is_v4 && is_broadcast(v4))
        refuse(setting, text, "is a broadcast address, which no client can call: " + one_such_as);
    if (IN6_IS_ADDR_LINKLOCAL(&bytes) && text.find('%') == text.npos)
        refuse(setting, text,
               "is a link-local address, which needs the name of its interface: use one such as " + address + "%eth0");
    return address;
}

std::string address_from_environment(const char* variable, const std::string& fallback) {
    const char* const text = std::getenv(variable);
    return text ? parse_host(variable, text) : fallback;
}

} // namespace common
