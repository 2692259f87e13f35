// Nobody has begun it.
// Expects: not started, 0 points
#include "common/stop.hpp"
#include "exercises/begin_here.hpp"

#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <iostream>

int main() {
    begin_here(); // Delete this line and write your program.
}
