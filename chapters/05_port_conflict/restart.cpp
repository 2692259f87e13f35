// restart OLD NEW: a server closes a connection first and ends, and its successor asks for the port.
// Each word is what the one server sets on its socket: reuse_address or none.
#include "common/stop.hpp"

#include <array>
#include <asio.hpp>
#include <cstdlib>
#include <exception>
#include <iostream>
#include <string>

using asio::ip::tcp;

int main(int argc, char** argv) {
    try {
        const bool old_reuses = argc > 1 && argv[1] == std::string{"reuse_address"};
        const bool new_reuses = argc > 2 && argv[2] == std::string{"reuse_address"};
        common::Stop stop;
        asio::io_context io;

        tcp::acceptor old_server{io, tcp::v4()}; // opened in one step; no option is set yet
        old_server.set_option(tcp::acceptor::reuse_address{old_reuses});
        old_server.bind({asio::ip::address_v4::loopback(), 0});
        old_server.listen();
        const tcp::endpoint address = old_server.local_endpoint();

        tcp::socket display{io};
        display.connect(address);
        tcp::socket connection = old_server.accept();
        connection.close(); // the server closes first
        old_server.close(); // and ends

        std::array<char, 1> byte;
        asio::error_code error;
        display.read_some(asio::buffer(byte), error); // end of file: the display has heard it
        display.close();
        std::cout << "the old server was on " << address << '\n';

        tcp::acceptor new_server{io, tcp::v4()};
        new_server.set_option(tcp::acceptor::reuse_address{new_reuses});
        new_server.bind(address, error);
        std::cout << "the new server's bind: " << (error ? error.message() : "OK") << std::endl;
        stop.wait();
    } catch (const std::exception& error) {
        std::cerr << "restart: " << error.what() << '\n';
        return EXIT_FAILURE;
    }
}
