// A fork bomb, every process of which ignores the signals that it can. It stops when there are 500, and says so.
// Attacks: the machine's process table
// Expects: wrong, 0 points
#include <atomic>
#include <csignal>
#include <cstdio>
#include <new>
#include <sys/mman.h>
#include <unistd.h>

int main() {
    for (int number = 1; number < 64; ++number)
        std::signal(number, SIG_IGN);
    auto* const count =
        new (::mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0)) std::atomic<int>{0};
    while (*count < 500) {
        const pid_t child = ::fork();
        if (child == 0)
            ::setsid();
        if (child == 0 && ++*count == 500) {
            std::puts("portlab-forged: has 500 processes");
            std::fflush(stdout);
        }
    }
}
