// Believes that a port of its own choice is good as long as no two copies choose the same.
// Fails: the kernel chooses its port
// Seen: and the kernel chooses from
#include "common/config.hpp"
#include "common/stop.hpp"

#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <iostream>
#include <unistd.h>

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
        client.open(tcp::v4());
        client.bind({tcp::v4(), static_cast<std::uint16_t>(10'000 + ::getpid() % 20'000)});
        client.connect(server);
        std::cout << "from " << client.local_endpoint() << '\n' << "to " << client.remote_endpoint() << std::endl;
        stop.wait();
    } catch (const std::exception& error) {
        std::cerr << "own_port: " << error.what() << '\n';
        return EXIT_FAILURE;
    }
}
