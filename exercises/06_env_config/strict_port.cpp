// A strict port: listens on loopback where PORT says, and stops with status 78 where PORT is no port.
#include "common/stop.hpp"
#include "exercises/begin_here.hpp"

#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <string>

int main() {
    begin_here(); // Delete this line and write your program.
}
