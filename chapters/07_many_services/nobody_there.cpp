// A datagram for a port that nobody has: only a connected UDP socket learns of the refusal.
#include "common/config.hpp"

#include <array>
#include <asio.hpp>
#include <cstdlib>
#include <exception>
#include <iostream>
#include <poll.h>

using asio::ip::udp;

void wait_for_news(udp::socket& socket) {
    pollfd watched{socket.native_handle(), POLLIN, 0};
    if (::poll(&watched, 1, 1000) == 0) { // a second, and nothing came
        std::cout << "silence" << std::endl;
        return;
    }
    std::array<char, 1500> answer;
    asio::error_code error;
    socket.receive(asio::buffer(answer), 0, error);
    std::cout << (error ? error.message() : "an answer") << std::endl;
}

int main() {
    try {
        const udp::endpoint nobody{asio::ip::address_v4::loopback(), common::port_from_environment("PORT", 2525)};
        asio::io_context io;

        udp::socket unconnected{io};
        unconnected.open(udp::v4());
        unconnected.send_to(asio::buffer("hello", 5), nobody);
        std::cout << unconnected.local_endpoint() << " sends to " << nobody << ": ";
        wait_for_news(unconnected);

        udp::socket connected{io};
        connected.open(udp::v4());
        connected.connect(nobody); // sends nothing, and notes the peer
        connected.send(asio::buffer("hello", 5));
        std::cout << connected.local_endpoint() << " is connected to " << nobody << ": ";
        wait_for_news(connected);
    } catch (const std::exception& error) {
        std::cerr << "nobody_there: " << error.what() << '\n';
        return EXIT_FAILURE;
    }
}
