// Asks the socket for its peer, and believes that an accepted client is there.
// Fails: a client that breaks off in the queue does not stop it
// Seen: Connection reset by peer
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
        asio::io_context context;
        tcp::acceptor acceptor{context};
        acceptor.open(address.protocol());
        acceptor.bind(address);
        acceptor.listen();
        std::cout << "listening on " << acceptor.local_endpoint() << std::endl;

        std::list<tcp::socket> clients;
        while (stop.wait_readable(acceptor.native_handle())) {
            tcp::socket client = acceptor.accept();
            clients.remove_if(has_gone);

            std::ostringstream greeting;
            greeting << "you are " << client.remote_endpoint() << '\n';
            asio::error_code gone; // a client that has left already does not stop the server
            asio::write(client, asio::buffer(greeting.str()), gone);
            client.non_blocking(true);
            clients.push_back(std::move(client));
        }
    } catch (const common::ConfigError& error) {
        std::cerr << "greet_each: " << error.what() << '\n';
        return common::exit_config;
    } catch (const std::exception& error) {
        std::cerr << "greet_each: " << error.what() << '\n';
        return EXIT_FAILURE;
    }
}
