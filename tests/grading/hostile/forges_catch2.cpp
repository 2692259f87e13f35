// Prints what Catch2 prints when all is well.
// Attacks: a grader that reads a verdict from the output
// Expects: wrong, 0 points
// Seen: it ended with status 0 before that
#include <cstdio>

int main() {
    std::puts("Randomness seeded to: 1\n"
              "===============================================================================\n"
              "All tests passed (9 assertions in 1 test case)\n");
}
