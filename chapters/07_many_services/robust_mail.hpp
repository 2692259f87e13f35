// The mail service: the first words of a conversation in SMTP.
#pragma once

#include "part.hpp"
#include "smtp.hpp"

#include <asio.hpp>
#include <string>

inline asio::awaitable<void> serve_mail(asio::ip::tcp::socket client) {
    std::string received, reply = "220 mail.example is ready\r\n"; // this server speaks first
    while (true) {
        co_await asio::async_write(client, asio::buffer(reply), asio::use_awaitable);
        if (reply.starts_with("221"))
            co_await part(client);
        bool too_long = false;
        asio::error_code error;
        std::size_t size = 0;
        do {
            auto line = asio::dynamic_buffer(received, 512);
            size =
                co_await asio::async_read_until(client, line, '\n', asio::redirect_error(asio::use_awaitable, error));
            if (error == asio::error::not_found) // 512 bytes, and no end of the line among them
                too_long = true, received.clear();
        } while (error == asio::error::not_found);
        if (error)
            co_return;
        reply = too_long ? "500 line too long\r\n" : smtp_reply(received);
        received.erase(0, size); // what is left is the beginning of the next line
    }
}
