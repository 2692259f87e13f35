// The web service: one request, one page.
#pragma once

#include <asio.hpp>
#include <string>

inline asio::awaitable<void> serve_web(asio::ip::tcp::socket client) {
    std::string request;
    co_await asio::async_read_until(client, asio::dynamic_buffer(request, 8192), "\r\n\r\n", asio::use_awaitable);
    const std::string page = "HTTP/1.0 200 OK\r\n\r\n21.5 degrees\n";
    co_await asio::async_write(client, asio::buffer(page), asio::use_awaitable);
}
