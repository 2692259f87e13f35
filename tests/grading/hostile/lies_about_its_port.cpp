// Has a getsockname of its own, which says a number that the kernel does not say.
// Attacks: a judge that asks the program, or libc in the program's process
// Expects: wrong, 0 points
// Seen: it says 127.0.0.1:8080, and the kernel says
#include "common/stop.hpp"

#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <cstring>
#include <iostream>
#include <netinet/in.h>
#include <sys/socket.h>

using asio::ip::tcp;

extern "C" int getsockname(int, sockaddr* name, socklen_t* size) noexcept {
    sockaddr_in lie{};
    lie.sin_family = AF_INET;
    lie.sin_port = htons(8080);
    lie.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    std::memcpy(name, &lie, *size = sizeof lie);
    return 0;
}

int main() {
    try {
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
