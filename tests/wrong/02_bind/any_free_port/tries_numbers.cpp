// Tries 8080, then 8081, and so on until one is free.
// Fails: the kernel chooses the port
// Seen: and the kernel chooses from
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
        std::uint16_t port = 8080;
        asio::error_code taken;
        do {
            acceptor.bind({asio::ip::address_v4::loopback(), port++}, taken);
        } while (taken);
        acceptor.listen();
        std::cout << "listening on " << acceptor.local_endpoint() << std::endl;
        stop.wait();
    } catch (const std::exception& error) {
        std::cerr << "any_free_port: " << error.what() << '\n';
        return EXIT_FAILURE;
    }
}
