// Ends with exit(0) before it has done anything.
// Attacks: a judge that takes the exit status for the verdict
// Expects: wrong, 0 points
// Seen: it ended with status 0 before that
#include <cstdlib>

int main() { std::exit(EXIT_SUCCESS); }
