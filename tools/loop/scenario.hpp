#pragma once

#include <cstdint>
#include <netinet/in.h>
#include <string>
#include <string_view>
#include <sys/socket.h>
#include <vector>

// System calls as data: one that prints them as a reader of the book would write them, one that makes them.
namespace loop {

/// A constant of the socket interface, with its name; an option has a level as well.
struct Constant {
    std::string_view name{};
    int value = 0, level = 0;
};
inline constexpr Constant inet{"AF_INET", AF_INET}, inet6{"AF_INET6", AF_INET6}, stream{"SOCK_STREAM", SOCK_STREAM},
    datagrams{"SOCK_DGRAM", SOCK_DGRAM}, any_protocol{"0", 0}, tcp{"IPPROTO_TCP", IPPROTO_TCP},
    udp{"IPPROTO_UDP", IPPROTO_UDP}, reuse_address{"SO_REUSEADDR", SO_REUSEADDR, SOL_SOCKET},
    reuse_port{"SO_REUSEPORT", SO_REUSEPORT, SOL_SOCKET}, keep_alive{"SO_KEEPALIVE", SO_KEEPALIVE, SOL_SOCKET},
    v6_only{"IPV6_V6ONLY", IPV6_V6ONLY, IPPROTO_IPV6};

struct Endpoint {
    std::string host{}; ///< 127.0.0.1, ::1
    std::uint16_t port = 0;
    bool is_v6() const { return host.find(':') != host.npos; }
};
std::string to_string(const Endpoint& endpoint);

enum class What {
    socket,
    setsockopt,
    set_nonblocking,
    bind,
    listen,
    connect,
    accept,
    getsockname,
    getpeername,
    send,
    recv,
    close
};

struct Call {
    What what{};
    char socket = 'A';                     ///< The variable with the descriptor: A, B, ...
    Constant family{}, type{}, protocol{}; ///< Of socket.
    Constant option{};                     ///< Of setsockopt.
    int value = 0;                         ///< Of setsockopt.
    Endpoint endpoint{};                   ///< Of bind and connect.
    char listener = 'A';                   ///< Of accept, which yields `socket`.
};
std::string to_string(const Call& call);

/// EADDRINUSE; "error 123" where the book has no name for it.
std::string error_name(int error);
/// The other way round; 0 where there is no such name.
int error_number(std::string_view name);
/// All names that there are.
std::vector<std::string> error_names();

/// Which call is the first that fails, counted from 1, and with which error; 0 and 0 where all succeed.
struct Answer {
    unsigned call = 0;
    int error = 0;
    friend bool operator==(const Answer&, const Answer&) = default;
};
/// "OK", "4 EADDRINUSE"
std::string to_string(const Answer& answer);

struct Outcome {
    Answer answer{};
    std::string not_run{}; ///< Why the calls could not be made here; empty where they were.
    std::string remark{};  ///< What was otherwise than in the text of the calls.
    bool own_network = false;
};

/// Makes the calls, up to the first that fails, in a process and, where the system allows it, a network namespace of
/// their own. Elsewhere each port stands for one that the kernel has chosen.
Outcome ask_kernel(const std::vector<Call>& calls);

} // namespace loop
