// Next candidate: listens on the first of several ports that it gets, and says why it did not get the others.
#include "common/config.hpp"
#include "common/stop.hpp"
#include "exercises/begin_here.hpp"

#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <cstdint>
#include <cstdlib>
#include <exception>
#include <iostream>
#include <vector>

using asio::ip::tcp;

std::vector<std::uint16_t> ports_in(int argc, char** argv) {
    if (argc < 2)
        throw common::ConfigError{"usage: next_candidate PORT..."};
    std::vector<std::uint16_t> ports;
    for (int i = 1; i < argc; ++i)
        ports.push_back(common::parse_port("PORT", argv[i]));
    return ports;
}

int main(int argc, char** argv) {
    begin_here(); // Delete this line and write your program.
    try {
        const std::vector<std::uint16_t> candidates = ports_in(argc, argv);
    } catch (const common::ConfigError& error) {
        std::cerr << "next_candidate: " << error.what() << '\n';
        return common::exit_config;
    } catch (const std::exception& error) {
        std::cerr << "next_candidate: " << error.what() << '\n';
        return EXIT_FAILURE;
    }
}
