// The two loops: one takes clients, the other takes datagrams.
#pragma once

#include <array>
#include <asio.hpp>
#include <iostream>
#include <string>

inline asio::awaitable<void> serve_each(asio::ip::tcp::acceptor& acceptor,
                                        asio::awaitable<void> (*serve)(asio::ip::tcp::socket)) {
    while (true) {
        asio::ip::tcp::endpoint peer;
        asio::ip::tcp::socket client = co_await acceptor.async_accept(peer, asio::use_awaitable);
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
        if (size > answer.size()) // never say more than you were asked: the sender may be forged
            co_await beacon.async_send_to(asio::buffer(answer), sender, asio::use_awaitable);
    }
}
