#include "tests/support/network.hpp"

#include "tests/support/client.hpp"
#include "tests/support/wait.hpp"

#include <cerrno>
#include <cstring>
#include <fstream>
#include <sys/socket.h>
#include <unistd.h>

#ifdef __linux__
#include <linux/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#endif

namespace support {
namespace {

std::string why_no_private_network = "network namespaces are a Linux feature";

bool write_file(const std::string& path, const std::string& text) {
    std::ofstream file{path};
    file << text << std::flush;
    return file.good();
}

} // namespace

bool enter_private_network() {
#ifdef __linux__
    const auto user = ::geteuid();
    const auto group = ::getegid();
    if (::unshare(CLONE_NEWNET) != 0) {
        if (::unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0) {
            why_no_private_network = std::string{"unshare: "} + std::strerror(errno);
            return false;
        }
        const auto same = [](auto id) { return std::to_string(id) + " " + std::to_string(id) + " 1"; };
        write_file("/proc/self/setgroups", "deny");
        write_file("/proc/self/uid_map", same(user));
        write_file("/proc/self/gid_map", same(group));
    }
    const int any_socket = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    ifreq loopback{};
    std::strcpy(loopback.ifr_name, "lo");
    loopback.ifr_flags = IFF_UP;
    const bool up = ::ioctl(any_socket, SIOCSIFFLAGS, &loopback) == 0;
    ::close(any_socket);
    why_no_private_network = "";
    if (!up || !write_file("/proc/sys/net/ipv4/ip_unprivileged_port_start", "0"))
        why_no_private_network = std::string{"the new network namespace cannot be set up: "} + std::strerror(errno);
#endif
    return why_no_private_network.empty();
}

void need_private_network() {
    if (!why_no_private_network.empty())
        leave_out("needs a network namespace of its own; " + why_no_private_network);
}

void need_ipv6() {
    const Client probe = bound_socket("::1");
    if (probe.error() != 0)
        leave_out(std::string{"needs IPv6 on loopback; bind to ::1: "} + std::strerror(probe.error()));
}

void set_sysctl(const std::string& name, const std::string& value) {
    need_private_network();
    if (!write_file("/proc/sys/" + name, value))
        give_up("cannot write " + value + " to /proc/sys/" + name);
}

} // namespace support
