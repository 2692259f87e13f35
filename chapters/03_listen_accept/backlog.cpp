// The kernel connects as many callers as the backlog and one more. The next one waits until accept makes room.
#include "common/stop.hpp"

#include <array>
#include <asio.hpp>
#include <chrono>
#include <cstdlib>
#include <exception>
#include <iostream>

using asio::ip::tcp;
using namespace std::chrono_literals;

int main() {
    try {
        common::Stop stop;
        asio::io_context io;
        tcp::acceptor acceptor{io, tcp::v4()};
        acceptor.bind({asio::ip::address_v4::loopback(), 0});
        acceptor.listen(1); // the backlog
        const tcp::endpoint server = acceptor.local_endpoint();
        std::cout << "listening on " << server << ", and accept is not called" << std::endl;

        tcp::socket first{io}, second{io}, third{io};
        asio::error_code error;
        first.connect(server, error);
        std::cout << "first: " << error.message() << std::endl;
        second.connect(server, error);
        std::cout << "second: " << error.message() << std::endl;

        // async_connect begins the call and returns at once. run_for waits for its end, but not longer than that.
        asio::error_code outcome = asio::error::in_progress;
        third.async_connect(server, [&](const asio::error_code& end) { outcome = end; });
        io.run_for(500ms);
        std::cout << "third: " << outcome.message() << std::endl;
        stop.wait();

        tcp::socket accepted = acceptor.accept();
        std::cout << "accepted: " << (accepted.remote_endpoint() == first.local_endpoint() ? "the first" : "another")
                  << std::endl;
        io.run_for(20s);
        std::cout << "third: " << outcome.message() << std::endl;

        acceptor.close();
        std::array<char, 1> byte;
        second.read_some(asio::buffer(byte), error);
        std::cout << "the server listens no more; second: " << error.message() << std::endl;
        asio::write(first, asio::buffer("!", 1));
        asio::read(accepted, asio::buffer(byte), error);
        std::cout << "first: " << error.message() << std::endl;
    } catch (const std::exception& error) {
        std::cerr << "backlog: " << error.what() << '\n';
        return EXIT_FAILURE;
    }
}
