// One number twice: a TCP and a UDP socket bound to one number of loopback, which the kernel chooses.
#include "common/stop.hpp"

#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/ip/udp.hpp>
#include <iostream>

using asio::ip::tcp;
using asio::ip::udp;

int main() {
    try {
        common::Stop stop;
        asio::io_context context;
        const auto loopback = asio::ip::address_v4::loopback();
        tcp::socket stream{context};
        udp::socket datagrams{context, udp::v4()};
        asio::error_code error;
        do {
            stream.close(); // gives back the number that was of no use
            stream.open(tcp::v4());
            stream.bind({loopback, 0});
            datagrams.bind({loopback, stream.local_endpoint().port()}, error);
        } while (error == asio::error::address_in_use);
        if (error)
            throw asio::system_error{error, "bind"};
        std::cout << "bound to " << stream.local_endpoint() << std::endl;
        stop.wait();
    } catch (const std::exception& error) {
        std::cerr << "one_number_twice: " << error.what() << '\n';
        return EXIT_FAILURE;
    }
}
