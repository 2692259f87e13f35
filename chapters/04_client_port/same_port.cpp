// Two connections may have one local port, if their servers differ: what must be new is the 4-tuple.
#include "common/stop.hpp"

#include <asio.hpp>
#include <cstdlib>
#include <exception>
#include <iostream>

using asio::ip::tcp;

void call(tcp::socket& client, const tcp::endpoint& server) {
    asio::error_code error;
    client.connect(server, error);
    std::cout << client.local_endpoint() << " -> " << server << ": " << (error ? error.message() : "connected")
              << std::endl;
}

int main() {
    try {
        const asio::ip::address_v4 loopback = asio::ip::address_v4::loopback();
        const tcp::socket::reuse_address reuse{true};
        common::Stop stop;
        asio::io_context io;
        tcp::acceptor thermometer{io, {loopback, 0}}, barometer{io, {loopback, 0}};

        tcp::socket first{io, tcp::v4()}, second{io, tcp::v4()};
        first.set_option(reuse);
        first.bind({loopback, 0});
        call(first, thermometer.local_endpoint());

        second.set_option(reuse); // on both: else the next line is refused (chapter 5)
        second.bind(first.local_endpoint());
        call(second, thermometer.local_endpoint());
        call(second, barometer.local_endpoint());
        stop.wait();
    } catch (const std::exception& error) {
        std::cerr << "same_port: " << error.what() << '\n';
        return EXIT_FAILURE;
    }
}
