// Computes for ever, with every signal ignored and blocked.
// Attacks: the grader's time
// Expects: wrong, 0 points
#include <csignal>

int main() {
    for (int number = 1; number < 64; ++number)
        std::signal(number, SIG_IGN);
    sigset_t all;
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, nullptr);
    for (volatile unsigned long number = 0;;)
        number = number + 1;
}
