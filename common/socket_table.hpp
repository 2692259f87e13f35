#pragma once

#include <cstdint>
#include <iosfwd>
#include <optional>
#include <string>
#include <sys/types.h>
#include <vector>

namespace common {

enum class Protocol { tcp, udp };

/// One end of a socket as the kernel holds it: a numeric address and a port.
struct Address {
    std::string ip;
    std::uint16_t port = 0;
    friend bool operator==(const Address&, const Address&) = default;
};

/// `127.0.0.1:8080`, `[::1]:8080`.
std::string to_string(const Address& address);
std::ostream& operator<<(std::ostream& out, const Address& address);

/// A row of the kernel's socket table.
struct SocketRow {
    Protocol protocol{};
    Address local;
    Address peer;
    std::string
        state; ///< As `ss` writes it (LISTEN, ESTAB, TIME-WAIT, UNCONN …); BOUND for TCP bound and not listening.
    unsigned long inode = 0; ///< What /proc/PID/fd shows as socket:[inode]; 0 where no process holds the socket.
    unsigned received = 0;   ///< Bytes that wait to be read; of a listening socket, connections that wait for accept.
    unsigned sent = 0;       ///< Bytes not acknowledged yet; of a listening socket, its backlog. `ss`: Recv-Q, Send-Q.
    uid_t user = 0;          ///< Whose socket it is; 0 also where no process holds it.
};

struct Holder {
    pid_t pid = 0;
    std::string command;
};

/// Every socket of this network namespace in one protocol, over IPv4 and IPv6 (sock_diag(7)).
/// TCP sockets that are bound and do not listen are among them on Linux 6.8 and newer.
/// Empty on systems other than Linux.
std::vector<SocketRow> kernel_sockets(Protocol protocol);

/// The connection between `local` and `peer`, found without a walk through the table, or nothing where there is none.
std::optional<SocketRow> kernel_socket(Protocol protocol, const Address& local, const Address& peer);

/// The process that holds the socket, as far as /proc lets this user see it.
std::optional<Holder> holder_of(const SocketRow& row);

/// "bind, process 4711": who stands in the way of a bind to `wanted`, in words for a message; nothing where that cannot
/// be known. A socket on the same port stands in the way if its address is the same, or if either address is a
/// wildcard.
std::optional<std::string> describe_holder(Protocol protocol, const Address& wanted);

/// The same for an Asio endpoint.
template <class Endpoint>
std::optional<std::string> describe_holder(Protocol protocol, const Endpoint& wanted) {
    return describe_holder(protocol, Address{wanted.address().to_string(), wanted.port()});
}

} // namespace common
