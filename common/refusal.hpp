#pragma once

#include "common/socket_table.hpp"

#include <string>
#include <string_view>

namespace common {

/// What a program may change after a refusal: the names of its settings, and the options that its socket has.
struct Asked {
    std::string_view host = "HOST"; ///< Empty where there is no such setting.
    std::string_view port = "PORT";
    bool reuse_address = false, reuse_port = false; ///< SO_REUSEADDR and SO_REUSEPORT of the socket that was refused.
};

/// Why `error` (an errno) met a bind to `wanted`, or a listen there, and what to do about it; it follows the system's
/// own words: "held by python3, process 4711: stop it, or choose another PORT (0 lets the system choose)".
std::string why_refused(Protocol protocol, const Address& wanted, int error, const Asked& asked = {});

/// The same for an Asio endpoint and error.
template <class Endpoint, class Error>
std::string why_refused(Protocol protocol, const Endpoint& wanted, const Error& error, const Asked& asked = {}) {
    return why_refused(protocol, Address{wanted.address().to_string(), wanted.port()}, error.value(), asked);
}

} // namespace common
