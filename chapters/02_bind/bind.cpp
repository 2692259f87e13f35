// Binding gives a socket its port, and a TCP socket that is bound owns its port even when it does not listen.
//
// PORT chooses the first port (8080 where it is not set). What the kernel refuses is printed, and the program goes on.
#include "common/config.hpp"
#include "common/refusal.hpp"
#include "common/socket_table.hpp"
#include "common/stop.hpp"

#include <asio.hpp>
#include <cstdlib>
#include <exception>
#include <iostream>

using asio::ip::address_v4;
using asio::ip::tcp;
using asio::ip::udp;

template <class Socket>
asio::error_code bind_and_report(const char* what, Socket& socket, const typename Socket::endpoint_type& endpoint) {
    asio::error_code error;
    socket.bind(endpoint, error); // bind(2)
    std::cout << what << ": ";
    if (!error)
        std::cout << "bound to " << socket.local_endpoint() << '\n'; // the kernel's answer: getsockname(2)
    else
        std::cout << "refused " << endpoint << ": " << error.message() << '\n';
    return error;
}

int main() {
    try {
        const auto port = common::port_from_environment("PORT", 8080);
        const auto loopback = address_v4::loopback();
        common::Stop stop;
        asio::io_context io;

        // Opened, so that each has a family and a protocol. No port yet.
        tcp::socket chosen{io, tcp::v4()}, any{io, tcp::v4()}, wide{io, tcp::v4()};
        tcp::socket foreign{io, tcp::v4()}, privileged{io, tcp::v4()}, client{io, tcp::v4()};
        udp::socket datagrams{io, udp::v4()};

        if (const auto error = bind_and_report("a chosen port", chosen, {loopback, port}))
            std::cout << "    "
                      << common::why_refused(common::Protocol::tcp, tcp::endpoint{loopback, port}, error, {.host = ""})
                      << '\n';
        bind_and_report("port 0, the kernel chooses", any, {loopback, 0});
        bind_and_report("every address of this machine", wide, {address_v4::any(), 0});
        bind_and_report("UDP, on a number that TCP has taken", datagrams, {loopback, any.local_endpoint().port()});
        bind_and_report("the same socket a second time", any, {loopback, 0});
        bind_and_report("an address of another machine", foreign, {asio::ip::make_address_v4("192.0.2.1"), 0});
        bind_and_report("a port for privileged programs", privileged, {loopback, 80});

        asio::error_code error;
        client.connect(any.local_endpoint(), error); // bound, but nobody called listen
        std::cout << "a client calls " << any.local_endpoint() << ": " << error.message() << '\n';

        bool found = false; // /proc/net/tcp does not list it; the kernel knows it all the same: sock_diag(7)
        for (const common::SocketRow& row : common::kernel_sockets(common::Protocol::tcp))
            if (row.local.port == any.local_endpoint().port() && (found = true))
                std::cout << "the kernel's table has: tcp " << row.state << ' ' << to_string(row.local) << '\n';
        if (!found)
            std::cout << "this system has no table of bound sockets (Linux 6.8 and newer have one)\n";

        std::cout << "Holding the ports. Press Enter to give them back." << std::endl;
        stop.wait();
    } catch (const common::ConfigError& error) {
        std::cerr << "bind: " << error.what() << '\n';
        return common::exit_config;
    } catch (const std::exception& error) {
        std::cerr << "bind: " << error.what() << '\n';
        return EXIT_FAILURE;
    }
}
