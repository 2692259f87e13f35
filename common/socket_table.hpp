#pragma once

#include <cstdint>
#include <iosfwd>
#include <map>
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
    Address local{};
    Address peer{};
    /// As `ss` writes it (LISTEN, ESTAB, TIME-WAIT, UNCONN ...); BOUND for TCP bound and not listening.
    std::string state{};
    unsigned long inode = 0; ///< What /proc/PID/fd shows as socket:[inode]; 0 where no process holds the socket.
    unsigned received = 0;   ///< Bytes that wait to be read; of a listening socket, connections that wait for accept.
    unsigned sent = 0;       ///< Bytes not acknowledged yet; of a listening socket, its backlog. `ss`: Recv-Q, Send-Q.
    uid_t user = 0;          ///< Whose socket it is; 0 also where no process holds it.
    unsigned interface = 0;  ///< The index of the interface that it is bound to; 0: none.
    std::optional<bool> v6_only{}; ///< IPV6_V6ONLY; not known of a connection.
};

/// The local end of `row` as `ss` writes it: `127.0.0.1:80`, `127.0.0.1%lo:80`, `[fe80::1]%eth0:80`; `*:80` for a
/// socket that has every address of both families, `[::]:80` for one that has those of IPv6 alone.
std::string local_end(const SocketRow& row);

struct Holder {
    pid_t pid = 0;
    std::string command{};  ///< As the kernel has it (/proc/PID/comm), at most 15 bytes; any bytes.
    bool suspended = false; ///< Stopped by a signal, as by Ctrl-Z: it does nothing until SIGCONT.
};

/// Every socket of this network namespace in one protocol, over IPv4 and IPv6 (sock_diag(7)).
/// TCP sockets that are bound and do not listen are among them on Linux 6.8 and newer.
/// Empty on systems other than Linux.
std::vector<SocketRow> kernel_sockets(Protocol protocol);

/// The connection between `local` and `peer`, found without a walk through the table, or nothing where there is none.
std::optional<SocketRow> kernel_socket(Protocol protocol, const Address& local, const Address& peer);

/// Which processes hold which sockets: what a walk through /proc has found, for as long as it is true.
class Holders {
  public:
    /// Of all `rows` in one walk.
    explicit Holders(const std::vector<SocketRow>& rows);

    /// All processes that hold the socket of `row`, in the order of their numbers: parent and child, where it is
    /// inherited.
    std::vector<Holder> of(const SocketRow& row) const;

    /// Has every process that could hold a socket been looked into? Not so for an ordinary user, or in a container.
    bool all_processes_seen() const { return all_seen_; }
    /// Are there processes that /proc does not show, because they are outside of this container (PID namespace)?
    bool in_a_container() const { return in_a_container_; }

  private:
    std::map<unsigned long, std::vector<Holder>> found_{}; ///< By inode.
    bool all_seen_ = false, in_a_container_ = false;
};

/// The process that holds the socket, as far as /proc lets this user see it: the first, where there are several.
std::optional<Holder> holder_of(const SocketRow& row);

} // namespace common
