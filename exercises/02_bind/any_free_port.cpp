// Any free port: binds a port of loopback that the kernel chooses, and says which.
#include "common/stop.hpp"
#include "exercises/begin_here.hpp"

#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <iostream>

int main() {
    begin_here(); // Delete this line and write your program.
}
