// A client asks, a backend answers: after each question comes one answer.
// Fails: both sides may speak at any time
// Seen: waited
#include "common/config.hpp"
#include "common/stop.hpp"

#include <array>
#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/read_until.hpp>
#include <asio/write.hpp>
#include <cstdlib>
#include <iostream>
#include <memory>
#include <mutex>
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

void pass_on(tcp::socket& from, tcp::socket& to) {
    std::array<char, 16384> bytes;
    asio::error_code error, ignored;
    while (!error) {
        const auto size = from.read_some(asio::buffer(bytes), error);
        if (!error)
            asio::write(to, asio::buffer(bytes, size), error);
    }
    to.shutdown(tcp::socket::shutdown_send, ignored);
    if (error != asio::error::eof)
        from.shutdown(tcp::socket::shutdown_receive, ignored);
}

std::string first_line(tcp::socket& client) {
    std::string first;
    asio::error_code error;
    asio::read_until(client, asio::dynamic_buffer(first, 8192), '\n', error);
    return error ? "" : first;
}

void serve(asio::io_context& io, tcp::socket& client, const std::string& first, const tcp::endpoint& web,
           const tcp::endpoint& chat) {
    if (first.empty())
        return;
    asio::error_code error;
    const std::string word = first.substr(0, first.find(' '));
    const bool is_web = word == "GET" || word == "HEAD" || word == "POST", is_chat = word == "NICK" || word == "USER";
    if (!is_web && !is_chat) {
        asio::write(client, asio::buffer(std::string{"unknown service\n"}), error);
        return;
    }
    tcp::socket backend{io};
    backend.connect(is_web ? web : chat, error);
    if (error) {
        asio::write(client, asio::buffer(std::string{"service unavailable\n"}), error);
        return;
    }
    asio::write(backend, asio::buffer(first), error);
    std::array<char, 16384> bytes;
    while (!error) {
        auto size = client.read_some(asio::buffer(bytes), error);
        if (!error)
            asio::write(backend, asio::buffer(bytes, size), error);
        if (!error)
            size = backend.read_some(asio::buffer(bytes), error);
        if (!error)
            asio::write(client, asio::buffer(bytes, size), error);
    }
}

int main() {
    try {
        const tcp::endpoint web = backend("WEB_BACKEND"), chat = backend("CHAT_BACKEND");
        const auto port = common::port_from_environment("PORT", 0);
        common::Stop stop;
        asio::io_context io;
        tcp::acceptor acceptor{io};
        acceptor.open(tcp::v4());
        acceptor.set_option(tcp::acceptor::reuse_address(true));
        acceptor.bind({asio::ip::address_v4::loopback(), port});
        acceptor.listen();
        std::cout << "listening on " << acceptor.local_endpoint() << std::endl;
        while (stop.wait_readable(acceptor.native_handle())) {
            std::thread{[&, client = acceptor.accept()]() mutable {
                serve(io, client, first_line(client), web, chat);
            }}.detach();
        }
        std::_Exit(EXIT_SUCCESS);
    } catch (const common::ConfigError& error) {
        std::cerr << "front_door: " << error.what() << '\n';
        return common::exit_config;
    } catch (const std::exception& error) {
        std::cerr << "front_door: " << error.what() << '\n';
        return EXIT_FAILURE;
    }
}
