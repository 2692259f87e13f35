// Believes that the reason is enough: the user will know which of the two servers is meant.
// Fails: it names the server that refuses
// Seen: on standard error is "connect: Connection refused
#include "common/config.hpp"
#include "common/stop.hpp"

#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <iostream>

using asio::ip::tcp;

// Connects from `source`; a refusal is explained with both ends.
void call(tcp::socket& client, const tcp::endpoint& source, const tcp::endpoint& server) {
    client.open(tcp::v4());
    client.set_option(tcp::socket::reuse_address{true}); // on both sockets, each before its bind
    client.bind(source);
    asio::error_code error;
    client.connect(server, error);
    if (error) {
        throw asio::system_error{error, "connect"};
    }
}

int main(int argc, char** argv) {
    if (argc != 5) {
        std::cerr << "usage: two_destinations ADDRESS PORT ADDRESS PORT\n";
        return EXIT_FAILURE;
    }
    try {
        const tcp::endpoint one{asio::ip::make_address(argv[1]), common::parse_port("PORT", argv[2])};
        const tcp::endpoint other{asio::ip::make_address(argv[3]), common::parse_port("PORT", argv[4])};
        common::Stop stop;
        asio::io_context context;
        tcp::socket first{context}, second{context};
        call(first, {tcp::v4(), 0}, one);
        call(second, first.local_endpoint(), other);
        std::cout << "from " << first.local_endpoint() << '\n';
        std::cout << "to " << first.remote_endpoint() << '\n' << "to " << second.remote_endpoint() << std::endl;
        stop.wait();
    } catch (const std::exception& error) {
        std::cerr << error.what() << '\n';
        return EXIT_FAILURE;
    }
}
