// Takes the peer's endpoint for its own, and the reverse.
// Fails: it says its own endpoint
// Seen: and the server sees 127.0.0.1:
#include "common/config.hpp"
#include "common/stop.hpp"

#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <iostream>

using asio::ip::tcp;

int main(int argc, char** argv) {
    if (argc != 3) {
        std::cerr << "usage: own_port ADDRESS PORT\n";
        return EXIT_FAILURE;
    }
    try {
        const tcp::endpoint server{asio::ip::make_address(argv[1]), common::parse_port("PORT", argv[2])};
        common::Stop stop;
        asio::io_context context;
        tcp::socket client{context};
        client.connect(server);
        std::cout << "from " << client.remote_endpoint() << '\n' << "to " << client.local_endpoint() << std::endl;
        stop.wait();
    } catch (const std::exception& error) {
        std::cerr << "own_port: " << error.what() << '\n';
        return EXIT_FAILURE;
    }
}
