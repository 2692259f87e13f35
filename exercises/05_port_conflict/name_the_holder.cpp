// Name the holder: prints each TCP socket that stands in the way of a bind to an address and a port, and who holds it.
#include "common/config.hpp"
#include "common/socket_table.hpp"
#include "exercises/begin_here.hpp"

#include <cstdint>
#include <cstdlib>
#include <exception>
#include <iostream>
#include <optional>
#include <string>

int main(int argc, char** argv) {
    begin_here(); // Delete this line and write your program.
    try {
        if (argc != 3)
            throw common::ConfigError{"usage: name_the_holder ADDRESS PORT"};
        const std::string ip = common::parse_address("ADDRESS", argv[1]);
        const std::uint16_t port = common::parse_port("PORT", argv[2]);
        std::cerr << "who stands in the way of a bind to " << ip << ", port " << port << "?\n";
    } catch (const common::ConfigError& error) {
        std::cerr << "name_the_holder: " << error.what() << '\n';
        return common::exit_config;
    } catch (const std::exception& error) {
        std::cerr << "name_the_holder: " << error.what() << '\n';
        return EXIT_FAILURE;
    }
}
