// Three wildcards, each called over IPv4 and over IPv6: who gets in, and as whom?
#include "common/stop.hpp"

#include <asio.hpp>
#include <cstdlib>
#include <exception>
#include <iostream>

using asio::ip::tcp;

void call(const char* address, tcp::acceptor& acceptor) {
    tcp::socket client{acceptor.get_executor()};
    asio::error_code error;
    client.connect({asio::ip::make_address(address), acceptor.local_endpoint().port()}, error);
    std::cout << "  " << address << ": ";
    if (error)
        std::cout << error.message() << std::endl;
    else
        std::cout << "comes in as " << acceptor.accept().remote_endpoint().address() << std::endl;
}

int main() {
    try {
        common::Stop stop;
        asio::io_context io;
        tcp::acceptor four{io}, both{io}, six{io};
        four.open(tcp::v4());
        four.bind({tcp::v4(), 0}); // an endpoint without an address is the wildcard of its family
        both.open(tcp::v6());
        both.set_option(asio::ip::v6_only{false});
        both.bind({tcp::v6(), 0});
        six.open(tcp::v6());
        six.set_option(asio::ip::v6_only{true});
        six.bind({tcp::v6(), 0});

        for (tcp::acceptor* acceptor : {&four, &both, &six}) {
            acceptor->listen();
            std::cout << "listening on " << acceptor->local_endpoint() << std::endl;
            call("127.0.0.1", *acceptor);
            call("::1", *acceptor);
        }
        stop.wait();
    } catch (const std::exception& error) {
        std::cerr << "wildcards: " << error.what() << '\n';
        return EXIT_FAILURE;
    }
}
