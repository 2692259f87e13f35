// Thinks that a program that ends without an error has done its work.
// Fails: it answers a line when it is typed
// Seen: it ended with status 0 before that, and printed nothing
#include <cstdlib>

int main() { return EXIT_SUCCESS; }
