// Names the state: says in which state the kernel has the end LOCAL of the connection LOCAL -> PEER.
#include "common/config.hpp"
#include "exercises/begin_here.hpp"

#include <arpa/inet.h>
#include <asio/ip/tcp.hpp>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <sstream>
#include <string>
#include <vector>

using asio::ip::tcp;

// The states by their numbers in the kernel's table, as `ss` writes them.
const std::vector<std::string> states{"none",      "ESTAB", "SYN-SENT",   "SYN-RECV", "FIN-WAIT-1", "FIN-WAIT-2",
                                      "TIME-WAIT", "CLOSE", "CLOSE-WAIT", "LAST-ACK", "LISTEN",     "CLOSING"};

// "127.0.0.1:8080" as an endpoint.
tcp::endpoint endpoint_of(const std::string& text) {
    const auto colon = text.rfind(':');
    return {asio::ip::make_address(text.substr(0, colon)), common::parse_port("PORT", text.substr(colon + 1))};
}

int main(int argc, char** argv) {
    begin_here(); // Delete this line and write your program.
    if (argc != 3) {
        std::cerr << "usage: name_the_state LOCAL PEER, each as 127.0.0.1:8080\n";
        return EXIT_FAILURE;
    }
    [[maybe_unused]] const tcp::endpoint local = endpoint_of(argv[1]), peer = endpoint_of(argv[2]);
}
