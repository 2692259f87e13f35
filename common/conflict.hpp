#pragma once

#include "common/socket_table.hpp"

#include <string>
#include <sys/types.h>

namespace common {

/// What of a socket decides whether another one may have its port as well.
struct Claim {
    Protocol protocol{};
    std::string ip{};           ///< A numeric address; the port is the same for both.
    bool v6_only = false;       ///< IPV6_V6ONLY; bind sets it on a socket with one IPv6 address, too.
    unsigned interface = 0;     ///< The index of the interface that it is bound to (SO_BINDTODEVICE); 0: none.
    bool reuse_address = false; ///< SO_REUSEADDR
    bool reuse_port = false;    ///< SO_REUSEPORT
    uid_t user = 0;
    enum class State { bound, listening, connected, time_wait } state{}; ///< In UDP all are alike.
};

/// Does each of them stand for at least one address of the other, on one interface at least?
bool overlap(const Claim& a, const Claim& b);

/// What becomes of a second socket that binds and then listens: both have the port, it is refused by its bind, or both
/// are bound and only the one that listens first may listen (the second one, then, if the first stays bound).
enum class Verdict { ok, refused_at_bind, one_listens };
Verdict conflict(const Claim& first, const Claim& second);

/// What a TCP server leaves in TIME-WAIT: a connection, which has the one address that its client had called.
Claim left_in_time_wait(Claim server, const std::string& called);

/// Does the socket of `row` refuse a bind to `wanted`, on the same port? The kernel does not say what options a socket
/// has, nor whether a connection over IPv6 came by way of a socket for IPv4 as well; hence "perhaps".
enum class Blocks { no, perhaps, yes };
Blocks blocks(const SocketRow& row, const Claim& wanted);

} // namespace common
