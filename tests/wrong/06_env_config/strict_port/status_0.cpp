// Complains, and then ends as if all had gone well.
// Fails: what is no number stops it with status 78
// Seen: it ended with status 0
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
    const char* const end = text.data() + text.size();
    std::uint16_t port = 0;
    const auto [stopped_at, error] = std::from_chars(text.data(), end, port);
    if (error != std::errc{} || stopped_at != end)
        throw ConfigError{"PORT=\"" + text + "\" is not a port: use decimal digits alone, from 0 to 65535"};
    return port;
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
    } catch (const std::exception& error) {
        std::cerr << "strict_port: " << endpoint << ": " << error.what() << '\n';
        return EXIT_FAILURE;
    }
}
