// A connection ends one direction at a time, and the end that closes first keeps a trace: TIME-WAIT.
#include "common/socket_table.hpp"

#include <array>
#include <asio.hpp>
#include <cstdlib>
#include <exception>
#include <iomanip>
#include <iostream>
#include <string>
#include <string_view>

using asio::ip::tcp;

std::string state(const tcp::endpoint& local, const tcp::endpoint& peer) {
    const auto row = common::kernel_socket(common::Protocol::tcp, {local.address().to_string(), local.port()},
                                           {peer.address().to_string(), peer.port()});
    return row ? row->state : "none";
}

void show(std::string_view what, const tcp::endpoint& server, const tcp::endpoint& client) {
    std::string here, there;
    do { // until no FIN waits for its ACK
        here = state(server, client);
        there = state(client, server);
    } while (here == "FIN-WAIT-1" || here == "LAST-ACK" || there == "FIN-WAIT-1" || there == "LAST-ACK");
    std::cout << std::left << std::setw(26) << what << std::setw(13) << here << there << std::endl;
}

int main() {
    try {
        asio::io_context io;
        tcp::acceptor acceptor{io, {asio::ip::address_v4::loopback(), 8080}};
        tcp::socket display{io};
        display.connect(acceptor.local_endpoint());
        tcp::socket thermometer = acceptor.accept();
        const tcp::endpoint server = thermometer.local_endpoint(), client = display.local_endpoint();
        std::cout << std::setw(26) << ""
                  << "thermometer  display\n";
        show("connected", server, client);

        asio::write(thermometer, asio::buffer("21.5\n", 5));
        thermometer.shutdown(tcp::socket::shutdown_send); // shutdown(2): the FIN; reading goes on
        show("thermometer is done", server, client);

        std::array<char, 64> text;
        asio::error_code error;
        const auto size = asio::read(display, asio::buffer(text), error); // until the FIN
        std::cout << "display reads " << size << " bytes, then " << error.message() << std::endl;
        asio::write(display, asio::buffer("thanks\n", 7));
        asio::read(thermometer, asio::buffer(text, 7));
        show("display still talks", server, client);

        display.close(); // the other FIN
        show("display is done", server, client);
    } catch (const std::exception& error) {
        std::cerr << "hang_up: " << error.what() << '\n';
        return EXIT_FAILURE;
    }
}
