// Goes into the process group of a child, where a signal to its own group does not find it, and waits there for ever.
// Attacks: a judge that kills a group and waits for a process; the grader's time
// Expects: wrong, 0 points
#include <csignal>
#include <cstdio>
#include <unistd.h>

int main() {
    for (int number = 1; number < 64; ++number)
        std::signal(number, SIG_IGN);
    const pid_t child = ::fork();
    if (child == 0)
        ::setpgid(0, 0);
    else
        ::setpgid(child, child), ::setpgid(0, child);
    std::puts("listening on 127.0.0.1:40123");
    std::fflush(stdout);
    while (true)
        ::pause();
}
