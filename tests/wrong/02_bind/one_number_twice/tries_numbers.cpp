// Tries the numbers from 8080 upwards; the kernel would know no better.
// Fails: it takes another number where one protocol has this one
// Seen: it has number 8080
#include "common/stop.hpp"

#include <asio/buffer.hpp>
#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/ip/udp.hpp>
#include <iostream>
#include <sstream>
#include <string>

using asio::ip::tcp;
using asio::ip::udp;

int main() {
    try {
        common::Stop stop;
        asio::io_context context;
        const auto loopback = asio::ip::address_v4::loopback();
        tcp::acceptor acceptor{context};
        udp::socket datagrams{context, udp::v4()};
        asio::error_code error;
        std::uint16_t port = 8080;
        do {
            acceptor.close(); // gives back the number that was of no use
            acceptor.open(tcp::v4());
            acceptor.bind({loopback, port}, error);
            if (!error)
                datagrams.bind({loopback, port}, error);
            ++port;
        } while (error == asio::error::address_in_use);
        if (error)
            throw asio::system_error{error, "bind"};
        acceptor.listen();
        std::cout << "listening on " << acceptor.local_endpoint() << std::endl;

        while (stop.wait_readable(datagrams.native_handle())) {
            std::string datagram(2000, '\0');
            udp::endpoint sender;
            datagrams.receive_from(asio::buffer(datagram), sender);
            std::ostringstream answer;
            answer << sender;
            datagrams.send_to(asio::buffer(answer.str()), sender);
        }
    } catch (const std::exception& error) {
        std::cerr << "one_number_twice: " << error.what() << '\n';
        return EXIT_FAILURE;
    }
}
