// Four sockets: opens TCP and UDP over both families, says what the kernel says of each, and holds them.
#include "common/stop.hpp"
#include "exercises/begin_here.hpp"

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

int main() {
    begin_here(); // Delete this line and write your program.
}
