// Its own port: connects to a server, and says which endpoint the kernel has given to its end of the connection.
#include "common/config.hpp"
#include "common/stop.hpp"
#include "exercises/begin_here.hpp"

#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <iostream>

using asio::ip::tcp;

int main(int argc, char** argv) {
    begin_here(); // Delete this line and write your program.
    if (argc != 3) {
        std::cerr << "usage: own_port ADDRESS PORT\n";
        return EXIT_FAILURE;
    }
    const tcp::endpoint server{asio::ip::make_address(argv[1]), common::parse_port("PORT", argv[2])};
}
