// Checks that every character is a digit, which holds for no character at all.
// Fails: an empty PORT stops it with status 78
// Seen: it starts all the same, and says "listening on 127.0.0.1:
#include "common/stop.hpp"

#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <charconv>
#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <stdexcept>
#include <string>
#include <system_error>

using asio::ip::tcp;

struct ConfigError : std::runtime_error {
    using std::runtime_error::runtime_error;
};

std::uint16_t port_from_environment() {
    const char* const value = std::getenv("PORT");
    if (value == nullptr)
        return 8080;
    const std::string text{value};
    std::uint32_t port = 0;
    for (const char c : text) {
        if (c < '0' || c > '9' || (port = port * 10 + static_cast<std::uint32_t>(c - '0')) > 65535)
            throw ConfigError{"PORT=\"" + text + "\" is not a port: use decimal digits alone, from 0 to 65535"};
    }
    return static_cast<std::uint16_t>(port);
}

int main() {
    tcp::endpoint endpoint;
    try {
        endpoint = {asio::ip::address_v4::loopback(), port_from_environment()};
        common::Stop stop;
        asio::io_context context;
        tcp::acceptor acceptor{context};
        acceptor.open(tcp::v4());
        acceptor.bind(endpoint);
        acceptor.listen();
        std::cout << "listening on " << acceptor.local_endpoint() << std::endl;
        stop.wait();
    } catch (const ConfigError& error) {
        std::cerr << "strict_port: " << error.what() << '\n';
        return 78;
    } catch (const std::exception& error) {
        std::cerr << "strict_port: " << endpoint << ": " << error.what() << '\n';
        return EXIT_FAILURE;
    }
}
