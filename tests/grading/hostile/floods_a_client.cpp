// Sends a client a greeting without end, and without a newline; it stops at 2 GB.
// Exercise: 03_listen_accept/greet_each
// Attacks: the memory of a judge that reads a line
// Expects: wrong, 0 points
// Seen: sends without end
#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/write.hpp>
#include <cstdlib>
#include <iostream>
#include <string>

using asio::ip::tcp;

int main() {
    const char* const port = std::getenv("PORT");
    asio::io_context context;
    tcp::acceptor acceptor{
        context, {asio::ip::address_v4::loopback(), static_cast<asio::ip::port_type>(std::atoi(port ? port : "0"))}};
    std::cout << "listening on " << acceptor.local_endpoint() << std::endl;
    while (true) {
        tcp::socket client = acceptor.accept();
        asio::error_code gone;
        const std::string chunk(1 << 20, 'p');
        for (int portions = 0; portions < 2048 && !gone; ++portions)
            asio::write(client, asio::buffer(chunk), gone);
    }
}
