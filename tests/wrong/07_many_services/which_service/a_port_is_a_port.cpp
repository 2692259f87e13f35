// A process that has a port has it in every protocol.
// Fails: it keeps TCP and UDP apart
// Seen: the arrival reached nobody
#include "common/config.hpp"
#include "common/socket_table.hpp"

#include <cstdlib>
#include <iostream>
#include <string>

using common::Address;
using common::Protocol;
using common::SocketRow;

// The address and the port in "127.0.0.1:80".
Address address(const std::string& text) {
    const auto colon = text.rfind(':');
    if (colon == text.npos)
        throw common::ConfigError{"\"" + text + "\" is not ADDRESS:PORT"};
    return {common::parse_address("the address", text.substr(0, colon)),
            common::parse_port("the port", text.substr(colon + 1))};
}

// How well a socket fits the arrival; 0 where it does not.
int fit(const SocketRow& row, const Address& from, const Address& to) {
    if (row.local == to && row.peer == from)
        return 3; // the other end of this very connection
    if (row.state != "LISTEN" && row.state != "UNCONN")
        return 0; // connected with somebody else, or bound and not listening
    if (row.local == to)
        return 2;
    return row.local == Address{"0.0.0.0", to.port} ? 1 : 0;
}

int main(int argc, char** argv) {
    try {
        if (argc != 4)
            throw common::ConfigError{"usage: which_service tcp|udp FROM TO, both as ADDRESS:PORT"};
        const Protocol protocol = std::string{argv[1]} == "udp" ? Protocol::udp : Protocol::tcp;
        const Address from = address(argv[2]), to = address(argv[3]);

        int best = 0;
        SocketRow found;
        auto rows = common::kernel_sockets(Protocol::tcp);
        for (const SocketRow& row : common::kernel_sockets(Protocol::udp))
            rows.push_back(row);
        for (const SocketRow& row : rows) {
            if (const int fits = fit(row, from, to); fits > best) {
                best = fits;
                found = row;
            }
        }
        const auto holder = best > 0 ? common::holder_of(found) : std::nullopt;
        std::cout << (holder ? "process " + std::to_string(holder->pid) : "nobody") << '\n';
    } catch (const std::exception& error) {
        std::cerr << "which_service: " << error.what() << '\n';
        return common::exit_config;
    }
}
