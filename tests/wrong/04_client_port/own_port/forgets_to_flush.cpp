// Believes that what is written with '\n' is there at once, through a pipe, too.
// Fails: it says its own endpoint
// Seen: it printed nothing
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
        std::cout << "from " << client.local_endpoint() << '\n' << "to " << client.remote_endpoint() << '\n';
        stop.wait();
    } catch (const std::exception& error) {
        std::cerr << "own_port: " << error.what() << '\n';
        return EXIT_FAILURE;
    }
}
