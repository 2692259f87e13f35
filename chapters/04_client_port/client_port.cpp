// A client names only the server. The kernel picks the client's port, at connect.
#include "common/config.hpp"
#include "common/stop.hpp"

#include <asio.hpp>
#include <cstdlib>
#include <exception>
#include <iostream>
#include <string>

using asio::ip::tcp;

int main() {
    try {
        const tcp::endpoint server{asio::ip::address_v4::loopback(), common::port_from_environment("PORT", 8080)};
        common::Stop stop;
        asio::io_context io;
        tcp::socket display{io};
        display.open(server.protocol());
        std::cout << "before connect: " << display.local_endpoint() << std::endl;

        asio::error_code error;
        display.connect(server, error); // connect(2): no bind before it
        if (error) {
            std::cerr << "client_port: " << server << ": " << error.message() << '\n';
            return EXIT_FAILURE;
        }
        std::cout << "after connect: " << display.local_endpoint() << " -> " << display.remote_endpoint() << std::endl;

        std::string reading;
        asio::read_until(display, asio::dynamic_buffer(reading), '\n');
        std::cout << reading << std::flush;
        stop.wait();
    } catch (const common::ConfigError& error) {
        std::cerr << "client_port: " << error.what() << '\n';
        return common::exit_config; // 78
    } catch (const std::exception& error) {
        std::cerr << "client_port: " << error.what() << '\n';
        return EXIT_FAILURE;
    }
}
