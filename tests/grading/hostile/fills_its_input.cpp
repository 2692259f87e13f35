// Makes the pipe that is its standard input small, and fills it, so that nothing more can be typed to it.
// Attacks: a judge that types and waits until all is written
// Expects: wrong, 0 points
#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <csignal>
#include <fcntl.h>
#include <iostream>
#include <unistd.h>

using asio::ip::tcp;

int main() {
    sigset_t ends;
    sigemptyset(&ends);
    sigaddset(&ends, SIGTERM);
    sigaddset(&ends, SIGINT);
    sigprocmask(SIG_BLOCK, &ends, nullptr);
    ::fcntl(STDIN_FILENO, F_SETPIPE_SZ, 4096);
    const int input = ::open("/proc/self/fd/0", O_WRONLY | O_NONBLOCK);
    while (::write(input, "full", 4) > 0) {
    }
    asio::io_context context;
    tcp::acceptor acceptor{context};
    acceptor.open(tcp::v4());
    acceptor.bind({asio::ip::address_v4::loopback(), 0});
    acceptor.listen();
    std::cout << "listening on " << acceptor.local_endpoint() << std::endl;
    int number = 0;
    ::sigwait(&ends, &number);
}
