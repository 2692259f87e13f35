// Includes a device without end.
// Attacks: the compiler's time and memory
// Expects: does not compile, 0 points
#include "/dev/zero"

int main() {}
