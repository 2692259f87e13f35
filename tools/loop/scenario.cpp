#include "tools/loop/scenario.hpp"

#include "common/socket_table.hpp"
#include "tools/harness/network.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <map>
#include <sched.h>
#include <set>
#include <sys/wait.h>
#include <system_error>
#include <unistd.h>
#include <utility>

namespace loop {
namespace {

constexpr unsigned deadline = 5; // seconds; no call that is drawn waits for anything but the machine
constexpr std::size_t most_ports = 8;

constexpr std::array<std::pair<std::string_view, int>, 26> errors{{{"EACCES", EACCES},
                                                                   {"EADDRINUSE", EADDRINUSE},
                                                                   {"EADDRNOTAVAIL", EADDRNOTAVAIL},
                                                                   {"EAFNOSUPPORT", EAFNOSUPPORT},
                                                                   {"EAGAIN", EAGAIN},
                                                                   {"EWOULDBLOCK", EWOULDBLOCK},
                                                                   {"EBADF", EBADF},
                                                                   {"ECONNABORTED", ECONNABORTED},
                                                                   {"ECONNREFUSED", ECONNREFUSED},
                                                                   {"ECONNRESET", ECONNRESET},
                                                                   {"EDESTADDRREQ", EDESTADDRREQ},
                                                                   {"EHOSTUNREACH", EHOSTUNREACH},
                                                                   {"EINPROGRESS", EINPROGRESS},
                                                                   {"EINVAL", EINVAL},
                                                                   {"EISCONN", EISCONN},
                                                                   {"EMFILE", EMFILE},
                                                                   {"ENETUNREACH", ENETUNREACH},
                                                                   {"ENOPROTOOPT", ENOPROTOOPT},
                                                                   {"ENOTCONN", ENOTCONN},
                                                                   {"ENOTSOCK", ENOTSOCK},
                                                                   {"EOPNOTSUPP", EOPNOTSUPP},
                                                                   {"EPERM", EPERM},
                                                                   {"EPIPE", EPIPE},
                                                                   {"EPROTONOSUPPORT", EPROTONOSUPPORT},
                                                                   {"ESOCKTNOSUPPORT", ESOCKTNOSUPPORT},
                                                                   {"ETIMEDOUT", ETIMEDOUT}}};

// What the child tells its parent, through a pipe.
struct Report {
    Answer answer{};
    bool no_ipv6 = false, own_network = false;
    std::array<std::uint16_t, most_ports> ports{}; // what each of ports_in() stood for
};

std::vector<std::uint16_t> ports_in(const std::vector<Call>& calls) {
    std::set<std::uint16_t> ports;
    for (const Call& call : calls)
        if (call.endpoint.port != 0)
            ports.insert(call.endpoint.port);
    return {ports.begin(), ports.end()};
}

struct SocketAddress {
    sockaddr_storage storage{};
    socklen_t length = 0;
    const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
};

SocketAddress socket_address(const std::string& host, std::uint16_t port) {
    SocketAddress address;
    if (Endpoint{host}.is_v6()) {
        auto& v6 = reinterpret_cast<sockaddr_in6&>(address.storage);
        v6.sin6_family = AF_INET6;
        v6.sin6_port = htons(port);
        ::inet_pton(AF_INET6, host.c_str(), &v6.sin6_addr);
        address.length = sizeof v6;
    } else {
        auto& v4 = reinterpret_cast<sockaddr_in&>(address.storage);
        v4.sin_family = AF_INET;
        v4.sin_port = htons(port);
        ::inet_pton(AF_INET, host.c_str(), &v4.sin_addr);
        address.length = sizeof v4;
    }
    return address;
}

// A socket bound to every address: -1 where that is refused.
int bound_to_everything(int family, int type, std::uint16_t port) {
    const int descriptor = ::socket(family, type, 0);
    const auto address = socket_address(family == AF_INET6 ? "::" : "0.0.0.0", port);
    if (descriptor >= 0 && ::bind(descriptor, address.get(), address.length) == 0)
        return descriptor;
    ::close(descriptor);
    return -1;
}

bool has_ipv6() {
    const int descriptor = ::socket(AF_INET6, SOCK_STREAM, 0);
    const auto address = socket_address("::1", 0);
    const bool there = descriptor >= 0 && ::bind(descriptor, address.get(), address.length) == 0;
    ::close(descriptor);
    return there;
}

// A port that no socket has, in either protocol.
std::uint16_t free_port(bool ipv6) {
    const int family = ipv6 ? AF_INET6 : AF_INET;
    std::uint16_t port = 0;
    for (int tries = 0; tries < 100; ++tries) {
        const int of_tcp = bound_to_everything(family, SOCK_STREAM, 0);
        sockaddr_storage storage{};
        socklen_t length = sizeof storage;
        ::getsockname(of_tcp, reinterpret_cast<sockaddr*>(&storage), &length);
        port = ntohs(reinterpret_cast<const sockaddr_in&>(storage).sin_port); // at one place in both families
        const int of_udp = bound_to_everything(family, SOCK_DGRAM, port);
        ::close(of_tcp);
        ::close(of_udp);
        if (of_udp >= 0)
            break;
    }
    return port;
}

// A handshake or a farewell over loopback is done when the call returns, or a moment later.
void wait_until_settled(const std::map<std::uint16_t, std::uint16_t>& ports) {
    const auto ours = [&](const common::Address& end) {
        return std::ranges::any_of(ports, [&](const auto& one) { return one.second == end.port; });
    };
    const auto under_way = [&](const common::SocketRow& row) {
        return (ours(row.local) || ours(row.peer)) && (row.state == "SYN-RECV" || row.state == "FIN-WAIT-1" ||
                                                       row.state == "CLOSING" || row.state == "LAST-ACK");
    };
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds{1};
    while (std::ranges::any_of(common::kernel_sockets(common::Protocol::tcp), under_way) &&
           std::chrono::steady_clock::now() < end)
        ::sched_yield();
}

// As a system call: a result of -1 is a failure, with the reason in errno.
int make(const Call& call, std::map<char, int>& descriptors, const std::map<std::uint16_t, std::uint16_t>& ports) {
    const int socket = descriptors[call.socket];
    const std::uint16_t port = call.endpoint.port == 0 ? std::uint16_t{0} : ports.at(call.endpoint.port);
    sockaddr_storage name{};
    socklen_t length = sizeof name;
    std::array<char, 16> bytes{};
    switch (call.what) {
    case What::socket:
        return descriptors[call.socket] = ::socket(call.family.value, call.type.value, call.protocol.value);
    case What::setsockopt:
        return ::setsockopt(socket, call.option.level, call.option.value, &call.value, sizeof call.value);
    case What::set_nonblocking:
        return ::fcntl(socket, F_SETFL, O_NONBLOCK);
    case What::bind: {
        const auto address = socket_address(call.endpoint.host, port);
        return ::bind(socket, address.get(), address.length);
    }
    case What::listen:
        return ::listen(socket, 8);
    case What::connect: {
        const auto address = socket_address(call.endpoint.host, port);
        return ::connect(socket, address.get(), address.length);
    }
    case What::accept:
        return descriptors[call.socket] = ::accept(descriptors[call.listener], nullptr, nullptr);
    case What::getsockname:
        return ::getsockname(socket, reinterpret_cast<sockaddr*>(&name), &length);
    case What::getpeername:
        return ::getpeername(socket, reinterpret_cast<sockaddr*>(&name), &length);
    case What::send:
        return static_cast<int>(::send(socket, "hello", 5, 0));
    case What::recv:
        return static_cast<int>(::recv(socket, bytes.data(), bytes.size(), 0));
    case What::close:
        return ::close(socket);
    }
    return -1;
}

Report in_child(const std::vector<Call>& calls) {
    std::signal(SIGPIPE, SIG_IGN);
    ::alarm(deadline);
    Report report;
    report.own_network = support::enter_private_network();
    const bool ipv6 = has_ipv6();
    report.no_ipv6 =
        !ipv6 && std::ranges::any_of(calls, [](const Call& call) { return call.family.value == AF_INET6; });
    if (report.no_ipv6)
        return report;
    std::map<std::uint16_t, std::uint16_t> ports;
    const auto drawn = ports_in(calls);
    for (std::size_t i = 0; i < drawn.size(); ++i) {
        report.ports.at(i) = report.own_network ? drawn[i] : free_port(ipv6);
        ports[drawn[i]] = report.ports[i];
    }
    std::map<char, int> descriptors;
    for (const Call& call : calls) {
        ++report.answer.call;
        wait_until_settled(ports);
        errno = 0;
        if (make(call, descriptors, ports) < 0) {
            report.answer.error = errno;
            return report;
        }
    }
    report.answer = {};
    return report;
}

} // namespace

std::string to_string(const Endpoint& endpoint) {
    return (endpoint.is_v6() ? "[" + endpoint.host + "]" : endpoint.host) + ":" + std::to_string(endpoint.port);
}

std::string to_string(const Call& call) {
    const std::string socket{call.socket};
    const auto text = [](const Constant& constant) { return std::string{constant.name}; };
    switch (call.what) {
    case What::socket:
        return socket + " = socket(" + text(call.family) + ", " + text(call.type) + ", " + text(call.protocol) + ")";
    case What::setsockopt:
        return "setsockopt(" + socket + ", " + text(call.option) + ", " + std::to_string(call.value) + ")";
    case What::set_nonblocking:
        return "fcntl(" + socket + ", F_SETFL, O_NONBLOCK)";
    case What::bind:
        return "bind(" + socket + ", " + to_string(call.endpoint) + ")";
    case What::listen:
        return "listen(" + socket + ", 8)";
    case What::connect:
        return "connect(" + socket + ", " + to_string(call.endpoint) + ")";
    case What::accept:
        return socket + " = accept(" + std::string{call.listener} + ")";
    case What::getsockname:
        return "getsockname(" + socket + ")";
    case What::getpeername:
        return "getpeername(" + socket + ")";
    case What::send:
        return "send(" + socket + ", \"hello\")";
    case What::recv:
        return "recv(" + socket + ")";
    case What::close:
        return "close(" + socket + ")";
    }
    return {};
}

std::string error_name(int error) {
    const auto place = std::ranges::find(errors, error, &std::pair<std::string_view, int>::second);
    return place == errors.end() ? "error " + std::to_string(error) : std::string{place->first};
}

int error_number(std::string_view name) {
    const auto place = std::ranges::find(errors, name, &std::pair<std::string_view, int>::first);
    return place == errors.end() ? 0 : place->second;
}

std::vector<std::string> error_names() {
    std::vector<std::string> names;
    for (const auto& error : errors)
        names.emplace_back(error.first);
    return names;
}

std::string to_string(const Answer& answer) {
    return answer.error == 0 ? "OK" : std::to_string(answer.call) + " " + error_name(answer.error);
}

Outcome ask_kernel(const std::vector<Call>& calls) {
    std::array<int, 2> ends{};
    if (::pipe(ends.data()) != 0)
        throw std::system_error{errno, std::generic_category(), "pipe"};
    std::fflush(nullptr); // the child would print it again: under the thread sanitizer _exit() does so
    const pid_t child = ::fork();
    if (child < 0)
        throw std::system_error{errno, std::generic_category(), "fork"};
    if (child == 0) {
        try {
            const Report report = in_child(calls);
            ::_exit(::write(ends[1], &report, sizeof report) == sizeof report ? 0 : 1);
        } catch (...) {
            ::_exit(1);
        }
    }
    ::close(ends[1]);
    Report report;
    const bool told = ::read(ends[0], &report, sizeof report) == sizeof report;
    ::close(ends[0]);
    while (::waitpid(child, nullptr, 0) < 0 && errno == EINTR) {
    }
    Outcome outcome{.answer = report.answer, .own_network = told && report.own_network};
    if (!told)
        outcome.not_run =
            "the process that made the calls was lost, or took more than " + std::to_string(deadline) + " seconds";
    else if (report.no_ipv6)
        outcome.not_run = "this machine has no IPv6";
    else if (!report.own_network) {
        const auto ports = ports_in(calls);
        for (std::size_t i = 0; i < ports.size(); ++i)
            outcome.remark += (i == 0 ? "This machine allows no network namespace: " : ", ") +
                              std::to_string(ports[i]) + " stood for " + std::to_string(report.ports[i]);
        outcome.remark += ports.empty() ? "" : ".";
    }
    return outcome;
}

} // namespace loop
