// Computes for a while before it listens, and again before it ends.
// Expects: right, 5 points
#include "common/stop.hpp"

#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <ctime>
#include <iostream>

using asio::ip::tcp;

namespace {

void compute(double seconds) {
    const std::clock_t start = std::clock();
    while (static_cast<double>(std::clock() - start) < seconds * CLOCKS_PER_SEC) {
    }
}

} // namespace

int main() {
    try {
        common::Stop stop;
        compute(0.15);
        asio::io_context context;
        tcp::acceptor acceptor{context};
        acceptor.open(tcp::v4());
        acceptor.bind({asio::ip::address_v4::loopback(), 0});
        acceptor.listen();
        std::cout << "listening on " << acceptor.local_endpoint() << std::endl;
        stop.wait();
        compute(0.05);
    } catch (const std::exception& error) {
        std::cerr << "any_free_port: " << error.what() << '\n';
        return EXIT_FAILURE;
    }
}
