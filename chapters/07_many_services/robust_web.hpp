// The web service: one request, one page.
#pragma once

#include "part.hpp"

#include <asio.hpp>
#include <string>

inline asio::awaitable<void> serve_web(asio::ip::tcp::socket client) {
    std::string request, page = "HTTP/1.0 200 OK\r\n\r\n21.5 degrees\n";
    asio::error_code error;
    co_await asio::async_read_until(client, asio::dynamic_buffer(request, 8192), "\r\n\r\n",
                                    asio::redirect_error(asio::use_awaitable, error));
    if (error == asio::error::not_found) // 8192 bytes, and no blank line among them
        page = "HTTP/1.0 431 Request Header Fields Too Large\r\n\r\n";
    else if (error)
        co_return;
    co_await asio::async_write(client, asio::buffer(page), asio::use_awaitable);
    co_await part(client);
}
