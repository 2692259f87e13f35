// A server on [::1]:8080 that hangs. Its queue is full, and the kernel drops the next client's SYN in silence.
#include "common/stop.hpp"

#include <asio.hpp>
#include <cstdlib>
#include <exception>
#include <iostream>

using asio::ip::tcp;

int main() {
    try {
        common::Stop stop;
        asio::io_context io;
        tcp::acceptor acceptor{io};
        acceptor.open(tcp::v6());
        acceptor.set_option(tcp::acceptor::reuse_address{true});
        acceptor.bind({asio::ip::address_v6::loopback(), 8080});
        acceptor.listen(0); // room for one
        tcp::socket client{io};
        client.connect(acceptor.local_endpoint()); // and here it is
        std::cout << "hanging on " << acceptor.local_endpoint() << std::endl;
        stop.wait();
    } catch (const std::exception& error) {
        std::cerr << "stuck: " << error.what() << '\n';
        return EXIT_FAILURE;
    }
}
