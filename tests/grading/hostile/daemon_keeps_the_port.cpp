// Leaves a daemon that holds the port: two forks, a session of its own, no word from its parent's death.
// Attacks: whoever comes next, and an end that is believed
// Expects: wrong, 0 points
#include <arpa/inet.h>
#include <csignal>
#include <cstdio>
#include <netinet/in.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

int main() {
    const int listener = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    ::bind(listener, reinterpret_cast<sockaddr*>(&address), size);
    ::listen(listener, 16);
    ::getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size);
    if (::fork() == 0) {
        ::setsid();
        ::prctl(PR_SET_PDEATHSIG, 0);
        for (int number = 1; number < 64; ++number)
            std::signal(number, SIG_IGN);
        if (::fork() == 0)
            while (true)
                ::pause();
        ::_exit(0);
    }
    ::wait(nullptr);
    std::printf("listening on 127.0.0.1:%d\n", ntohs(address.sin_port));
}
