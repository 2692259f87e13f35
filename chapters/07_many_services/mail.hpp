// The mail service: the first words of a conversation in SMTP.
#pragma once

#include "smtp.hpp"

#include <asio.hpp>
#include <string>

inline asio::awaitable<void> serve_mail(asio::ip::tcp::socket client) {
    std::string received, reply = "220 mail.example is ready\r\n"; // this server speaks first
    while (true) {
        co_await asio::async_write(client, asio::buffer(reply), asio::use_awaitable);
        if (reply.starts_with("221"))
            co_return; // the socket is closed
        auto line = asio::dynamic_buffer(received, 512);
        const auto size = co_await asio::async_read_until(client, line, '\n', asio::use_awaitable);
        reply = smtp_reply(received);
        received.erase(0, size); // what is left is the beginning of the next line
    }
}
