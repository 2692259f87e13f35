// How clients are served: each request is read, answered, and its connection closed. Nobody waits for anybody else.
#pragma once

#include "answer.hpp"

#include <asio.hpp>
#include <chrono>
#include <memory>
#include <string>
#include <utility>

struct Visit {
    asio::ip::tcp::socket socket;
    std::string request{}, response{};
};

inline void serve(asio::ip::tcp::socket client) {
    const auto visit = std::make_shared<Visit>(Visit{std::move(client)}); // closed when no handler holds it any more
    const auto answer = [visit](asio::error_code gone, std::size_t) {
        if (gone)
            return;
        visit->response = answer_to(visit->request);
        asio::async_write(visit->socket, asio::buffer(visit->response), [visit](asio::error_code, std::size_t) {});
    };
    asio::async_read_until(visit->socket, asio::dynamic_buffer(visit->request, 8192), "\r\n\r\n", answer);
}

inline void accept(asio::ip::tcp::acceptor& acceptor, asio::steady_timer& pause) {
    acceptor.async_accept([&](asio::error_code error, asio::ip::tcp::socket client) {
        if (!error)
            serve(std::move(client));
        if (!acceptor.is_open()) // the service stops
            return;
        if (!error)
            return accept(acceptor, pause);
        pause.expires_after(std::chrono::milliseconds{100}); // out of descriptors: the client waits in the queue
        pause.async_wait([&](asio::error_code) { accept(acceptor, pause); });
    });
}
