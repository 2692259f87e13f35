// To end in good order means to wait until the last client has gone.
// Fails: it ends with status 0 when it is asked to
// Seen: neither printed more nor ended
#include "common/config.hpp"
#include "common/stop.hpp"

#include <array>
#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/ip/udp.hpp>
#include <asio/read_until.hpp>
#include <asio/write.hpp>
#include <cstdlib>
#include <iostream>
#include <poll.h>
#include <string>
#include <thread>
#include <vector>

using asio::ip::tcp;
using asio::ip::udp;

void answer_lines(tcp::socket& socket) {
    asio::error_code error;
    std::string received;
    while (true) {
        const auto size = asio::read_until(socket, asio::dynamic_buffer(received, 8192), '\n', error);
        if (error)
            return;
        asio::write(socket, asio::buffer("tcp: " + received.substr(0, size)), error);
        received.erase(0, size);
    }
}

void answer_datagram(udp::socket& socket) {
    std::array<char, 65536> question;
    udp::endpoint sender;
    asio::error_code error;
    const auto size = socket.receive_from(asio::buffer(question), sender, 0, error);
    if (!error)
        socket.send_to(asio::buffer("udp: " + std::string{question.data(), size}), sender, 0, error);
}

int main() {
    try {
        const auto loopback = asio::ip::address_v4::loopback();
        const auto port = common::port_from_environment("PORT", 0);
        common::Stop stop;
        asio::io_context io;

        tcp::acceptor acceptor{io};
        acceptor.open(tcp::v4());
        acceptor.set_option(tcp::acceptor::reuse_address(true));
        acceptor.bind({loopback, port});
        acceptor.listen();

        udp::socket datagrams{io};
        datagrams.open(udp::v4());
        datagrams.bind({loopback, acceptor.local_endpoint().port()});

        std::cout << "listening on " << acceptor.local_endpoint() << std::endl;
        std::vector<std::thread> clients;
        std::thread udp_service{[&] {
            while (true)
                answer_datagram(datagrams);
        }};
        udp_service.detach();
        while (stop.wait_readable(acceptor.native_handle()))
            clients.emplace_back([socket = acceptor.accept()]() mutable { answer_lines(socket); });
        for (std::thread& client : clients) // nobody is cut off in the middle of a talk
            client.join();
        std::_Exit(EXIT_SUCCESS);
    } catch (const common::ConfigError& error) {
        std::cerr << "echo_both: " << error.what() << '\n';
        return common::exit_config;
    } catch (const std::exception& error) {
        std::cerr << "echo_both: " << error.what() << '\n';
        return EXIT_FAILURE;
    }
}
