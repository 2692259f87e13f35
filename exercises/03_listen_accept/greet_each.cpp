// Greet each: tells every client the endpoint that it called from, and keeps it connected until it leaves.
#include "common/config.hpp"
#include "common/stop.hpp"
#include "exercises/begin_here.hpp"

#include <array>
#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/write.hpp>
#include <iostream>
#include <list>
#include <sstream>

using asio::ip::tcp;

int main() {
    begin_here(); // Delete this line and write your program.
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
