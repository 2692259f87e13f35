// A service behind which another one stands: it answers each GET with the body that it gets from the service that
// BACKING_URL names, and with status 502 while that one is away.
#include "common/config.hpp"
#include "common/stop.hpp"
#include "exercises/08_twelve_factor/http.hpp"

#include <array>
#include <asio/buffer.hpp>
#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/read.hpp>
#include <asio/write.hpp>
#include <charconv>
#include <csignal>
#include <cstdlib>
#include <iostream>
#include <sstream>
#include <stdexcept>
#include <string>

using asio::ip::tcp;

struct Url {
    tcp::endpoint server;
    std::string path;
};

// http://ADDRESS:PORT/PATH
Url url_from_environment(const char* variable) {
    const char* const value = std::getenv(variable);
    if (!value)
        throw common::ConfigError{std::string{variable} + " is not set: use http://ADDRESS:PORT/PATH"};
    const std::string text = value, scheme = "http://";
    const auto slash = text.find('/', scheme.size()), colon = text.rfind(':', slash);
    const bool is_one_word = text.find_first_of(" \t\r\n") == text.npos; // else it would be more than a line
    if (is_one_word && text.starts_with(scheme) && slash != text.npos && colon > scheme.size()) {
        asio::error_code error;
        const auto address = asio::ip::make_address_v4(text.substr(scheme.size(), colon - scheme.size()), error);
        std::uint16_t port = 0;
        const auto [end, wrong] = std::from_chars(text.data() + colon + 1, text.data() + slash, port);
        if (!error && wrong == std::errc{} && end == text.data() + slash && port != 0)
            return {{address, port}, text.substr(slash)};
    }
    throw common::ConfigError{std::string{variable} + "=\"" + text + "\" is no URL: use http://ADDRESS:PORT/PATH"};
}

// The body of the page; throws where there is none to be had.
std::string fetch(asio::io_context& io, const Url& url) {
    tcp::socket socket{io};
    socket.connect(url.server);
    std::ostringstream request;
    request << "GET " << url.path << " HTTP/1.1\r\nHost: " << url.server << "\r\nConnection: close\r\n\r\n";
    asio::write(socket, asio::buffer(request.str()));

    std::string answer;
    asio::error_code error;
    asio::read(socket, asio::dynamic_buffer(answer), error);
    if (error != asio::error::eof)
        throw asio::system_error{error};
    const auto end = answer.find("\r\n\r\n");
    if (end == answer.npos || !answer.starts_with("HTTP/1.") || answer.substr(8, 5) != " 200 ")
        throw std::runtime_error{"no page"};
    if (http::field(answer.substr(0, end), "Content-Length") != std::to_string(answer.size() - end - 4))
        throw std::runtime_error{"a part of the page is missing"};
    return answer.substr(end + 4);
}

void serve(asio::io_context& io, tcp::socket client, const Url& url) {
    std::array<char, 4096> chunk;
    std::string received;
    http::Request request;
    while (http::take_request(received, request) == http::State::incomplete)
        received.append(chunk.data(), client.read_some(asio::buffer(chunk)));
    std::string status = "200 OK", body;
    try {
        body = fetch(io, url);
    } catch (const std::exception& error) {
        status = "502 Bad Gateway";
        body = std::string{"The backing service failed: "} + error.what() + "\n";
    }
    asio::write(client, asio::buffer(http::response(status, body, "Connection: close\r\n")));
}

int main() {
    try {
        const Url url = url_from_environment("BACKING_URL");
        std::signal(SIGPIPE, SIG_IGN);
        common::Stop stop;
        asio::io_context io;
        tcp::acceptor acceptor{io};
        acceptor.open(tcp::v4());
        acceptor.set_option(tcp::acceptor::reuse_address{true});
        acceptor.bind({asio::ip::address_v4::loopback(), common::port_from_environment("PORT", 8080)});
        acceptor.listen();
        std::cout << "listening on " << acceptor.local_endpoint() << std::endl;
        while (stop.wait_readable(acceptor.native_handle())) {
            asio::error_code gone;
            tcp::socket client = acceptor.accept(gone);
            try {
                if (!gone)
                    serve(io, std::move(client), url);
            } catch (const std::exception& error) { // the client has gone; the next one is served all the same
                std::cerr << "attached_resource: " << error.what() << '\n';
            }
        }
    } catch (const common::ConfigError& error) {
        std::cerr << "attached_resource: " << error.what() << '\n';
        return common::exit_config;
    } catch (const std::exception& error) {
        std::cerr << "attached_resource: " << error.what() << '\n';
        return EXIT_FAILURE;
    }
}
