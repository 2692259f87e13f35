// Believes that a program is always called as it should be.
// Fails: it says how it is called
// Seen: killed by signal
#include "common/config.hpp"
#include "common/stop.hpp"

#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <iostream>

using asio::ip::tcp;

int main(int, char** argv) {
    try {
        const tcp::endpoint server{asio::ip::make_address(argv[1]), common::parse_port("PORT", argv[2])};
        common::Stop stop;
        asio::io_context context;
        tcp::socket client{context};
        client.connect(server);
        std::cout << "from " << client.local_endpoint() << '\n' << "to " << client.remote_endpoint() << std::endl;
        stop.wait();
    } catch (const std::exception& error) {
        std::cerr << "own_port: " << error.what() << '\n';
        return EXIT_FAILURE;
    }
}
