// Shared port: several workers listen on one port, each with a socket of its own, and the kernel deals the clients out.
#include "common/config.hpp"
#include "common/stop.hpp"
#include "exercises/begin_here.hpp"

#include <asio/buffer.hpp>
#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/write.hpp>
#include <cerrno>
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

int main(int argc, char** argv) {
    begin_here(); // Delete this line and write your program.
    try {
        const int workers = workers_in(argc, argv);
        std::cerr << "shared_port: " << workers << " workers wait for their port\n";
    } catch (const common::ConfigError& error) {
        std::cerr << "shared_port: " << error.what() << '\n';
        return common::exit_config;
    } catch (const std::exception& error) {
        std::cerr << "shared_port: " << error.what() << '\n';
        return EXIT_FAILURE;
    }
}
