#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace support {

/// What a machine may lack; a child can be started as if it did. A child that lacks sockets is killed by SIGSYS (exit
/// status 128 + SIGSYS) when it asks for one. To one that lacks buffers the kernel refuses each Internet socket:
/// ENOBUFS.
enum class Lacking { nothing, ipv6, namespaces, low_ports, sockets, buffers };

/// How a child process is started.
struct Launch {
    std::vector<std::string> arguments{};
    /// Variables to set; nullopt removes one. Whatever is not named here is inherited, but for PORT, HOST and
    /// CONFIG_FILE, which are removed.
    std::map<std::string, std::optional<std::string>> environment{};
    Lacking lacking = Lacking::nothing;
    bool full_output = false;  ///< Its standard output takes nothing until the test reads it; pipe(7).
    bool one_stream = false;   ///< Standard error goes where standard output goes, as on a terminal.
    std::vector<int> passed{}; ///< Descriptors that the child has as 3, 4, ..., as from inetd or systemd.
    unsigned descriptors = 0;  ///< How many it may have: RLIMIT_NOFILE; 0: as many as the test.
    std::string directory{};   ///< Its working directory; empty: the test's own.
};

} // namespace support
