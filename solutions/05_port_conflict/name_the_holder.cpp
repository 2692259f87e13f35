// Name the holder: prints each TCP socket that stands in the way of a bind to an address and a port, and who holds it.
#include "common/config.hpp"
#include "common/socket_table.hpp"

#include <cstdint>
#include <cstdlib>
#include <exception>
#include <iostream>
#include <string>
#include <vector>

// Is the socket in the way of one that wants the IPv4 address `ip`?
bool in_the_way(const common::SocketRow& row, const std::string& ip) {
    const std::string every_address = "0.0.0.0", mapped = "::ffff:";
    std::string local = row.local.ip;
    if (local.starts_with(mapped)) // an IPv4 address in an IPv6 socket
        local.erase(0, mapped.size());
    else if (local == "::" && !row.v6_only.value_or(false)) // it takes IPv4 clients, too
        local = every_address;
    else if (local.find(':') != std::string::npos)
        return false;
    return local == ip || local == every_address || ip == every_address;
}

int main(int argc, char** argv) {
    try {
        if (argc != 3)
            throw common::ConfigError{"usage: name_the_holder ADDRESS PORT"};
        const std::string ip = common::parse_address("ADDRESS", argv[1]);
        const std::uint16_t port = common::parse_port("PORT", argv[2]);
        const std::vector<common::SocketRow> rows = common::kernel_sockets(common::Protocol::tcp);
        const common::Holders holders{rows};
        for (const common::SocketRow& row : rows) {
            if (row.local.port != port || !in_the_way(row, ip))
                continue;
            const std::vector<common::Holder> all = holders.of(row);
            for (const common::Holder& holder : all)
                std::cout << holder.pid << ' ' << holder.command << ' ' << row.state << ' ' << row.local << '\n';
            if (all.empty())
                std::cout << "- - " << row.state << ' ' << row.local << '\n';
        }
    } catch (const common::ConfigError& error) {
        std::cerr << "name_the_holder: " << error.what() << '\n';
        return common::exit_config;
    } catch (const std::exception& error) {
        std::cerr << "name_the_holder: " << error.what() << '\n';
        return EXIT_FAILURE;
    }
}
