// A read of 0 bytes means that the other side has ended.
// Fails: it answers an empty datagram
// Seen: waited
#include "common/config.hpp"
#include "common/stop.hpp"

#include <array>
#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/ip/udp.hpp>
#include <asio/read_until.hpp>
#include <asio/steady_timer.hpp>
#include <asio/write.hpp>
#include <chrono>
#include <iostream>
#include <memory>
#include <string>
#include <thread>

using asio::ip::tcp;
using asio::ip::udp;

struct Connection {
    tcp::socket socket;
    std::string received{}, answer{};
};
using Shared = std::shared_ptr<Connection>; // a waiting handler holds one; when none is left, the socket is closed

void answer_line(const Shared& c) {
    asio::async_read_until(c->socket, asio::dynamic_buffer(c->received, 8192), '\n', [c](auto error, auto size) {
        if (error) // gone, reset, or too long
            return;
        c->answer = "tcp: " + c->received.substr(0, size);
        c->received.erase(0, size); // what is left is the beginning of the next line
        asio::async_write(c->socket, asio::buffer(c->answer), [c](auto failure, auto) {
            if (!failure)
                answer_line(c);
        });
    });
}

void accept_next(tcp::acceptor& acceptor, asio::steady_timer& pause) {
    acceptor.async_accept([&acceptor, &pause](auto error, tcp::socket socket) {
        if (!error) {
            answer_line(std::make_shared<Connection>(Connection{std::move(socket)}));
            return accept_next(acceptor, pause);
        }
        pause.expires_after(std::chrono::milliseconds{100}); // no descriptor left, say
        pause.async_wait([&acceptor, &pause](auto) { accept_next(acceptor, pause); });
    });
}

struct Datagrams {
    udp::socket socket;
    udp::endpoint sender{};
    std::array<char, 65536> question{};
    std::string answer{};
};

void answer_datagram(Datagrams& d) {
    d.socket.async_receive_from(asio::buffer(d.question), d.sender, [&d](auto error, auto size) {
        if (error || size == 0)
            return answer_datagram(d);
        d.answer = "udp: " + std::string{d.question.data(), size};
        d.socket.async_send_to(asio::buffer(d.answer), d.sender, [&d](auto, auto) { answer_datagram(d); });
    });
}

int main() {
    try {
        const auto loopback = asio::ip::address_v4::loopback();
        const auto port = common::port_from_environment("PORT", 0);
        common::Stop stop;
        asio::io_context io;
        asio::steady_timer pause{io};

        tcp::acceptor acceptor{io};
        acceptor.open(tcp::v4());
        acceptor.set_option(tcp::acceptor::reuse_address(true));
        acceptor.bind({loopback, port});
        acceptor.listen();

        Datagrams datagrams{udp::socket{io}};
        const udp::endpoint same_number{loopback, acceptor.local_endpoint().port()};
        datagrams.socket.open(udp::v4());
        datagrams.socket.bind(same_number);

        std::cout << "listening on " << acceptor.local_endpoint() << std::endl;
        accept_next(acceptor, pause);
        answer_datagram(datagrams);
        std::thread services{[&io] { io.run(); }};
        stop.wait();
        io.stop();
        services.join();
    } catch (const common::ConfigError& error) {
        std::cerr << "echo_both: " << error.what() << '\n';
        return common::exit_config;
    } catch (const std::exception& error) {
        std::cerr << "echo_both: " << error.what() << '\n';
        return EXIT_FAILURE;
    }
}
