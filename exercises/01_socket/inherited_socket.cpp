// Inherited socket: says what the socket is that the program was started with, as its descriptor 3.
#include "exercises/begin_here.hpp"

#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/ip/udp.hpp>
#include <cerrno>
#include <iostream>
#include <stdexcept>
#include <sys/socket.h>

using asio::ip::tcp;
using asio::ip::udp;

constexpr int inherited = 3;

// A property of the inherited socket, as the kernel knows it: see socket(7).
int ask_kernel(int option) {
    int value = 0;
    socklen_t size = sizeof value;
    if (::getsockopt(inherited, SOL_SOCKET, option, &value, &size) != 0)
        throw asio::system_error{{errno, asio::system_category()}, "getsockopt"};
    return value;
}

int main() {
    begin_here(); // Delete this line and write your program.
}
