// Which service: says which process an arrival would reach, from the kernel's table alone.
#include "common/config.hpp"
#include "common/socket_table.hpp"
#include "exercises/begin_here.hpp"

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

int main(int argc, char** argv) {
    begin_here(); // Delete this line and write your program.
    try {
        if (argc != 4)
            throw common::ConfigError{"usage: which_service tcp|udp FROM TO, both as ADDRESS:PORT"};
        const Protocol protocol = std::string{argv[1]} == "udp" ? Protocol::udp : Protocol::tcp;
        const Address from = address(argv[2]), to = address(argv[3]);

        for (const SocketRow& row : common::kernel_sockets(protocol)) // all that there are: look, and choose
            std::cerr << row.state << ' ' << row.local << ' ' << row.peer << '\n';
        std::cout << "who gets it, when it comes from " << from << " to " << to << "?\n";
    } catch (const std::exception& error) {
        std::cerr << "which_service: " << error.what() << '\n';
        return common::exit_config;
    }
}
