// What a socket reads is text, and ends with a zero.
// Fails: it passes every byte on
// Seen: waited
#include "common/config.hpp"
#include "common/stop.hpp"

#include <array>
#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/read_until.hpp>
#include <asio/steady_timer.hpp>
#include <asio/write.hpp>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <iostream>
#include <memory>
#include <string>
#include <thread>

using asio::ip::tcp;

// The ADDRESS:PORT in an environment variable, such as 127.0.0.1:8080.
tcp::endpoint backend(const std::string& variable) {
    const char* const value = std::getenv(variable.c_str());
    const std::string text = value ? value : "";
    const auto colon = text.rfind(':');
    if (colon == text.npos)
        throw common::ConfigError{variable + " must be ADDRESS:PORT, and is \"" + text + "\""};
    return {asio::ip::make_address(common::parse_address(variable, text.substr(0, colon))),
            common::parse_port(variable, text.substr(colon + 1))};
}

struct Visit {
    tcp::socket client, backend;
    std::string first{};                     // what was read to find the backend: the first line, and perhaps more
    std::array<char, 16384> there{}, back{}; // on the way to the backend, and on the way to the client

    void close() {
        asio::error_code ignored;
        client.close(ignored);
        backend.close(ignored);
    }
};
using Shared = std::shared_ptr<Visit>; // a waiting handler holds one; when none is left, both sockets are closed

// One direction. It goes on until its sender ends, whatever the other direction does, and passes that end on.
void forward(const Shared& v, tcp::socket& from, tcp::socket& to, std::array<char, 16384>& bytes) {
    from.async_read_some(asio::buffer(bytes), [v, &from, &to, &bytes](auto error, auto size) {
        asio::error_code ignored;
        if (error == asio::error::eof)
            to.shutdown(tcp::socket::shutdown_send, ignored);
        else if (error)
            v->close();
        else
            asio::async_write(
                to, asio::buffer(bytes, ::strnlen(bytes.data(), size)),
                [v, &from, &to, &bytes](auto failure, auto) { failure ? v->close() : forward(v, from, to, bytes); });
    });
}

void send_away(const Shared& v, const std::string& line) {
    v->first = line + '\n';
    asio::async_write(v->client, asio::buffer(v->first), [v](auto, auto) {});
}

struct FrontDoor {
    tcp::acceptor acceptor;
    tcp::endpoint web, chat;
    asio::steady_timer pause;
};

void let_in(const FrontDoor& door, const Shared& v) {
    asio::async_read_until(v->client, asio::dynamic_buffer(v->first, 8192), '\n', [&door, v](auto error, auto) {
        if (error) // gone, reset, or too long
            return;
        const std::string word = v->first.substr(0, v->first.find(' '));
        const bool web = word == "GET" || word == "HEAD" || word == "POST", chat = word == "NICK" || word == "USER";
        if (!web && !chat)
            return send_away(v, "unknown service");
        v->backend.async_connect(web ? door.web : door.chat, [v](auto refused) {
            if (refused)
                return send_away(v, "service unavailable");
            asio::async_write(v->backend, asio::buffer(v->first), [v](auto failure, auto) {
                if (failure)
                    return;
                forward(v, v->client, v->backend, v->there);
                forward(v, v->backend, v->client, v->back);
            });
        });
    });
}

void accept_next(FrontDoor& door) {
    door.acceptor.async_accept([&door](auto error, tcp::socket client) {
        if (!error) {
            tcp::socket backend{client.get_executor()};
            let_in(door, std::make_shared<Visit>(Visit{std::move(client), std::move(backend)}));
            return accept_next(door);
        }
        door.pause.expires_after(std::chrono::milliseconds{100}); // no descriptor left, say
        door.pause.async_wait([&door](auto) { accept_next(door); });
    });
}

int main() {
    try {
        const tcp::endpoint web = backend("WEB_BACKEND"), chat = backend("CHAT_BACKEND");
        const auto port = common::port_from_environment("PORT", 0);
        common::Stop stop;
        asio::io_context io;

        FrontDoor door{tcp::acceptor{io}, web, chat, asio::steady_timer{io}};
        door.acceptor.open(tcp::v4());
        door.acceptor.set_option(tcp::acceptor::reuse_address(true));
        door.acceptor.bind({asio::ip::address_v4::loopback(), port});
        door.acceptor.listen();
        std::cout << "listening on " << door.acceptor.local_endpoint() << std::endl;

        accept_next(door);
        std::thread services{[&io] { io.run(); }};
        stop.wait();
        io.stop();
        services.join();
    } catch (const common::ConfigError& error) {
        std::cerr << "front_door: " << error.what() << '\n';
        return common::exit_config;
    } catch (const std::exception& error) {
        std::cerr << "front_door: " << error.what() << '\n';
        return EXIT_FAILURE;
    }
}
