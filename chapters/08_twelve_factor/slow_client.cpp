// A client that takes its time: it sends one half of its request, and the other half when you press Enter.
#include "common/config.hpp"

#include <asio.hpp>
#include <cstdlib>
#include <exception>
#include <iostream>
#include <string>

using asio::ip::tcp;

int main() {
    try {
        const auto port = common::port_from_environment("PORT", 8080);
        asio::io_context io;
        tcp::socket socket{io};
        socket.connect({asio::ip::address_v4::loopback(), port});
        asio::write(socket, asio::buffer(std::string{"GET / HTTP/1.1\r\n"}));
        std::cout << "one half is sent" << std::endl;
        std::cin.get(); // Enter

        asio::error_code error;
        asio::write(socket, asio::buffer(std::string{"Host: thermometer\r\n\r\n"}), error);
        std::string response;
        asio::read(socket, asio::dynamic_buffer(response), error); // to the end
        std::cout << (response.empty() ? "no answer" : response.substr(0, response.find("\r\n"))) << std::endl;
    } catch (const std::exception& error) {
        std::cerr << "slow_client: " << error.what() << '\n';
        return EXIT_FAILURE;
    }
}
