// Four kinds of sockets, and what the kernel says of each.
#include "common/stop.hpp"

#include <asio.hpp>
#include <cerrno>
#include <cstdlib>
#include <exception>
#include <iostream>
#include <sys/socket.h>
#include <unistd.h>

using asio::ip::tcp;
using asio::ip::udp;

int ask_kernel(int descriptor, int option) {
    int value = 0;
    socklen_t size = sizeof value;
    if (::getsockopt(descriptor, SOL_SOCKET, option, &value, &size) != 0) // getsockopt(2), socket(7)
        throw asio::system_error{{errno, asio::system_category()}, "getsockopt"};
    return value;
}

void describe(int descriptor) {
    std::cout << "descriptor " << descriptor;
    std::cout << "  family " << (ask_kernel(descriptor, SO_DOMAIN) == AF_INET6 ? "IPv6" : "IPv4");
    std::cout << "  type " << (ask_kernel(descriptor, SO_TYPE) == SOCK_STREAM ? "stream  " : "datagram");
    std::cout << "  protocol " << (ask_kernel(descriptor, SO_PROTOCOL) == IPPROTO_TCP ? "TCP" : "UDP") << '\n';
}

int main() {
    try {
        common::Stop stop;
        asio::io_context io;
        tcp::socket tcp4{io}, tcp6{io};
        udp::socket udp4{io}, udp6{io};

        tcp4.open(tcp::v4());
        describe(tcp4.native_handle());
        udp4.open(udp::v4());
        describe(udp4.native_handle());
        tcp6.open(tcp::v6());
        describe(tcp6.native_handle());
        udp6.open(udp::v6());
        describe(udp6.native_handle());

        std::cout << "Press Enter to close the sockets of process " << ::getpid() << '.' << std::endl;
        stop.wait();
    } catch (const std::exception& error) {
        std::cerr << "kinds: " << error.what() << '\n';
        return EXIT_FAILURE;
    }
}
