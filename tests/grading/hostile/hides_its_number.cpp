// Takes a number by name, and a moment after its line forbids everybody to look at it: then nobody can ask the kernel
// who chose the number.
// Attacks: a check that is left out where it cannot be made
// Expects: wrong, 0 points
#include "common/stop.hpp"

#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <iostream>
#include <poll.h>
#include <sys/prctl.h>
#include <thread>
#include <unistd.h>

using asio::ip::tcp;

int main() {
    try {
        common::Stop stop;
        asio::io_context context;
        tcp::acceptor acceptor{context};
        acceptor.open(tcp::v4());
        auto port = static_cast<asio::ip::port_type>(41000 + ::getpid() % 8000);
        asio::error_code taken;
        do {
            acceptor.bind({asio::ip::address_v4::loopback(), port++}, taken);
        } while (taken);
        acceptor.listen();
        std::cout << "listening on " << acceptor.local_endpoint() << std::endl;
        std::thread{[] {
            ::poll(nullptr, 0, 400);
            ::prctl(PR_SET_DUMPABLE, 0);
        }}.detach();
        stop.wait();
    } catch (const std::exception& error) {
        std::cerr << "any_free_port: " << error.what() << '\n';
        return EXIT_FAILURE;
    }
}
