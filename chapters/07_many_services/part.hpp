// How to close a connection without losing what you said last.
#pragma once

#include <array>
#include <asio.hpp>

// Says no more, and throws away what the client still sends until it closes, too.
inline asio::awaitable<void> part(asio::ip::tcp::socket& client) {
    client.shutdown(asio::ip::tcp::socket::shutdown_send);
    std::array<char, 8192> rest;
    while (true) // the client's end is an exception, and ends this coroutine
        co_await client.async_read_some(asio::buffer(rest), asio::use_awaitable);
}
