// Starts threads without end, and each waits for ever.
// Attacks: the machine's process table
// Expects: wrong, 0 points
#include <system_error>
#include <thread>
#include <unistd.h>

int main() {
    try {
        while (true)
            std::thread{[] { ::pause(); }}.detach();
    } catch (const std::system_error&) {
        ::pause();
    }
}
