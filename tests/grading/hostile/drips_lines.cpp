// Prints a line ten times a second, and never the one that is waited for: each is a reason to wait on.
// Attacks: the grader's time; a limit for each wait is none for all of them
// Expects: wrong, 0 points
#include <iostream>
#include <poll.h>

int main() {
    while (std::cout << "almost ready" << std::endl)
        ::poll(nullptr, 0, 100);
}
