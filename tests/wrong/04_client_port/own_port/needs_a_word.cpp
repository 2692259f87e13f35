// Waits with >>, which takes an empty line for nothing: Enter alone does not end it.
// Fails: it ends on Enter with status 0
// Seen: neither printed more nor ended
#include "common/config.hpp"
#include "common/stop.hpp"

#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <iostream>
#include <string>

using asio::ip::tcp;

int main(int argc, char** argv) {
    if (argc != 3) {
        std::cerr << "usage: own_port ADDRESS PORT\n";
        return EXIT_FAILURE;
    }
    try {
        const tcp::endpoint server{asio::ip::make_address(argv[1]), common::parse_port("PORT", argv[2])};
        asio::io_context context;
        tcp::socket client{context};
        client.connect(server);
        std::cout << "from " << client.local_endpoint() << '\n' << "to " << client.remote_endpoint() << std::endl;
        std::string word;
        std::cin >> word;
    } catch (const std::exception& error) {
        std::cerr << "own_port: " << error.what() << '\n';
        return EXIT_FAILURE;
    }
}
