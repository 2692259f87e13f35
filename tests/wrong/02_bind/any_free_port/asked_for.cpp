// Prints the endpoint that it asked for; it was bound, after all.
// Fails: it says the port that it has
// Seen: it says 127.0.0.1:0
#include "common/stop.hpp"

#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <iostream>

using asio::ip::tcp;

int main() {
    try {
        common::Stop stop;
        asio::io_context context;
        tcp::acceptor acceptor{context};
        acceptor.open(tcp::v4());
        const tcp::endpoint endpoint{asio::ip::address_v4::loopback(), 0};
        acceptor.bind(endpoint);
        acceptor.listen();
        std::cout << "listening on " << endpoint << std::endl;
        stop.wait();
    } catch (const std::exception& error) {
        std::cerr << "any_free_port: " << error.what() << '\n';
        return EXIT_FAILURE;
    }
}
