// The two loops: one takes clients, the other takes datagrams.
#pragma once

#include <array>
#include <asio.hpp>
#include <chrono>
#include <iostream>
#include <string>

inline asio::awaitable<void> serve_each(asio::ip::tcp::acceptor& acceptor,
                                        asio::awaitable<void> (*serve)(asio::ip::tcp::socket)) {
    asio::steady_timer pause{acceptor.get_executor()};
    while (true) {
        asio::ip::tcp::endpoint peer;
        asio::error_code error;
        asio::ip::tcp::socket client =
            co_await acceptor.async_accept(peer, asio::redirect_error(asio::use_awaitable, error));
        if (error) { // no descriptor left, say: to try again at once would be to try for ever
            std::cerr << "accept: " << error.message() << std::endl;
            pause.expires_after(std::chrono::milliseconds{100});
            co_await pause.async_wait(asio::use_awaitable);
            continue;
        }
        std::cout << "TCP from " << peer << " reached " << acceptor.local_endpoint() << std::endl;
        co_spawn(acceptor.get_executor(), serve(std::move(client)), asio::detached);
    }
}

inline asio::awaitable<void> answer_each(asio::ip::udp::socket& beacon) {
    const std::string answer = "21.5 degrees\n";
    while (true) {
        std::array<char, 1500> question;
        asio::ip::udp::endpoint sender;
        const auto size = co_await beacon.async_receive_from(asio::buffer(question), sender, asio::use_awaitable);
        std::cout << "UDP from " << sender << " reached " << beacon.local_endpoint() << std::endl;
        asio::error_code unsent;  // to port 0, say, from which the datagram claims to come
        if (size > answer.size()) // never say more than you were asked: the sender may be forged
            co_await beacon.async_send_to(asio::buffer(answer), sender,
                                          asio::redirect_error(asio::use_awaitable, unsent));
    }
}
