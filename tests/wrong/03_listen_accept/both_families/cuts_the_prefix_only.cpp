// Cuts ::ffff: off the text, and leaves the brackets.
// Fails: it shows an IPv4 client as IPv4
// Seen: the line is "you are [127.0.0.1]:
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
        asio::io_context context;
        tcp::acceptor acceptor{context};
        acceptor.open(address.protocol());
        acceptor.set_option(asio::ip::v6_only{false}); // whatever the system's default is
        acceptor.bind(address);
        acceptor.listen();
        std::cout << "listening on " << acceptor.local_endpoint() << std::endl;

        while (stop.wait_readable(acceptor.native_handle())) {
            tcp::endpoint peer;
            tcp::socket client = acceptor.accept(peer);
            std::ostringstream line;
            std::ostringstream endpoint;
            endpoint << peer;
            std::string text = endpoint.str();
            if (text.starts_with("[::ffff:"))
                text.erase(1, 7);
            line << "you are " << text << '\n';
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
