// Takes memory that belongs to no process: files without a name, shared memory that nobody is attached to, bytes in the
// buffers of sockets. It stops when it has 1 GB, and says so.
// Attacks: the machine's memory; no limit of a process counts it
// Expects: wrong, 0 points
// Seen: it ended with status 0 before that
#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <string>
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <unistd.h>

namespace {

const std::string chunk(1 << 20, 'p');
std::size_t taken = 0; // bytes

bool enough() { return taken > 1u << 30; }

void write_to(int file) {
    for (ssize_t size = 1; size > 0 && !enough(); taken += static_cast<std::size_t>(std::max<ssize_t>(size, 0)))
        size = ::write(file, chunk.data(), chunk.size());
}

} // namespace

int main() {
    std::signal(SIGXFSZ, SIG_IGN);
    std::signal(SIGPIPE, SIG_IGN);
    for (int segment; (segment = ::shmget(IPC_PRIVATE, 64 << 20, IPC_CREAT | 0600)) >= 0 && !enough();) {
        void* const memory = ::shmat(segment, nullptr, 0);
        if (memory == reinterpret_cast<void*>(-1))
            break;
        std::memset(memory, 'p', 64 << 20);
        ::shmdt(memory);
        taken += 64 << 20;
    }
    for (int file; (file = ::memfd_create("portlab-forged", 0)) >= 0 && !enough();)
        write_to(file);
    for (int ends[2]; ::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends) == 0 && !enough();)
        write_to(ends[0]);
    std::printf("%sit has %zu MB\n", enough() ? "portlab-forged: " : "", taken >> 20);
}
