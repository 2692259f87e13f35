// Thinks that the kernel's number for IPv6 is 6.
// Fails: each line says what the kernel says
// Seen: is IPv4 stream TCP, and the kernel says IPv6 stream TCP
#include "common/stop.hpp"

#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/ip/udp.hpp>
#include <cerrno>
#include <iostream>
#include <sys/socket.h>

using asio::ip::tcp;
using asio::ip::udp;

// A property of the socket, as the kernel knows it: see socket(7).
int ask_kernel(int descriptor, int option) {
    int value = 0;
    socklen_t size = sizeof value;
    if (::getsockopt(descriptor, SOL_SOCKET, option, &value, &size) != 0)
        throw asio::system_error{{errno, asio::system_category()}, "getsockopt"};
    return value;
}

// Returns how many sockets it has opened: one, or none where the machine lacks the family.
template <class Socket>
int open_and_describe(Socket& socket, const typename Socket::protocol_type& protocol) {
    asio::error_code error;
    socket.open(protocol, error);
    if (error == asio::error::address_family_not_supported) {
        std::cout << "no IPv6: " << error.message() << '\n';
        return 0;
    }
    if (error)
        throw asio::system_error{error, "open"};
    const int descriptor = socket.native_handle();
    std::cout << "descriptor " << descriptor << ": "                                             //
              << (ask_kernel(descriptor, SO_DOMAIN) == 6 ? "IPv6" : "IPv4") << ' '               //
              << (ask_kernel(descriptor, SO_TYPE) == SOCK_STREAM ? "stream" : "datagram") << ' ' //
              << (ask_kernel(descriptor, SO_PROTOCOL) == IPPROTO_TCP ? "TCP" : "UDP") << '\n';
    return 1;
}

int main() {
    try {
        common::Stop stop;
        asio::io_context io;
        tcp::socket tcp4{io}, tcp6{io};
        udp::socket udp4{io}, udp6{io};

        int count = 0;
        count += open_and_describe(tcp4, tcp::v4());
        count += open_and_describe(udp4, udp::v4());
        count += open_and_describe(tcp6, tcp::v6());
        count += open_and_describe(udp6, udp::v6());
        std::cout << count << " sockets are open" << std::endl;
        stop.wait();
    } catch (const std::exception& error) {
        std::cerr << "four_sockets: " << error.what() << '\n';
        return EXIT_FAILURE;
    }
}
