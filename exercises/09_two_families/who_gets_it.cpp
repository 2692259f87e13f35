// Who gets it: of the sockets that listen on a port, which one a client of 127.0.0.1 gets, and which one a client of
// ::1.
#include "common/config.hpp"
#include "common/socket_table.hpp"
#include "exercises/begin_here.hpp"

#include <cstdlib>
#include <exception>
#include <iostream>
#include <string>

int main(int argc, char** argv) {
    begin_here(); // Delete this line and write your program.
    try {
        if (argc != 2)
            throw common::ConfigError{"usage: who_gets_it PORT"};
        [[maybe_unused]] const auto port = common::parse_number("PORT", argv[1], 1, 65535);
    } catch (const common::ConfigError& error) {
        std::cerr << "who_gets_it: " << error.what() << '\n';
        return common::exit_config;
    } catch (const std::exception& error) {
        std::cerr << "who_gets_it: " << error.what() << '\n';
        return EXIT_FAILURE;
    }
}
