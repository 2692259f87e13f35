// helper COMMAND [close_on_exec]: a server starts another program and ends. Who has the port now?
#include "common/config.hpp"
#include "common/stop.hpp"

#include <asio.hpp>
#include <cerrno>
#include <cstdlib>
#include <exception>
#include <fcntl.h>
#include <iostream>
#include <string>

using asio::ip::tcp;

int main(int argc, char** argv) {
    try {
        const tcp::endpoint address{asio::ip::address_v4::loopback(), common::port_from_environment("PORT", 0)};
        common::Stop stop;
        asio::io_context io;
        tcp::acceptor acceptor{io, address}; // opens, sets SO_REUSEADDR, binds and listens
        if (argc > 2 && ::fcntl(acceptor.native_handle(), F_SETFD, FD_CLOEXEC) != 0)
            throw asio::system_error{{errno, asio::system_category()}, "fcntl"};

        const std::string command = argc > 1 ? argv[1] : "true";
        if (std::system((command + " >/dev/null 2>&1 &").c_str()) != 0) // the shell starts it, and does not wait
            throw std::runtime_error{"cannot start " + command};
        std::cout << "listening on " << acceptor.local_endpoint() << std::endl;
        stop.wait();
        acceptor.close();
        std::cout << "the server has closed its socket" << std::endl;
    } catch (const common::ConfigError& error) {
        std::cerr << "helper: " << error.what() << '\n';
        return common::exit_config;
    } catch (const std::exception& error) {
        std::cerr << "helper: " << error.what() << '\n';
        return EXIT_FAILURE;
    }
}
