// Is as late at each start as may be, behaves, and then never ends: what is free at a start must not add up.
// Attacks: the grader's time; an allowance for each start adds up
// Expects: wrong, 0 points
#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <csignal>
#include <iostream>
#include <poll.h>

using asio::ip::tcp;

int main() {
    for (const int signal : {SIGINT, SIGTERM})
        std::signal(signal, SIG_IGN);
    ::poll(nullptr, 0, 1400);
    asio::io_context context;
    tcp::acceptor acceptor{context, {asio::ip::address_v4::loopback(), 0}};
    std::cout << "listening on " << acceptor.local_endpoint() << std::endl;
    while (true)
        ::poll(nullptr, 0, 100);
}
