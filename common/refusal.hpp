#pragma once

#include "common/conflict.hpp"
#include "common/socket_table.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace common {

/// What keeps a socket in the kernel's table.
enum class Kept {
    by_processes,    ///< Those that Holders names.
    by_a_hidden_one, ///< A process that this user may not look into.
    by_an_outsider,  ///< A process outside of this container, or the kernel.
    by_the_kernel,   ///< The kernel itself: a tunnel, NFS. Or a descriptor that is on its way between processes.
    for_accept,      ///< A connection that its listener has not accepted yet.
    half_open,       ///< A connection that is not made yet.
    time_wait,       ///< A connection that has ended.
    ending           ///< A connection that its process has left, and the peer not yet.
};
Kept kept(const SocketRow& row, const Holders& holders, const std::vector<SocketRow>& all);

/// The sentence for it, of which a name of a process is no part: "held by a process of root that you may not look
/// into". For by_processes, "held by".
std::string in_words(Kept how, const SocketRow& row);
/// What to do about it, if that is what stands in the way: "wait up to 60 s"; empty where nothing can be done.
std::string remedy(Kept how, const SocketRow& row);

/// "root"; "user 1234" where that has no name here.
std::string user_name(uid_t user);

/// "gunicorn, processes 12, 13 and 14, and sh, process 11 (suspended)", fit for a terminal.
std::string names(const std::vector<Holder>& holders);

/// What a program may change after a refusal: the names of its settings, and the options that its socket has.
struct Asked {
    std::string_view host = "HOST";                 ///< Empty where there is no such setting.
    std::string_view port = "PORT";                 ///< Empty where there is no such setting.
    bool reuse_address = false, reuse_port = false; ///< SO_REUSEADDR and SO_REUSEPORT of the socket that was refused.
    bool v6_only = false;                           ///< IPV6_V6ONLY of it.
};

/// Why a bind to `wanted`, or a listen there, met `error` (an errno), and what to do about it. It follows the system's
/// own words: "held by python3, process 4711: stop it, or choose another PORT (0 lets the system choose)".
std::string why_refused(Protocol protocol, const Address& wanted, int error, const Asked& asked = {});

/// The same for an Asio endpoint and error.
template <class Endpoint, class Error>
std::string why_refused(Protocol protocol, const Endpoint& wanted, const Error& error, const Asked& asked = {}) {
    return why_refused(protocol, Address{wanted.address().to_string(), wanted.port()}, error.value(), asked);
}

} // namespace common
