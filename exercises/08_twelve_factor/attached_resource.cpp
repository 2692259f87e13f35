// A service behind which another one stands: it answers each GET with the body that it gets from the service that
// BACKING_URL names, and with status 502 while that one is away.
#include "common/config.hpp"
#include "common/stop.hpp"
#include "exercises/08_twelve_factor/http.hpp"
#include "exercises/begin_here.hpp"

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
    throw common::ConfigError{std::string{variable} + " is not looked at yet"};
}

// The body of the page; throws where there is none to be had.
std::string fetch(asio::io_context&, const Url&) { throw std::runtime_error{"nobody is asked yet"}; }

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
    begin_here(); // Delete this line and write the two functions above.
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
