// A server that listens and never accepts: the kernel connects its callers all the same.
#include "common/stop.hpp"

#include <asio.hpp>
#include <iostream>

using asio::ip::tcp;

int main() {
    common::Stop stop;
    asio::io_context io;
    tcp::acceptor acceptor{io};
    acceptor.open(tcp::v4());
    acceptor.bind({asio::ip::address_v4::loopback(), 8080});
    acceptor.listen(); // listen(2): callers are connected from here on

    std::cout << "listening on " << acceptor.local_endpoint() << std::endl;
    stop.wait();
}
