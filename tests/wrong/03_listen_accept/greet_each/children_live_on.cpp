// Has a child for each client, and leaves the children, with the listening socket, behind.
// Fails: it leaves no process behind
// Seen: which it started, runs on
#include "common/config.hpp"
#include "common/stop.hpp"

#include <array>
#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/write.hpp>
#include <csignal>
#include <iostream>
#include <sstream>
#include <unistd.h>

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

        while (stop.wait_readable(acceptor.native_handle())) {
            tcp::endpoint peer;
            tcp::socket client = acceptor.accept(peer);

            std::ostringstream greeting;
            greeting << "you are " << peer << '\n';
            asio::error_code gone; // a client that has left already does not stop the server
            asio::write(client, asio::buffer(greeting.str()), gone);
            if (::fork() == 0) {
                std::signal(SIGTERM, SIG_DFL);
                while (!has_gone(client)) {
                }
                ::_exit(EXIT_SUCCESS);
            }
        }
    } catch (const common::ConfigError& error) {
        std::cerr << "greet_each: " << error.what() << '\n';
        return common::exit_config;
    } catch (const std::exception& error) {
        std::cerr << "greet_each: " << error.what() << '\n';
        return EXIT_FAILURE;
    }
}
