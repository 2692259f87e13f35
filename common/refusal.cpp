#include "common/refusal.hpp"

#include "common/text.hpp"

#include <cerrno>
#include <fstream>

namespace common {
namespace {

unsigned first_unprivileged_port() {
    unsigned port = 1024;
    std::ifstream{"/proc/sys/net/ipv4/ip_unprivileged_port_start"} >> port;
    return port;
}

std::string another(const Asked& asked, std::string_view condition = "") {
    return "choose another " + std::string{asked.port} + std::string{condition};
}

} // namespace

std::string why_refused(Protocol protocol, const Address& wanted, int error, const Asked& asked) {
    const std::string zero = " (0 lets the system choose)";
    switch (error) {
    case EADDRINUSE:
        if (const auto holder = describe_holder(protocol, wanted))
            return "held by " + *holder + ": stop it, or " + another(asked, zero);
        return "no process that can be seen holds it: " + another(asked, zero);
    case EACCES:
        if (const unsigned first = first_unprivileged_port(); wanted.port < first)
            return "ports below " + std::to_string(first) +
                   " (net.ipv4.ip_unprivileged_port_start) need the capability CAP_NET_BIND_SERVICE: " +
                   another(asked, " from " + std::to_string(first) + " up");
        return "the number is not to blame; a rule of this system is (Landlock, SELinux, seccomp and the like)";
    case EADDRNOTAVAIL:
        return "this machine does not have that address" +
               (asked.host.empty() ? std::string{}
                                   : ": choose a " + std::string{asked.host} + " that it has, such as 127.0.0.1");
    default:
        return another(asked) + (asked.host.empty() ? std::string{} : " or " + std::string{asked.host});
    }
}

} // namespace common
