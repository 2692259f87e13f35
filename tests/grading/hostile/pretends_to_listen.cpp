// Has a bind, a listen and a getsockname of its own, which do nothing and succeed; so nothing can go wrong.
// Attacks: a judge that watches calls by interposing them
// Expects: wrong, 0 points
// Seen: no socket of it listens
#include "common/stop.hpp"

#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <cstring>
#include <iostream>
#include <netinet/in.h>
#include <sys/socket.h>

using asio::ip::tcp;

extern "C" {
int bind(int, const sockaddr*, socklen_t) noexcept { return 0; }
int listen(int, int) noexcept { return 0; }
int connect(int, const sockaddr*, socklen_t) { return 0; }
int getsockname(int, sockaddr* name, socklen_t* size) noexcept {
    sockaddr_in lie{};
    lie.sin_family = AF_INET;
    lie.sin_port = htons(40123);
    lie.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    std::memcpy(name, &lie, *size = sizeof lie);
    return 0;
}
}

int main() {
    common::Stop stop;
    asio::io_context context;
    tcp::acceptor acceptor{context};
    acceptor.open(tcp::v4());
    acceptor.bind({asio::ip::address_v4::loopback(), 0});
    acceptor.listen();
    std::cout << "listening on " << acceptor.local_endpoint() << std::endl;
    stop.wait();
}
