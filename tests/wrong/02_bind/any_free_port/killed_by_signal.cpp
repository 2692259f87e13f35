// Waits for Enter, and has never thought of signals.
// Fails: it ends when it is told to, with status 0
// Seen: on SIGTERM, it ended with status 143: killed by signal 15
#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <iostream>

using asio::ip::tcp;

int main() {
    try {
        asio::io_context context;
        tcp::acceptor acceptor{context};
        acceptor.open(tcp::v4());
        acceptor.bind({asio::ip::address_v4::loopback(), 0});
        acceptor.listen();
        std::cout << "listening on " << acceptor.local_endpoint() << std::endl;
        std::cin.get();
    } catch (const std::exception& error) {
        std::cerr << "any_free_port: " << error.what() << '\n';
        return EXIT_FAILURE;
    }
}
