// How many clients can have a port at once? Run it in a small range: see with_ports.sh.
#include <asio.hpp>
#include <cstdlib>
#include <exception>
#include <iostream>
#include <list>

using asio::ip::tcp;
using asio::ip::udp;

template <class Socket, class Server>
void call_until_refused(std::list<Socket>& clients, asio::io_context& io, const Server& server) {
    asio::error_code error;
    std::size_t connected = 0;
    for (;; ++connected) {
        Socket& client = clients.emplace_back(io);
        client.open(server.protocol(), error);
        if (!error)
            client.connect(server, error);
        if (error)
            break;
    }
    clients.pop_back();
    std::cout << server << ": " << connected << " clients, then " << error.message() << '\n';
}

int main() {
    try {
        const asio::ip::address_v4 loopback = asio::ip::address_v4::loopback();
        asio::io_context io;
        tcp::acceptor thermometer{io, {loopback, 8080}}, barometer{io, {loopback, 8081}};
        std::list<tcp::socket> streams;
        call_until_refused(streams, io, thermometer.local_endpoint());
        call_until_refused(streams, io, barometer.local_endpoint());

        asio::error_code error;
        tcp::socket binds{io, tcp::v4()};
        binds.bind({loopback, 0}, error);
        std::cout << "bind to port 0: " << (error ? error.message() : "bound") << '\n';

        std::list<udp::socket> datagrams;
        std::cout << "UDP, ";
        call_until_refused(datagrams, io, udp::endpoint{loopback, 8080});
    } catch (const std::exception& error) {
        std::cerr << "run_out: " << error.what() << '\n';
        return EXIT_FAILURE;
    }
}
