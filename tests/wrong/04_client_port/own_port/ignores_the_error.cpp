// Does not look at connect's error: the socket is there, so there must be a connection.
// Fails: a refusal ends it with status 1
// Seen: it printed "from
#include "common/config.hpp"
#include "common/stop.hpp"

#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <iostream>

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
        asio::error_code error;
        client.connect(server, error);
        const tcp::endpoint own = client.local_endpoint();
        std::cout << "from " << own << '\n' << "to " << server << std::endl;
        if (error)
            throw asio::system_error{error};
        stop.wait();
    } catch (const std::exception& error) {
        std::cerr << "own_port: " << error.what() << '\n';
        return EXIT_FAILURE;
    }
}
