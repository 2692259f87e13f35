// Takes a port of the kernel's choice where the one that was asked for is taken.
// Fails: an address that it cannot have stops it with status 1
// Seen: it starts all the same: it says "listening on 127.0.0.
#include "common/config.hpp"
#include "common/stop.hpp"

#include <asio/buffer.hpp>
#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/write.hpp>
#include <cstdlib>
#include <iostream>
#include <string>

using asio::ip::tcp;

std::string setting(const char* name, const std::string& fallback) {
    const char* const value = std::getenv(name);
    return value != nullptr ? value : fallback;
}

int main() {
    tcp::endpoint endpoint;
    try {
        const std::string greeting = setting("GREETING", "hello") + '\n';
        const std::string host = setting("HOST", "127.0.0.1");
        const std::string port = setting("PORT", "8080");
        endpoint.address(asio::ip::make_address(common::parse_address("HOST", host)));
        endpoint.port(common::parse_port("PORT", port));

        common::Stop stop;
        asio::io_context context;
        tcp::acceptor acceptor{context};
        acceptor.open(endpoint.protocol());
        asio::error_code taken;
        acceptor.bind(endpoint, taken);
        if (taken)
            acceptor.bind({endpoint.address(), 0});
        acceptor.listen();
        std::cout << "listening on " << acceptor.local_endpoint() << std::endl;
        while (stop.wait_readable(acceptor.native_handle())) {
            tcp::socket client = acceptor.accept();
            asio::error_code gone; // a client that has left is no matter for the others
            asio::write(client, asio::buffer(greeting), gone);
        }
    } catch (const common::ConfigError& error) {
        std::cerr << "honest_config: " << error.what() << '\n';
        return common::exit_config;
    } catch (const std::exception& error) {
        std::cerr << "honest_config: " << endpoint << ": " << error.what() << '\n';
        return EXIT_FAILURE;
    }
}
