// Takes its port from the environment and believes whatever is there.
#include "common/stop.hpp"

#include <asio.hpp>
#include <cstdlib>
#include <iostream>

using asio::ip::tcp;

int main() {
    const char* const text = std::getenv("PORT"); // null if PORT is not set
    const int number = text ? std::atoi(text) : 8080;
    const auto port = static_cast<asio::ip::port_type>(number); // the 16 bits of a port

    common::Stop stop;
    asio::io_context io;
    tcp::acceptor acceptor{io};
    acceptor.open(tcp::v4());
    acceptor.bind({asio::ip::address_v4::loopback(), port});
    acceptor.listen();
    std::cout << "listening on " << acceptor.local_endpoint() << std::endl;
    stop.wait();
}
