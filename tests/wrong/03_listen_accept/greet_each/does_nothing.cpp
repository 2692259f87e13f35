// Has prepared everything and starts nothing: a program that compiles will do.
// Fails: it says where it listens
// Seen: it ended with status 0
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
    } catch (const common::ConfigError& error) {
        std::cerr << "greet_each: " << error.what() << '\n';
        return common::exit_config;
    } catch (const std::exception& error) {
        std::cerr << "greet_each: " << error.what() << '\n';
        return EXIT_FAILURE;
    }
}
