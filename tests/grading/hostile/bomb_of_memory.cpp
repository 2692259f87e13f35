// Takes all the memory that it can get, writes to it, and goes on with as many copies of itself.
// Attacks: the machine's memory
// Expects: wrong, 0 points
#include <cstring>
#include <sys/mman.h>
#include <unistd.h>

int main() {
    for (int copies = 0; copies < 6; ++copies)
        if (::fork() < 0)
            break;
    for (std::size_t size = 1ul << 30; size >= 4096;) {
        void* const memory = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (memory == MAP_FAILED)
            size /= 2;
        else
            std::memset(memory, 'p', size);
    }
    ::pause();
}
