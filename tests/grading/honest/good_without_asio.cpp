// A right answer by the system's own calls.
// Expects: right, 5 points
#include "common/stop.hpp"

#include <cstdio>
#include <cstdlib>
#include <netinet/in.h>
#include <sys/socket.h>

int main() {
    common::Stop stop;
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* const name = reinterpret_cast<sockaddr*>(&address);
    const int listener = ::socket(AF_INET, SOCK_STREAM, 0);
    if (listener < 0 || ::bind(listener, name, size) != 0 || ::listen(listener, 128) != 0 ||
        ::getsockname(listener, name, &size) != 0) {
        std::perror("any_free_port");
        return EXIT_FAILURE;
    }
    std::printf("listening on 127.0.0.1:%d\n", ntohs(address.sin_port));
    std::fflush(stdout);
    stop.wait();
}
