// Ends with quick_exit(0), whose handler turns even a failure into status 0.
// Attacks: a judge that takes the exit status for the verdict
// Expects: wrong, 0 points
// Seen: it ended with status 0 before that
#include <cstdlib>

int main() {
    std::at_quick_exit([] { std::_Exit(0); });
    std::quick_exit(1);
}
