// Finds a free port with one socket, closes it, and asks for that number with another.
// Fails: the kernel chooses the port
// Seen: it asked for port
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
        std::uint16_t port;
        {
            tcp::acceptor probe{context, {asio::ip::address_v4::loopback(), 0}};
            port = probe.local_endpoint().port();
        }
        acceptor.bind({asio::ip::address_v4::loopback(), port});
        acceptor.listen();
        std::cout << "listening on " << acceptor.local_endpoint() << std::endl;
        stop.wait();
    } catch (const std::exception& error) {
        std::cerr << "any_free_port: " << error.what() << '\n';
        return EXIT_FAILURE;
    }
}
