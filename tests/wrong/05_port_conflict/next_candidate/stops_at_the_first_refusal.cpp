// A refusal is an error, and an error ends the program.
// Fails: it goes on after a refusal
// Seen: it ended with status 1 before that
#include "common/config.hpp"
#include "common/stop.hpp"

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
    try {
        const std::vector<std::uint16_t> candidates = ports_in(argc, argv);
        common::Stop stop;
        asio::io_context context;
        for (const std::uint16_t port : candidates) {
            const tcp::endpoint wanted{asio::ip::address_v4::loopback(), port};
            asio::error_code error;
            tcp::acceptor acceptor{context};
            acceptor.open(tcp::v4());
            acceptor.bind(wanted);
            if (!error)
                acceptor.listen(tcp::acceptor::max_listen_connections, error);
            if (error) {
                std::cerr << "next_candidate: " << wanted << ": " << error.message() << '\n';
                continue;
            }
            std::cout << "listening on " << acceptor.local_endpoint() << std::endl;
            stop.wait();
            return EXIT_SUCCESS;
        }
        return EXIT_FAILURE;
    } catch (const common::ConfigError& error) {
        std::cerr << "next_candidate: " << error.what() << '\n';
        return common::exit_config;
    } catch (const std::exception& error) {
        std::cerr << "next_candidate: " << error.what() << '\n';
        return EXIT_FAILURE;
    }
}
