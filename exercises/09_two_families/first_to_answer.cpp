// The first to answer: calls several addresses, each when the one before has failed or is silent, and keeps the first
// connection.
#include "common/config.hpp"
#include "exercises/begin_here.hpp"

#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/steady_timer.hpp>
#include <cstdlib>
#include <exception>
#include <iostream>
#include <vector>

using asio::ip::tcp;

int main(int argc, char** argv) {
    begin_here(); // Delete this line and write your program.
    try {
        if (argc < 3)
            throw common::ConfigError{"usage: first_to_answer PORT ADDRESS..."};
        const auto port = common::parse_port("PORT", argv[1]);
        std::vector<tcp::endpoint> endpoints;
        for (int i = 2; i < argc; ++i)
            endpoints.emplace_back(asio::ip::make_address(common::parse_address("ADDRESS", argv[i])), port);
    } catch (const common::ConfigError& error) {
        std::cerr << "first_to_answer: " << error.what() << '\n';
        return common::exit_config;
    } catch (const std::exception& error) {
        std::cerr << "first_to_answer: " << error.what() << '\n';
        return EXIT_FAILURE;
    }
}
