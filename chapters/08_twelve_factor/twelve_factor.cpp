// The thermometer as it is handed over: it takes its address from outside and, told to end, finishes what it has begun.
#include "common/config.hpp"
#include "serve.hpp"

#include <asio.hpp>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <exception>
#include <iostream>

using asio::ip::tcp;

int main() {
    try {
        const auto host = common::address_from_environment("HOST", "127.0.0.1");
        const auto port = common::port_from_environment("PORT", 8080);
        const tcp::endpoint wanted{asio::ip::make_address(host), port};
        const std::chrono::seconds drain{common::number_from_environment("DRAIN_SECONDS", 4, 0, 3600)};

        asio::io_context io;
        asio::signal_set signals{io, SIGINT, SIGTERM};
        signals.async_wait([&](asio::error_code, int) { io.stop(); });
        std::signal(SIGPIPE, SIG_IGN); // when nobody reads the log any more, the service goes on

        tcp::acceptor acceptor{io};
        acceptor.open(wanted.protocol());
        acceptor.set_option(tcp::acceptor::reuse_address{true});
        asio::error_code error;
        acceptor.bind(wanted, error);
        if (!error)
            acceptor.listen(tcp::acceptor::max_listen_connections, error);
        if (error) {
            std::cerr << "twelve_factor: " << wanted << ": " << error.message() << '\n';
            return EXIT_FAILURE;
        }
        asio::steady_timer pause{io};
        accept(acceptor, pause);
        std::cout << "listening on " << acceptor.local_endpoint() << std::endl;
        io.run(); // until a signal comes

        acceptor.non_blocking(true); // whoever waits in the queue is let in
        while (!error) {
            tcp::socket client = acceptor.accept(error);
            if (!error)
                serve(std::move(client));
        }
        acceptor.close(); // from here on, new clients are refused
        std::cout << "no longer listening" << std::endl;

        io.restart();
        io.run_for(drain); // until each client has its answer, but no longer than that
    } catch (const common::ConfigError& error) {
        std::cerr << "twelve_factor: " << error.what() << '\n';
        return common::exit_config; // 78
    } catch (const std::exception& error) {
        std::cerr << "twelve_factor: " << error.what() << '\n';
        return EXIT_FAILURE;
    }
}
