// Both families: one socket that takes IPv4 and IPv6 clients on every address, and tells each its endpoint.
#include "common/config.hpp"
#include "common/stop.hpp"
#include "exercises/begin_here.hpp"

#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/ip/v6_only.hpp>
#include <asio/write.hpp>
#include <iostream>
#include <sstream>

using asio::ip::tcp;

int main() {
    begin_here(); // Delete this line and write your program.
    try {
        [[maybe_unused]] const auto port = common::port_from_environment("PORT", 0);
    } catch (const common::ConfigError& error) {
        std::cerr << "both_families: " << error.what() << '\n';
        return common::exit_config;
    } catch (const std::exception& error) {
        std::cerr << "both_families: " << error.what() << '\n';
        return EXIT_FAILURE;
    }
}
