// Takes 0.0.0.0 for every address of this machine: IPv4 only.
// Fails: one socket listens, on every address
// Seen: it listens on 0.0.0.0:
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
tcp::endpoint as_it_is(const tcp::endpoint& peer) { return peer; }

int main() {
    try {
        const tcp::endpoint address{tcp::v4(), common::port_from_environment("PORT", 0)};
        common::Stop stop;
        asio::io_context context;
        tcp::acceptor acceptor{context};
        acceptor.open(address.protocol());
        acceptor.bind(address);
        acceptor.listen();
        std::cout << "listening on " << acceptor.local_endpoint() << std::endl;

        while (stop.wait_readable(acceptor.native_handle())) {
            tcp::endpoint peer;
            tcp::socket client = acceptor.accept(peer);
            std::ostringstream line;
            line << "you are " << as_it_is(peer) << '\n';
            asio::error_code gone; // a client that has left already does not stop the server
            asio::write(client, asio::buffer(line.str()), gone);
        }
    } catch (const common::ConfigError& error) {
        std::cerr << "both_families: " << error.what() << '\n';
        return common::exit_config;
    } catch (const std::exception& error) {
        std::cerr << "both_families: " << error.what() << '\n';
        return EXIT_FAILURE;
    }
}
