// Believes that a program which has said what went wrong has done its duty: ends with status 0.
// Fails: it ends with status 1 where the system refuses it a socket
// Seen: it ended with status 0
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
        do {
            acceptor.close(); // gives back the number that was of no use
            acceptor.open(tcp::v4());
            acceptor.bind({loopback, 0});
            datagrams.bind({loopback, acceptor.local_endpoint().port()}, error);
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
        return EXIT_SUCCESS;
    }
}
