// Knows the answer already, and prints it without a socket.
// Fails: all sockets that it names are open at once
// Seen: those of its sockets are: none
#include "common/stop.hpp"

#include <iostream>

int main() {
    common::Stop stop;
    std::cout << "descriptor 3: IPv4 stream TCP\n"
              << "descriptor 4: IPv4 datagram UDP\n"
              << "descriptor 5: IPv6 stream TCP\n"
              << "descriptor 6: IPv6 datagram UDP\n"
              << "4 sockets are open" << std::endl;
    stop.wait();
}
