// TIME-WAIT belongs to the client, so the client must close first.
// Fails: each client gets the whole farewell, and then the server closes
// Seen: client 1
#include "common/config.hpp"
#include "common/stop.hpp"

#include <asio/buffer.hpp>
#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/write.hpp>
#include <cstdlib>
#include <exception>
#include <iostream>
#include <string>

using asio::ip::tcp;

const std::string farewell = "goodbye\n";

int main() {
    try {
        common::Stop stop;
        asio::io_context context;
        const tcp::endpoint wanted{asio::ip::address_v4::loopback(), common::port_from_environment("PORT", 8080)};
        tcp::acceptor acceptor{context};
        acceptor.open(tcp::v4());
        acceptor.set_option(tcp::acceptor::reuse_address{true});
        acceptor.bind(wanted);
        acceptor.listen();
        std::cout << "listening on " << acceptor.local_endpoint() << std::endl;
        while (stop.wait_readable(acceptor.native_handle())) {
            tcp::socket client = acceptor.accept();
            asio::error_code gone; // a client that does not wait for its farewell is no reason to end
            asio::write(client, asio::buffer(farewell), gone);
            char byte;
            asio::error_code error;
            client.read_some(asio::buffer(&byte, 1), error);
        }
    } catch (const common::ConfigError& error) {
        std::cerr << "restart_at_once: " << error.what() << '\n';
        return common::exit_config;
    } catch (const std::exception& error) {
        std::cerr << "restart_at_once: " << error.what() << '\n';
        return EXIT_FAILURE;
    }
}
