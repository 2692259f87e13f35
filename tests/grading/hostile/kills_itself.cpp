// Kills itself, with each signal that a launcher might take for its own time limit.
// Attacks: a launcher that takes "killed" for a fault of the machine, which is never a zero
// Expects: wrong, 0 points
// Seen: before that, and printed nothing
#include <csignal>
#include <initializer_list>

int main() {
    for (const int number : {SIGALRM, SIGXCPU, SIGXFSZ, SIGTERM, SIGKILL})
        std::raise(number);
}
