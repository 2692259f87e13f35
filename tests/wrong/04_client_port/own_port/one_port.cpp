// Believes that a connection has one port, which both ends share: it has just been given another name.
// Fails: it says the server's endpoint
// Seen: and the server listens on 127.0.0.
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
        std::cout << "from " << client.local_endpoint() << '\n'
                  << "to " << client.remote_endpoint().address() << ':' << client.local_endpoint().port() << std::endl;
        stop.wait();
    } catch (const std::exception& error) {
        std::cerr << "own_port: " << error.what() << '\n';
        return EXIT_FAILURE;
    }
}
