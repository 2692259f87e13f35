#include "tools/harness/network.hpp"

#include "tools/harness/client.hpp"
#include "tools/harness/wait.hpp"

#include <arpa/inet.h>
#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>
#include <utility>

#ifdef __linux__
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#endif

namespace support {
namespace {

std::string why_no_private_network = "network namespaces are a Linux feature";

bool write_file(const std::string& path, const std::string& text) {
    std::ofstream file{path};
    file << text << std::flush;
    return file.good();
}

#ifdef __linux__
// Gives the loopback device one more address of each family; `label` names the one of IPv4.
void add_addresses(const char* label, const char* four, const char* six) {
    struct Request {
        int family;
        unsigned long code;
        void* what;
    };
    ifreq first{};
    std::strcpy(first.ifr_name, label);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    ::inet_pton(AF_INET, four, &address.sin_addr);
    std::memcpy(&first.ifr_addr, &address, sizeof address);
    struct { // struct in6_ifreq of linux/ipv6.h, which cannot be included beside netinet/in.h
        in6_addr address;
        std::uint32_t prefix;
        int device;
    } second{{}, 128, static_cast<int>(::if_nametoindex("lo"))};
    ::inet_pton(AF_INET6, six, &second.address);
    sockaddr_in alone = address; // not the addresses beside it
    alone.sin_addr.s_addr = INADDR_NONE;
    ifreq mask = first;
    std::memcpy(&mask.ifr_netmask, &alone, sizeof alone);
    for (const auto& [family, code, request] :
         {Request{AF_INET, SIOCSIFADDR, &first}, {AF_INET, SIOCSIFNETMASK, &mask}, {AF_INET6, SIOCSIFADDR, &second}}) {
        const int any_socket = ::socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        ::ioctl(any_socket, code, request); // without IPv6 there is none
        ::close(any_socket);
    }
}

// Lets this process and its children read `text` at `path`. False if it cannot be mounted there.
bool replace_file(const char* path, const std::string& text) {
    std::string file = (std::filesystem::temp_directory_path() / "portlab-XXXXXX").string();
    const int descriptor = ::mkstemp(file.data());
    if (descriptor < 0)
        return false;
    ::fchmod(descriptor, 0644);
    ::close(descriptor);
    const bool done = write_file(file, text) && ::mount(file.c_str(), path, nullptr, MS_BIND, nullptr) == 0;
    ::unlink(file.c_str());
    return done;
}
#endif

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
    // getaddrinfo(3) with AI_ADDRCONFIG, as Asio's resolver asks, finds nothing where no address but loopback's is
    // configured. So there is one of each family that is for documentation alone (RFC 5737, RFC 3849).
    add_addresses("lo:1", "198.51.100.1", "2001:db8::1");
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

void need_private_names() {
    need_private_network();
#ifdef __linux__
    static bool replaced = false;
    if (!replaced &&
        (::unshare(CLONE_NEWNS) != 0 || ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
         !replace_file("/etc/hosts", "127.0.0.1       localhost\n"
                                     "::1             localhost\n"
                                     "192.168.7.20    roof\n"
                                     "2001:db8:7::20  roof\n")))
        leave_out(std::string{"needs names of its own; /etc/hosts: "} + std::strerror(errno));
    if (!std::exchange(replaced, true))
        replace_file("/etc/nsswitch.conf", "hosts: files\n"); // a machine without it looks there by itself
    add_addresses("lo:2", "192.168.7.20", "2001:db8:7::20");
    add_addresses("lo:2", "192.168.7.20", "fe80::20");
    eventually([] { return bound_socket("2001:db8:7::20").error() != EADDRNOTAVAIL; }); // tentative no more
#endif
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
