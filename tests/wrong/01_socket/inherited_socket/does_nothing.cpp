// Thinks that a program that ends without an error has done its work.
// Fails: it says what descriptor 3 is
// Seen: it prints 0 lines in place of one, and ends with status 0
#include <cstdlib>

int main() { return EXIT_SUCCESS; }
