// Connects to itself in several processes and writes what nobody reads: the kernel keeps it. It stops at 2 GB.
// Attacks: the kernel's memory for TCP, which the whole machine shares
// Expects: wrong, 0 points
#include <atomic>
#include <cstdio>
#include <fcntl.h>
#include <netinet/in.h>
#include <new>
#include <string>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

int main() {
    constexpr long enough = 2l << 30;
    auto* const taken =
        new (::mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0)) std::atomic<long>{0};
    const int listener = ::socket(AF_INET, SOCK_STREAM, 0);
    ::listen(listener, 4000); // on a port that the kernel chooses
    sockaddr_in address{};
    socklen_t size = sizeof address;
    auto* const name = reinterpret_cast<sockaddr*>(&address);
    ::getsockname(listener, name, &size);
    const std::string chunk(1 << 20, 'p');
    ::fork();
    ::fork();
    for (int client; (client = ::socket(AF_INET, SOCK_STREAM, 0)) >= 0 && ::connect(client, name, size) == 0;) {
        ::fcntl(client, F_SETFL, O_NONBLOCK);
        for (ssize_t written = 0; written >= 0; written = ::write(client, chunk.data(), chunk.size()))
            if ((*taken += written) > enough) {
                std::puts("portlab-forged: the kernel keeps 2 GB for it");
                return 0;
            }
    }
    ::pause();
}
