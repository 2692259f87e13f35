// Waits for a second before it listens, as what starts slowly does, and does so at each of its starts.
// Expects: right, 5 points
#include "common/stop.hpp"

#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <iostream>
#include <poll.h>

using asio::ip::tcp;

int main() {
    ::poll(nullptr, 0, 1000);
    try {
        common::Stop stop;
        asio::io_context context;
        tcp::acceptor acceptor{context};
        acceptor.open(tcp::v4());
        acceptor.bind({asio::ip::address_v4::loopback(), 0});
        acceptor.listen();
        std::cout << "listening on " << acceptor.local_endpoint() << std::endl;
        stop.wait();
    } catch (const std::exception& error) {
        std::cerr << "any_free_port: " << error.what() << '\n';
        return EXIT_FAILURE;
    }
}
