// A service that finishes what it has begun: a line with a number N is answered with a line of N stars; on SIGTERM it
// stops accepting, answers the requests that it has begun to read, and ends.
#include "common/config.hpp"

#include <array>
#include <asio/buffer.hpp>
#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/signal_set.hpp>
#include <asio/write.hpp>
#include <csignal>
#include <iostream>
#include <memory>
#include <set>
#include <string>

using asio::ip::tcp;

class Connection;
std::set<Connection*> connections; // all that are alive

class Connection : public std::enable_shared_from_this<Connection> {
  public:
    explicit Connection(tcp::socket socket) : socket_{std::move(socket)} { connections.insert(this); }
    ~Connection() { connections.erase(this); }

    void read() {
        socket_.async_read_some(asio::buffer(chunk_),
                                [self = shared_from_this()](asio::error_code error, std::size_t size) {
                                    if (error)
                                        return; // the client has gone; the last owner of self closes the socket
                                    self->received_.append(self->chunk_.data(), size);
                                    self->answer();
                                });
    }

    void finish() {
        finishing_ = true;
        if (received_.empty() && answer_.empty()) // idle
            socket_.close();
    }

  private:
    void answer() {
        const auto end = received_.find('\n');
        if (end == received_.npos)
            return read();
        const auto size = std::strtoul(received_.c_str(), nullptr, 10);
        received_.erase(0, end + 1);
        answer_ = std::string(size, '*') + '\n';
        asio::async_write(socket_, asio::buffer(answer_),
                          [self = shared_from_this()](asio::error_code error, std::size_t) {
                              self->answer_.clear();
                              if (error || (self->finishing_ && self->received_.empty()))
                                  return;
                              self->answer();
                          });
    }

    tcp::socket socket_;
    std::array<char, 1024> chunk_{};
    std::string received_, answer_;
    bool finishing_ = false;
};

void accept(tcp::acceptor& acceptor) {
    acceptor.async_accept([&acceptor](asio::error_code error, tcp::socket socket) {
        if (!acceptor.is_open())
            return;
        if (!error)
            std::make_shared<Connection>(std::move(socket))->read();
        accept(acceptor);
    });
}

int main() {
    try {
        asio::io_context io;
        tcp::acceptor acceptor{io};
        acceptor.open(tcp::v4());
        acceptor.set_option(tcp::acceptor::reuse_address{true});
        acceptor.bind({asio::ip::address_v4::loopback(), common::port_from_environment("PORT", 8080)});
        acceptor.listen();
        asio::signal_set signals{io, SIGINT, SIGTERM};
        signals.async_wait([&](asio::error_code, int) {
            acceptor.close();
            for (Connection* const connection : connections)
                connection->finish();
        });
        accept(acceptor);
        std::cout << "listening on " << acceptor.local_endpoint() << std::endl;
        io.run(); // until nothing is left to wait for
    } catch (const common::ConfigError& error) {
        std::cerr << "finish_the_request: " << error.what() << '\n';
        return common::exit_config;
    } catch (const std::exception& error) {
        std::cerr << "finish_the_request: " << error.what() << '\n';
        return EXIT_FAILURE;
    }
}
