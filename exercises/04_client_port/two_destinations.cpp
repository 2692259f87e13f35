// Two destinations: holds connections to two servers at once, both from one port that the kernel has chosen.
#include "common/config.hpp"
#include "common/stop.hpp"
#include "exercises/begin_here.hpp"

#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <iostream>

using asio::ip::tcp;

int main(int argc, char** argv) {
    begin_here(); // Delete this line and write your program.
    if (argc != 5) {
        std::cerr << "usage: two_destinations ADDRESS PORT ADDRESS PORT\n";
        return EXIT_FAILURE;
    }
    const tcp::endpoint one{asio::ip::make_address(argv[1]), common::parse_port("PORT", argv[2])};
    const tcp::endpoint other{asio::ip::make_address(argv[3]), common::parse_port("PORT", argv[4])};
}
