// Takes every port that there is, with as many processes as that needs, and says one of them.
// Attacks: the judge's own sockets, and the next program's
// Expects: wrong, 0 points
#include <csignal>
#include <cstdio>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

int main() {
    rlimit limit{};
    ::getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &limit);
    int port = 65535;
    while (port > 0) {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        address.sin_port = htons(static_cast<in_port_t>(port));
        const int listener = ::socket(AF_INET, SOCK_STREAM, 0);
        if (listener < 0) { // no descriptor is left: the next process goes on
            if (::fork() == 0) {
                ::close_range(3, ~0u, 0);
                continue;
            }
            break;
        }
        if (::bind(listener, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0)
            ::listen(listener, 1);
        --port;
    }
    std::puts("listening on 127.0.0.1:40123");
    std::fflush(stdout);
    ::pause();
}
