// Fails, and has a handler at exit that ends the process with status 0 all the same.
// Attacks: a judge that takes the exit status for the verdict
// Expects: wrong, 0 points
// Seen: it ended with status 0 before that
#include <cstdlib>
#include <unistd.h>

int main() {
    std::atexit([] { ::_exit(0); });
    return 1;
}
