// A service that is found by nothing but its port. It drops everything when it is told to end.
#include "answer.hpp"
#include "common/config.hpp"

#include <asio.hpp>
#include <cstdlib>
#include <exception>
#include <iostream>
#include <string>

using asio::ip::tcp;

int main() {
    try {
        const auto host = common::address_from_environment("HOST", "127.0.0.1");
        const auto port = common::port_from_environment("PORT", 8080);
        const tcp::endpoint wanted{asio::ip::make_address(host), port};

        asio::io_context io;
        tcp::acceptor acceptor{io};
        acceptor.open(wanted.protocol());
        acceptor.set_option(tcp::acceptor::reuse_address{true}); // so that it can start again at once
        acceptor.bind(wanted);
        acceptor.listen();
        std::cout << "listening on " << acceptor.local_endpoint() << std::endl;

        while (true) {
            tcp::socket client = acceptor.accept();
            std::string request;
            asio::error_code gone;
            asio::read_until(client, asio::dynamic_buffer(request, 8192), "\r\n\r\n", gone);
            if (!gone)
                asio::write(client, asio::buffer(answer_to(request)), gone);
        }
    } catch (const common::ConfigError& error) {
        std::cerr << "thermometer: " << error.what() << '\n';
        return common::exit_config; // 78
    } catch (const std::exception& error) {
        std::cerr << "thermometer: " << error.what() << '\n';
        return EXIT_FAILURE;
    }
}
