// Two sockets listen on one port by SO_REUSEPORT. Who gets a client, and what becomes of it when one of them closes?
#include "common/stop.hpp"

#include <array>
#include <asio.hpp>
#include <cerrno>
#include <cstdlib>
#include <exception>
#include <iostream>
#include <sys/socket.h>
#include <vector>

using asio::ip::tcp;

void listen_shared(tcp::acceptor& socket, const tcp::endpoint& address) {
    socket.open(address.protocol());
    const int on = 1;
    if (::setsockopt(socket.native_handle(), SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) != 0)
        throw asio::system_error{{errno, asio::system_category()}, "setsockopt"};
    socket.bind(address);
    socket.listen();
}

int main() {
    try {
        common::Stop stop;
        asio::io_context io;
        tcp::acceptor first{io}, second{io};
        listen_shared(first, {asio::ip::address_v4::loopback(), 0});
        const tcp::endpoint address = first.local_endpoint();
        listen_shared(second, address);

        std::vector<tcp::socket> clients;
        for (int i = 0; i < 100; ++i)
            clients.emplace_back(io).connect(address);
        std::cout << "listening twice on " << address << ", and 100 clients wait" << std::endl;
        stop.wait();

        first.close(); // nobody has accepted what waits in its queue
        second.non_blocking(true);
        asio::error_code error;
        while (!error)
            second.accept(error); // takes a client, and closes the connection at once
        int reset = 0;
        for (tcp::socket& client : clients) {
            std::array<char, 1> byte;
            client.read_some(asio::buffer(byte), error);
            reset += error == asio::error::connection_reset;
        }
        std::cout << "the first has closed: " << reset << " of the 100 clients were reset\n";
    } catch (const std::exception& error) {
        std::cerr << "shared: " << error.what() << '\n';
        return EXIT_FAILURE;
    }
}
