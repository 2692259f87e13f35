// A port is a port, whatever the protocol.
// Fails: it looks at TCP alone
// Seen: UNCONN 127.0.0.1:
#include "common/config.hpp"
#include "common/socket_table.hpp"

#include <cstdint>
#include <cstdlib>
#include <exception>
#include <iostream>
#include <optional>
#include <string>

// What has this local address overlaps what wants `ip`.
bool overlaps(const std::string& local, const std::string& ip) {
    const std::string every_address = "0.0.0.0";
    if (local.find(':') != std::string::npos) // IPv6: only the wildcard takes IPv4 clients, too
        return local == "::";
    return local == ip || local == every_address || ip == every_address;
}

int main(int argc, char** argv) {
    try {
        if (argc != 3)
            throw common::ConfigError{"usage: name_the_holder ADDRESS PORT"};
        const std::string ip = common::parse_address("ADDRESS", argv[1]);
        const std::uint16_t port = common::parse_port("PORT", argv[2]);
        for (const common::Protocol protocol : {common::Protocol::tcp, common::Protocol::udp})
            for (const common::SocketRow& row : common::kernel_sockets(protocol)) {
                if (row.local.port != port || !overlaps(row.local.ip, ip))
                    continue;
                if (const std::optional<common::Holder> holder = common::holder_of(row))
                    std::cout << holder->pid << ' ' << holder->command;
                else
                    std::cout << "- -";
                std::cout << ' ' << row.state << ' ' << row.local << '\n';
            }
    } catch (const common::ConfigError& error) {
        std::cerr << "name_the_holder: " << error.what() << '\n';
        return common::exit_config;
    } catch (const std::exception& error) {
        std::cerr << "name_the_holder: " << error.what() << '\n';
        return EXIT_FAILURE;
    }
}
