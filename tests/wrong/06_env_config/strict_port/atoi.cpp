// Takes what atoi makes of the value: the digits at its beginning, and 0 where there are none.
// Fails: what is no number stops it with status 78
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
    const int port = std::atoi(value);
    if (text.empty() || port < 0 || port > 65535)
        throw ConfigError{"PORT=\"" + text + "\" is not a port: use decimal digits alone, from 0 to 65535"};
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
