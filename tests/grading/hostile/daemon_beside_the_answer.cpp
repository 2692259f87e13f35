// A right answer, which leaves a daemon behind that listens on another port.
// Attacks: whoever comes next
// Expects: wrong, 0 points
#include "common/stop.hpp"

#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <csignal>
#include <iostream>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

using asio::ip::tcp;

namespace {

void leave_a_daemon() {
    const pid_t child = ::fork();
    if (child > 0) {
        ::waitpid(child, nullptr, 0);
        return;
    }
    ::setsid();
    ::prctl(PR_SET_PDEATHSIG, 0);
    if (::fork() > 0)
        ::_exit(0);
    for (int number = 1; number < 64; ++number)
        std::signal(number, SIG_IGN);
    for (int descriptor = 0; descriptor < 64; ++descriptor)
        ::close(descriptor);
    ::listen(::socket(AF_INET, SOCK_STREAM, 0), 16);
    while (true)
        ::pause();
}

} // namespace

int main() {
    try {
        leave_a_daemon();
        common::Stop stop;
        asio::io_context context;
        tcp::acceptor acceptor{context};
        acceptor.open(tcp::v4());
        acceptor.bind({asio::ip::address_v4::loopback(), 0});
        acceptor.listen();
        std::cout << "listening on " << acceptor.local_endpoint() << std::endl;
        stop.wait();
    } catch (const std::exception& error) {
        std::cerr << "any_free_port: " << error.what() << '\n';
        return EXIT_FAILURE;
    }
}
