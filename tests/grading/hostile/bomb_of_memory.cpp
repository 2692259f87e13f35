// Takes memory in many processes at once; it stops when it has 2 GB, and says so.
// Attacks: the machine's memory; a limit for each process is none for all of them
// Expects: wrong, 0 points
#include <atomic>
#include <cstdio>
#include <cstring>
#include <new>
#include <sys/mman.h>
#include <unistd.h>

int main() {
    constexpr int shared = MAP_SHARED | MAP_ANONYMOUS, portion = 16 << 20, enough = 128;
    auto* const taken = new (::mmap(nullptr, 4096, PROT_READ | PROT_WRITE, shared, -1, 0)) std::atomic<int>{0};
    for (int doublings = 0; doublings < 5; ++doublings)
        if (::fork() < 0)
            break;
    while (*taken < enough) {
        void* const memory = ::mmap(nullptr, portion, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (memory == MAP_FAILED)
            ::pause();
        std::memset(memory, 'p', portion);
        if (++*taken == enough) {
            std::puts("portlab-forged: has 2 GB");
            std::fflush(stdout);
        }
    }
}
