// Believes that there is a row only for a connection that is open, and does not look at its state.
// Fails: it sees that the peer has closed
// Seen: it says "ESTAB" of 127.0.0.1:
#include "common/config.hpp"

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

// An endpoint as the table writes it, "0100007F:1F90": the address as the number that its bytes are in this machine's
// memory, and the port as a number.
std::string in_the_table(const tcp::endpoint& endpoint) {
    char text[] = "0100007F:1F90";
    std::snprintf(text, sizeof text, "%08X:%04X", htonl(endpoint.address().to_v4().to_uint()), endpoint.port());
    return text;
}

// A row begins with its number, the local end, the peer's end, and the state.
unsigned state_of(const std::string& local, const std::string& peer) {
    std::ifstream table{"/proc/net/tcp"};
    for (std::string row; std::getline(table, row);) {
        std::istringstream words{row};
        std::string number, from, to;
        unsigned state{};
        words >> number >> from >> to >> std::hex >> state;
        if (from == local && to == peer)
            return 1;
    }
    return 0;
}

int main(int argc, char** argv) {
    if (argc != 3) {
        std::cerr << "usage: name_the_state LOCAL PEER, each as 127.0.0.1:8080\n";
        return EXIT_FAILURE;
    }
    try {
        const tcp::endpoint local = endpoint_of(argv[1]), peer = endpoint_of(argv[2]);
        std::cout << states.at(state_of(in_the_table(local), in_the_table(peer))) << '\n';
    } catch (const std::exception& error) {
        std::cerr << "name_the_state: " << error.what() << '\n';
        return EXIT_FAILURE;
    }
}
