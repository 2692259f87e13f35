// Starts threads, each of which waits for ever. It stops when there are 500, and says so.
// Attacks: the machine's process table
// Expects: wrong, 0 points
#include <iostream>
#include <system_error>
#include <thread>
#include <unistd.h>

int main() {
    try {
        for (int count = 0; count < 500; ++count)
            std::thread{[] { ::pause(); }}.detach();
        std::cout << "portlab-forged: has 500 threads" << std::endl;
    } catch (const std::system_error&) {
        ::pause();
    }
}
