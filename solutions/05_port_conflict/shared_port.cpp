// Shared port: several workers listen on one port, each with a socket of its own, and the kernel deals the clients out.
#include "common/config.hpp"
#include "common/stop.hpp"

#include <asio/buffer.hpp>
#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/write.hpp>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <deque>
#include <exception>
#include <iostream>
#include <string>
#include <sys/socket.h>
#include <thread>

using asio::ip::tcp;

int workers_in(int argc, char** argv) {
    const int workers = argc == 2 ? common::parse_port("WORKERS", argv[1]) : 0;
    if (workers < 1 || workers > 16)
        throw common::ConfigError{"usage: shared_port WORKERS, from 1 to 16"};
    return workers;
}

void serve(tcp::acceptor& acceptor, int worker) {
    acceptor.async_accept([&acceptor, worker](asio::error_code error, tcp::socket client) {
        const std::string line = "worker " + std::to_string(worker) + "\n";
        if (error) // no descriptor is left, say: the client waits in the queue
            std::this_thread::sleep_for(std::chrono::milliseconds{100});
        else
            asio::write(client, asio::buffer(line), error);
        serve(acceptor, worker);
    });
}

int main(int argc, char** argv) {
    try {
        const int workers = workers_in(argc, argv);
        common::Stop stop;
        asio::io_context context;
        tcp::endpoint address{asio::ip::address_v4::loopback(), common::port_from_environment("PORT", 0)};
        std::deque<tcp::acceptor> acceptors;
        for (int worker = 1; worker <= workers; ++worker) {
            tcp::acceptor& acceptor = acceptors.emplace_back(context, tcp::v4());
            const int on = 1;
            if (::setsockopt(acceptor.native_handle(), SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) != 0)
                throw asio::system_error{{errno, asio::system_category()}, "setsockopt"};
            acceptor.bind(address);
            acceptor.listen();
            address = acceptor.local_endpoint(); // the port that all the others share
            serve(acceptor, worker);
        }
        std::cout << "listening on " << address << std::endl;
        std::thread loop{[&context] { context.run(); }};
        stop.wait();
        context.stop();
        loop.join();
    } catch (const common::ConfigError& error) {
        std::cerr << "shared_port: " << error.what() << '\n';
        return common::exit_config;
    } catch (const std::exception& error) {
        std::cerr << "shared_port: " << error.what() << '\n';
        return EXIT_FAILURE;
    }
}
