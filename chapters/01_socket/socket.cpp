// A socket has a family, a type and a protocol, and no port yet.
//
// Opens a socket of each kind and prints what the kernel says of it. A port comes later: at bind (chapter 2) or at
// connect (chapter 4).
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

// A property of the socket, as the kernel knows it: see socket(7).
int ask_kernel(int descriptor, int option) {
    int value = 0;
    socklen_t size = sizeof value;
    if (::getsockopt(descriptor, SOL_SOCKET, option, &value, &size) != 0)
        throw asio::system_error{{errno, asio::system_category()}, "getsockopt"};
    return value;
}

template <class Socket>
void open_and_describe(Socket& socket, const typename Socket::protocol_type& protocol) {
    asio::error_code error;
    socket.open(protocol, error); // socket(2)
    if (error == asio::error::address_family_not_supported) {
        std::cout << "no IPv6 on this system: " << error.message() << '\n';
        return;
    }
    if (error)
        throw asio::system_error{error, "open"};

    const int domain = ask_kernel(socket.native_handle(), SO_DOMAIN);
    const int type = ask_kernel(socket.native_handle(), SO_TYPE);
    const int number = ask_kernel(socket.native_handle(), SO_PROTOCOL);
    std::cout << "descriptor " << socket.native_handle()                      //
              << "  family " << (domain == AF_INET6 ? "IPv6" : "IPv4")        //
              << "  type " << (type == SOCK_STREAM ? "stream  " : "datagram") //
              << "  protocol " << (number == IPPROTO_TCP ? "TCP" : "UDP")     //
              << "  local endpoint " << socket.local_endpoint() << '\n';
}

int main() {
    try {
        common::Stop stop;
        asio::io_context io;
        tcp::socket tcp4{io}, tcp6{io};
        udp::socket udp4{io}, udp6{io};

        open_and_describe(tcp4, tcp::v4());
        open_and_describe(udp4, udp::v4());
        open_and_describe(tcp6, tcp::v6());
        open_and_describe(udp6, udp::v6());

        std::cout << "Every port is 0: a socket has none before bind or connect.\n"
                  << "Press Enter to close the sockets of process " << ::getpid() << '.' << std::endl;
        stop.wait();
    } catch (const std::exception& error) {
        std::cerr << "socket: " << error.what() << '\n';
        return EXIT_FAILURE;
    }
}
