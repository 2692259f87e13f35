// Ignores SIGTERM, so that nothing disturbs the server.
// Fails: it ends when it is told to, with status 0
// Seen: neither printed more nor ended
#include "common/stop.hpp"

#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <csignal>
#include <iostream>

using asio::ip::tcp;

int main() {
    try {
        common::Stop stop;
        std::signal(SIGTERM, SIG_IGN);
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
