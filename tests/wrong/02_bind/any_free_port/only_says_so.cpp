// Prints the line that is asked for, and waits; there is no socket behind it.
// Fails: it listens
// Seen: no socket of it listens
#include "common/stop.hpp"

#include <iostream>

int main() {
    common::Stop stop;
    std::cout << "listening on 127.0.0.1:40123" << std::endl;
    stop.wait();
}
