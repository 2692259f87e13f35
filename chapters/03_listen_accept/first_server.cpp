// Each accept yields a new socket for one client, on the listener's own port.
#include "common/stop.hpp"

#include <asio.hpp>
#include <iostream>
#include <list>
#include <string_view>

using asio::ip::tcp;

int main() {
    constexpr std::string_view reading = "21.5 degrees\n";
    common::Stop stop;
    asio::io_context io;
    tcp::acceptor acceptor{io};
    acceptor.open(tcp::v4());                                // 1: a socket, without a port
    acceptor.bind({asio::ip::address_v4::loopback(), 8080}); // 2: the port is ours, and refuses callers
    acceptor.listen();                                       // 3: the kernel connects callers
    std::cout << "listening on " << acceptor.local_endpoint() << std::endl;

    std::list<tcp::socket> clients;
    while (stop.wait_readable(acceptor.native_handle())) {
        tcp::socket client = acceptor.accept(); // 4: a new socket, for the first in the queue
        asio::write(client, asio::buffer(reading));
        std::cout << client.local_endpoint() << " <- " << client.remote_endpoint() << std::endl;
        clients.push_back(std::move(client));
    }
}
