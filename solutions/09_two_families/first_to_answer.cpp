// The first to answer: calls several addresses, each when the one before has failed or is silent, and keeps the first
// connection.
#include "common/config.hpp"

#include <array>
#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/steady_timer.hpp>
#include <chrono>
#include <cstdlib>
#include <exception>
#include <iostream>
#include <list>
#include <optional>
#include <vector>

using asio::ip::tcp;

class Race {
  public:
    Race(asio::io_context& io, const std::vector<tcp::endpoint>& endpoints) : timer_{io}, endpoints_{endpoints} {
        call_next();
    }
    std::optional<tcp::socket> winner{};
    asio::error_code reason{};

  private:
    void call_next() {
        if (next_ == endpoints_.size())
            return;
        const tcp::endpoint server = endpoints_[next_++];
        tcp::socket& socket = sockets_.emplace_back(timer_.get_executor());
        socket.async_connect(server, [this, &socket](const asio::error_code& error) {
            if (winner)
                return;
            if (error) {
                reason = error;
                return call_next();
            }
            winner = std::move(socket);
            sockets_.clear();
            timer_.cancel();
        });
        timer_.expires_after(std::chrono::milliseconds{250});
        timer_.async_wait([this](const asio::error_code& cancelled) {
            if (!cancelled)
                call_next();
        });
    }
    asio::steady_timer timer_;
    std::vector<tcp::endpoint> endpoints_;
    std::size_t next_ = 0;
    std::list<tcp::socket> sockets_{};
};

int main(int argc, char** argv) {
    try {
        if (argc < 3)
            throw common::ConfigError{"usage: first_to_answer PORT ADDRESS..."};
        const auto port = common::parse_port("PORT", argv[1]);
        std::vector<tcp::endpoint> endpoints;
        for (int i = 2; i < argc; ++i)
            endpoints.emplace_back(asio::ip::make_address(common::parse_address("ADDRESS", argv[i])), port);

        asio::io_context io;
        Race race{io, endpoints};
        io.run();
        if (!race.winner) {
            std::cerr << "first_to_answer: " << race.reason.message() << '\n';
            return EXIT_FAILURE;
        }
        std::cout << "connected to " << race.winner->remote_endpoint() << std::endl;
        asio::error_code end;
        for (std::array<char, 512> bytes; !end;)
            race.winner->read_some(asio::buffer(bytes), end);
    } catch (const common::ConfigError& error) {
        std::cerr << "first_to_answer: " << error.what() << '\n';
        return common::exit_config;
    } catch (const std::exception& error) {
        std::cerr << "first_to_answer: " << error.what() << '\n';
        return EXIT_FAILURE;
    }
}
