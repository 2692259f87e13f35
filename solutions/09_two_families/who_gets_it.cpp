// Who gets it: of the sockets that listen on a port, which one a client of 127.0.0.1 gets, and which one a client of
// ::1.
#include "common/config.hpp"
#include "common/socket_table.hpp"

#include <cstdlib>
#include <exception>
#include <iostream>
#include <string>

// How well the listener fits a client that calls the address; 0: not at all.
int rank(const common::SocketRow& row, const std::string& called, bool is_v6) {
    if (row.local.ip == called || row.local.ip == "::ffff:" + called)
        return 3;
    if (row.local.ip == (is_v6 ? "::" : "0.0.0.0"))
        return 2;
    return row.local.ip == "::" && !row.v6_only.value_or(false) ? 1 : 0;
}

int main(int argc, char** argv) {
    try {
        if (argc != 2)
            throw common::ConfigError{"usage: who_gets_it PORT"};
        const auto port = common::parse_number("PORT", argv[1], 1, 65535);
        const auto rows = common::kernel_sockets(common::Protocol::tcp);
        for (const bool is_v6 : {false, true}) {
            std::string best = "nobody";
            int best_rank = 0;
            for (const auto& row : rows) {
                if (row.state != "LISTEN" || row.local.port != port)
                    continue;
                if (const int its = rank(row, is_v6 ? "::1" : "127.0.0.1", is_v6); its > best_rank) {
                    best_rank = its;
                    best = common::local_end(row);
                }
            }
            std::cout << (is_v6 ? "[::1]: " : "127.0.0.1: ") << best << '\n';
        }
    } catch (const common::ConfigError& error) {
        std::cerr << "who_gets_it: " << error.what() << '\n';
        return common::exit_config;
    } catch (const std::exception& error) {
        std::cerr << "who_gets_it: " << error.what() << '\n';
        return EXIT_FAILURE;
    }
}
