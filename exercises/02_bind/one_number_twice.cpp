// One number twice: a TCP and a UDP socket bound to one number of loopback, which the kernel chooses.
#include "common/stop.hpp"
#include "exercises/begin_here.hpp"

#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/ip/udp.hpp>
#include <iostream>

int main() {
    begin_here(); // Delete this line and write your program.
}
