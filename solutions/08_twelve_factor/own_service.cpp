// A greeting service of twelve factors: it takes all that may differ from its environment, exports itself by binding
// PORT, logs a line for each answer, keeps nothing and, told to end, finishes what it has begun.
#include "common/config.hpp"
#include "exercises/08_twelve_factor/http.hpp"

#include <array>
#include <asio/buffer.hpp>
#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/signal_set.hpp>
#include <asio/steady_timer.hpp>
#include <asio/write.hpp>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <iostream>
#include <memory>
#include <set>
#include <sstream>
#include <stdexcept>
#include <string>

using asio::ip::tcp;

struct Answer {
    std::string status, body;
    std::string fields{}; // further lines of the header
};

Answer answer_to(const http::Request& request, const std::string& greeting) {
    if (request.target == "/greet") {
        if (request.method == "POST")
            return {"200 OK", greeting + ", " + request.body + "\n"};
        return {"405 Method Not Allowed", "This is for POST.\n", "Allow: POST\r\n"};
    }
    if (request.target.starts_with("/greet/")) {
        if (request.method == "GET")
            return {"200 OK", greeting + ", " + request.target.substr(7) + "\n"};
        return {"405 Method Not Allowed", "This is for GET.\n", "Allow: GET\r\n"};
    }
    return {"404 Not Found", "No such page.\n"};
}

struct Config {
    tcp::endpoint listen_on; // HOST, PORT
    std::string greeting;    // GREETING
};

Config config_from_environment() {
    const auto host = asio::ip::make_address(common::address_from_environment("HOST", "127.0.0.1"));
    const char* const greeting = std::getenv("GREETING");
    if (greeting && !*greeting)
        throw common::ConfigError{"GREETING=\"\" is not a greeting: use a word, or do not set the variable"};
    return {{host, common::port_from_environment("PORT", 8080)}, greeting ? greeting : "Hello"};
}

class Connection;
std::set<Connection*> connections; // all that are alive

class Connection : public std::enable_shared_from_this<Connection> {
  public:
    Connection(tcp::socket socket, const std::string& greeting) : socket_{std::move(socket)}, greeting_{greeting} {
        connections.insert(this);
    }
    ~Connection() { connections.erase(this); }

    void read() {
        socket_.async_read_some(asio::buffer(chunk_),
                                [self = shared_from_this()](asio::error_code error, std::size_t size) {
                                    if (error)
                                        return; // the client has gone; the last owner of self closes the socket
                                    self->received_.append(self->chunk_.data(), size);
                                    self->serve();
                                });
    }

    void finish() {
        finishing_ = true;
        if (received_.empty() && answer_.empty()) // idle
            socket_.close();
    }

  private:
    void serve() {
        http::Request request;
        switch (http::take_request(received_, request)) {
        case http::State::incomplete:
            return read();
        case http::State::malformed:
            return answer("- -", {"400 Bad Request", "This is no request.\n"}, false);
        case http::State::too_long:
            return answer("- -", {"431 Request Header Fields Too Large", "The header is too long.\n"}, false);
        case http::State::complete:
            break;
        }
        const Answer found = answer_to(request, greeting_);
        answer(request.method + " " + request.target, found, request.keep_alive);
    }

    void answer(const std::string& what, const Answer& found, bool keep_alive) {
        std::cout << what << ' ' << found.status.substr(0, 3) << std::endl; // to a pipe, too, a line at a time
        const bool last = !keep_alive || (finishing_ && received_.empty());
        answer_ = http::response(found.status, found.body, found.fields + (last ? "Connection: close\r\n" : ""));
        asio::async_write(socket_, asio::buffer(answer_),
                          [self = shared_from_this(), last](asio::error_code error, std::size_t) {
                              self->answer_.clear();
                              if (error || last || (self->finishing_ && self->received_.empty()))
                                  return;
                              self->serve();
                          });
    }

    tcp::socket socket_;
    const std::string& greeting_;
    std::array<char, 4096> chunk_{};
    std::string received_, answer_;
    bool finishing_ = false;
};

void accept(tcp::acceptor& acceptor, asio::steady_timer& pause, const std::string& greeting) {
    acceptor.async_accept([&](asio::error_code error, tcp::socket socket) {
        if (!acceptor.is_open())
            return;
        if (!error) {
            std::make_shared<Connection>(std::move(socket), greeting)->read();
            return accept(acceptor, pause, greeting);
        }
        pause.expires_after(std::chrono::milliseconds{100}); // without a descriptor: the client waits in the queue
        pause.async_wait([&](asio::error_code) {
            if (acceptor.is_open())
                accept(acceptor, pause, greeting);
        });
    });
}

int main() {
    try {
        const Config config = config_from_environment();
        std::signal(SIGPIPE, SIG_IGN); // when nobody reads the log any more, the service goes on
        asio::io_context io;
        asio::signal_set signals{io, SIGINT, SIGTERM};
        asio::steady_timer pause{io};

        tcp::acceptor acceptor{io};
        acceptor.open(config.listen_on.protocol());
        acceptor.set_option(tcp::acceptor::reuse_address{true}); // the last instance's connections may be in TIME-WAIT
        asio::error_code error;
        acceptor.bind(config.listen_on, error);
        if (!error)
            acceptor.listen(tcp::acceptor::max_listen_connections, error);
        if (error) {
            std::ostringstream text;
            text << config.listen_on << ": " << error.message();
            throw std::runtime_error{text.str()};
        }

        signals.async_wait([&](asio::error_code, int) {
            acceptor.close();
            pause.cancel();
            for (Connection* const connection : connections)
                connection->finish();
        });
        accept(acceptor, pause, config.greeting);
        std::cout << "listening on " << acceptor.local_endpoint() << std::endl;
        io.run(); // until nothing is left to wait for
    } catch (const common::ConfigError& error) {
        std::cerr << "own_service: " << error.what() << '\n';
        return common::exit_config;
    } catch (const std::exception& error) {
        std::cerr << "own_service: " << error.what() << '\n';
        return EXIT_FAILURE;
    }
}
