// Has four threads, each with one client at a time: enough for the first four.
// Fails: it keeps many clients at once
// Seen: for bytes from the peer; so far: ""
#include "common/config.hpp"
#include "common/stop.hpp"

#include <array>
#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/write.hpp>
#include <iostream>
#include <sstream>
#include <thread>
#include <vector>

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

        std::vector<std::thread> waiters;
        for (int i = 0; i < 4; ++i)
            waiters.emplace_back([&] {
                while (true) {
                    tcp::endpoint peer;
                    tcp::socket client = acceptor.accept(peer);
                    std::ostringstream greeting;
                    greeting << "you are " << peer << '\n';
                    asio::error_code gone;
                    asio::write(client, asio::buffer(greeting.str()), gone);
                    while (!has_gone(client)) {
                    }
                }
            });
        stop.wait();
        std::quick_exit(EXIT_SUCCESS);
    } catch (const common::ConfigError& error) {
        std::cerr << "greet_each: " << error.what() << '\n';
        return common::exit_config;
    } catch (const std::exception& error) {
        std::cerr << "greet_each: " << error.what() << '\n';
        return EXIT_FAILURE;
    }
}
