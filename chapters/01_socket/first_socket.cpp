// One socket, before anybody can find it. It is there until you press Enter.
#include "common/stop.hpp"

#include <asio.hpp>
#include <iostream>
#include <unistd.h>

using asio::ip::tcp;

int main() {
    common::Stop stop;
    asio::io_context io;

    tcp::socket socket{io}; // an empty object: the kernel has heard of nothing
    socket.open(tcp::v4()); // socket(2): the kernel makes a socket

    std::cout << "process " << ::getpid() << ", descriptor " << socket.native_handle() << '\n';
    std::cout << "local endpoint " << socket.local_endpoint() << std::endl; // getsockname(2)
    stop.wait();
} // close(2): the socket ends with its object
