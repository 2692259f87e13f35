// A service that finishes what it has begun: a line with a number N is answered with a line of N stars; on SIGTERM it
// stops accepting, answers the requests that it has begun to read, and ends.
#include "common/config.hpp"
#include "exercises/begin_here.hpp"

#include <array>
#include <asio/buffer.hpp>
#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/signal_set.hpp>
#include <asio/write.hpp>
#include <csignal>
#include <iostream>
#include <memory>
#include <string>

using asio::ip::tcp;

class Connection : public std::enable_shared_from_this<Connection> {
  public:
    explicit Connection(tcp::socket socket) : socket_{std::move(socket)} {}

    void read() {
        socket_.async_read_some(asio::buffer(chunk_),
                                [self = shared_from_this()](asio::error_code error, std::size_t size) {
                                    if (error)
                                        return; // the client has gone; the last owner of self closes the socket
                                    self->received_.append(self->chunk_.data(), size);
                                    self->answer();
                                });
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
                              if (error)
                                  return;
                              self->answer();
                          });
    }

    tcp::socket socket_;
    std::array<char, 1024> chunk_{};
    std::string received_, answer_;
};

void accept(tcp::acceptor& acceptor) {
    acceptor.async_accept([&acceptor](asio::error_code error, tcp::socket socket) {
        if (!error)
            std::make_shared<Connection>(std::move(socket))->read();
        accept(acceptor);
    });
}

int main() {
    begin_here(); // Delete this line and repair the program.
    try {
        asio::io_context io;
        tcp::acceptor acceptor{io};
        acceptor.open(tcp::v4());
        acceptor.set_option(tcp::acceptor::reuse_address{true});
        acceptor.bind({asio::ip::address_v4::loopback(), common::port_from_environment("PORT", 8080)});
        acceptor.listen();
        asio::signal_set signals{io, SIGINT, SIGTERM};
        signals.async_wait([&](asio::error_code, int) { io.stop(); });
        accept(acceptor);
        std::cout << "listening on " << acceptor.local_endpoint() << std::endl;
        io.run();
    } catch (const common::ConfigError& error) {
        std::cerr << "finish_the_request: " << error.what() << '\n';
        return common::exit_config;
    } catch (const std::exception& error) {
        std::cerr << "finish_the_request: " << error.what() << '\n';
        return EXIT_FAILURE;
    }
}
