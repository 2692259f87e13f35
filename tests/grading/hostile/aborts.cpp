// Ends by SIGABRT, with a handler that says all is well first.
// Attacks: a judge that counts a crash as "could not be run"
// Expects: wrong, 0 points
// Seen: it ended with status 134
#include <csignal>
#include <cstdlib>
#include <unistd.h>

int main() {
    std::signal(SIGABRT, [](int) {
        if (::write(STDOUT_FILENO, "1/1 Test #1: any_free_port ... Passed\n", 38) != 38)
            ::_exit(0);
    });
    std::abort();
}
