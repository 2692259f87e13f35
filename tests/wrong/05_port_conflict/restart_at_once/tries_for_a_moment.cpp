// TIME-WAIT is over in a moment, so a few more attempts do.
// Fails: it can be started again at once
// Seen: it ended with status 1 before that
#include "common/config.hpp"
#include "common/stop.hpp"

#include <asio/buffer.hpp>
#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/steady_timer.hpp>
#include <asio/write.hpp>
#include <chrono>
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
        asio::error_code error;
        acceptor.bind(wanted, error);
        for (int attempt = 0; error && attempt < 5; ++attempt) {
            asio::steady_timer{context, std::chrono::milliseconds{100}}.wait();
            acceptor.bind(wanted, error);
        }
        if (error)
            throw asio::system_error{error, "bind"};
        acceptor.listen();
        std::cout << "listening on " << acceptor.local_endpoint() << std::endl;
        while (stop.wait_readable(acceptor.native_handle())) {
            tcp::socket client = acceptor.accept();
            asio::error_code gone; // a client that does not wait for its farewell is no reason to end
            asio::write(client, asio::buffer(farewell), gone);
            client.close();
        }
    } catch (const common::ConfigError& error) {
        std::cerr << "restart_at_once: " << error.what() << '\n';
        return common::exit_config;
    } catch (const std::exception& error) {
        std::cerr << "restart_at_once: " << error.what() << '\n';
        return EXIT_FAILURE;
    }
}
