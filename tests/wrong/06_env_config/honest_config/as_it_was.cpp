// Leaves the program as it was.
// Fails: the ready line has the address in use
// Seen: :0, and the kernel says 127.0.0.
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
    return value != nullptr && *value != '\0' ? value : fallback;
}

int main() {
    tcp::endpoint endpoint{asio::ip::address_v4::loopback(), 8080};
    try {
        const std::string greeting = setting("GREETING", "hello") + '\n';
        const std::string host = setting("HOST", "127.0.0.1");
        const std::string port = setting("PORT", "8080");
        asio::error_code error;
        endpoint.address(asio::ip::make_address(host, error));
        if (error)
            std::cerr << "honest_config: HOST=\"" << host << "\" is not an IP address\n";
        try {
            endpoint.port(common::parse_port("PORT", port));
        } catch (const common::ConfigError& wrong) {
            std::cerr << "honest_config: " << wrong.what() << '\n';
        }

        common::Stop stop;
        asio::io_context context;
        tcp::acceptor acceptor{context};
        acceptor.open(endpoint.protocol());
        acceptor.bind(endpoint);
        acceptor.listen();
        std::cout << "listening on " << endpoint << std::endl;
        while (stop.wait_readable(acceptor.native_handle())) {
            tcp::socket client = acceptor.accept();
            asio::error_code gone; // a client that has left is no matter for the others
            asio::write(client, asio::buffer(greeting), gone);
        }
    } catch (const std::exception& error) {
        std::cerr << "honest_config: " << endpoint << ": " << error.what() << '\n';
    }
}
