// Ports let one host offer many services: the kernel hands each arrival to the socket that is bound to its protocol,
// address and port.
//
// A web service (TCP), a mail service (TCP, another port) and a service over UDP on the web's own number. This is the
// book's first asynchronous program: an async_ call starts an operation and returns, and io.run() calls the handler,
// the lambda at the end of the call, when the kernel has the result. So one thread serves everybody and waits for
// nobody.
#include "common/config.hpp"
#include "common/refusal.hpp"
#include "common/stop.hpp"

#include <array>
#include <asio.hpp>
#include <chrono>
#include <cstdlib>
#include <exception>
#include <iostream>
#include <memory>
#include <sstream>
#include <stdexcept>
#include <string>
#include <strings.h>
#include <thread>

using asio::ip::tcp;
using asio::ip::udp;

std::string text(const auto& endpoint) { return (std::ostringstream{} << endpoint).str(); }

struct Connection {
    tcp::socket socket;
    tcp::endpoint peer{};
    std::string received{}, answer{};
};
using Shared = std::shared_ptr<Connection>; // a waiting handler holds one; when none is left, the socket is closed

// Says no more, and throws away what the client still sends until it closes, too: bytes that nobody reads would make of
// the close a reset, which can overtake the answer.
void part(const Shared& c) {
    asio::error_code ignored;
    c->socket.shutdown(tcp::socket::shutdown_send, ignored);
    c->received.resize(8192);
    c->socket.async_read_some(asio::buffer(c->received), [c](auto error, auto) { error ? void() : part(c); });
}

// Web: one request, one page. Chapter 8 does HTTP properly; here a request ends at its blank line, within 8192 bytes.
void serve_web(const Shared& c) {
    asio::async_read_until(c->socket, asio::dynamic_buffer(c->received, 8192), "\r\n\r\n", [c](auto error, auto) {
        const bool too_long = error == asio::error::not_found;
        if (error && !too_long) // gone or reset
            return;
        const std::string page =
            too_long ? "<!DOCTYPE html><title>web</title><p>This request is too long.</p>\n"
                     : "<!DOCTYPE html><title>web</title><p>The web greets " + text(c->peer) + ".</p>\n";
        c->answer =
            std::string{"HTTP/1.1 "} + (too_long ? "431 Request Header Fields Too Large" : "200 OK") +
            "\r\nContent-Type: text/html\r\nConnection: close\r\nContent-Length: " + std::to_string(page.size()) +
            "\r\n\r\n" + page;
        asio::async_write(c->socket, asio::buffer(c->answer), [c](auto failure, auto) { failure ? void() : part(c); });
    });
}

void hear_mail(const Shared& c, bool too_long = false);

// Mail: the first words of SMTP. The service speaks first, and then answers line by line until QUIT.
void serve_mail(const Shared& c, const std::string& reply = "220 mail.example is ready") {
    c->answer = reply + "\r\n";
    asio::async_write(c->socket, asio::buffer(c->answer), [c](auto error, auto) {
        if (!error)
            c->answer.starts_with("221") ? part(c) : hear_mail(c);
    });
}

void hear_mail(const Shared& c, bool too_long) {
    asio::async_read_until(
        c->socket, asio::dynamic_buffer(c->received, 512), '\n', [c, too_long](auto error, auto size) {
            if (error == asio::error::not_found) { // more than SMTP's 512 bytes: the rest of the line is no command
                c->received.clear();
                return hear_mail(c, true);
            }
            if (error) // gone or reset
                return;
            const std::string verb = c->received.substr(0, c->received.find_first_of(" \r\n"));
            const auto is = [&verb](const char* word) { return ::strcasecmp(verb.c_str(), word) == 0; };
            c->received.erase(0, size);
            serve_mail(c, too_long                   ? "500 line too long"
                          : is("EHLO") || is("HELO") ? "250 mail.example greets " + text(c->peer)
                          : is("NOOP") || is("RSET") ? "250 OK"
                          : is("QUIT")               ? "221 goodbye"
                                                     : "502 not implemented; use EHLO, HELO, NOOP, RSET or QUIT");
        });
}

struct Service {
    const char* name;
    void (*serve)(const Shared&);
    asio::io_context& io;
    tcp::acceptor acceptor{io};
    asio::steady_timer pause{io};
};

void accept_next(Service& service) {
    auto c = std::make_shared<Connection>(Connection{tcp::socket{service.io}});
    // accept itself tells the peer: a client that has reset meanwhile has no remote_endpoint() to ask for
    service.acceptor.async_accept(c->socket, c->peer, [&service, c](auto error) {
        if (error) { // no descriptor left, say: to try again at once would be to try for ever
            std::cerr << service.name << ": accept: " << error.message() << '\n';
            service.pause.expires_after(std::chrono::milliseconds{100});
            service.pause.async_wait([&service](auto) { accept_next(service); });
            return;
        }
        std::cout << service.name << ": TCP from " << c->peer << " reached " << service.acceptor.local_endpoint()
                  << std::endl;
        service.serve(c);
        accept_next(service);
    });
}

struct Datagrams {
    udp::socket socket;
    udp::endpoint sender{};
    std::array<char, 1500> question{};
    std::string answer{};
};

// UDP: tells the sender where the kernel says it is. The answer is shorter than the question, so that a forged sender
// address floods nobody, and two such services cannot keep each other talking.
void answer_next(Datagrams& d) {
    d.socket.async_receive_from(asio::buffer(d.question), d.sender, [&d](auto error, auto size) {
        if (error || size == 0)
            return answer_next(d);
        std::cout << "udp: UDP from " << d.sender << " reached " << d.socket.local_endpoint() << std::endl;
        d.answer = (text(d.sender) + '\n').substr(0, size - 1);
        d.socket.async_send_to(asio::buffer(d.answer), d.sender, [&d](auto, auto) { answer_next(d); });
    });
}

std::runtime_error refused(common::Protocol protocol, const auto& endpoint, const char* variable,
                           const asio::error_code& error, bool reuse_address = false) {
    return std::runtime_error{
        text(endpoint) + ": bind: " + error.message() + ": " +
        common::why_refused(protocol, endpoint, error, {.port = variable, .reuse_address = reuse_address})};
}

int main() {
    try {
        const auto host = asio::ip::make_address(common::address_from_environment("HOST", "127.0.0.1"));
        const tcp::endpoint web_at{host, common::port_from_environment("WEB_PORT", 8080)};
        const tcp::endpoint mail_at{host, common::port_from_environment("MAIL_PORT", 2525)};

        common::Stop stop;
        asio::io_context io;
        Service web{"web", serve_web, io};
        Service mail{"mail", [](const Shared& client) { serve_mail(client); }, io};
        Datagrams datagrams{udp::socket{io}};
        asio::error_code error;

        web.acceptor.open(web_at.protocol());
        web.acceptor.set_option(tcp::acceptor::reuse_address(true)); // this side closes first: see chapter 5
        web.acceptor.bind(web_at, error);
        if (error)
            throw refused(common::Protocol::tcp, web_at, "WEB_PORT", error, true);
        web.acceptor.listen();

        mail.acceptor.open(mail_at.protocol());
        mail.acceptor.set_option(tcp::acceptor::reuse_address(true));
        mail.acceptor.bind(mail_at, error);
        if (error)
            throw refused(common::Protocol::tcp, mail_at, "MAIL_PORT", error, true);
        mail.acceptor.listen();

        const udp::endpoint udp_at{host, web.acceptor.local_endpoint().port()}; // the same number, the other protocol
        datagrams.socket.open(udp_at.protocol());
        datagrams.socket.bind(udp_at, error);
        if (error)
            throw refused(common::Protocol::udp, udp_at, "WEB_PORT", error);

        std::cout << "web: listening on " << web.acceptor.local_endpoint() << '\n'
                  << "mail: listening on " << mail.acceptor.local_endpoint() << '\n'
                  << "udp: bound to " << datagrams.socket.local_endpoint() << std::endl;

        accept_next(web);
        accept_next(mail);
        answer_next(datagrams);
        std::thread services{[&io] { io.run(); }}; // the one that serves; this one waits for Enter or a signal
        stop.wait();
        io.stop();
        services.join();
    } catch (const common::ConfigError& error) {
        std::cerr << "many_services: " << error.what() << '\n';
        return common::exit_config;
    } catch (const std::exception& error) {
        std::cerr << "many_services: " << error.what() << '\n';
        return EXIT_FAILURE;
    }
}
