// Says that it listens, and stops itself by SIGSTOP with all that it has.
// Attacks: the grader's time
// Expects: wrong, 0 points
#include <csignal>
#include <iostream>

int main() {
    std::cout << "listening on 127.0.0.1:40123" << std::endl;
    while (true)
        std::raise(SIGSTOP);
}
