// Includes the compiler's standard input, which may be a terminal that nobody types at.
// Attacks: the compiler's time
// Expects: does not compile, 0 points
#include "/dev/stdin"
#include "/dev/tty"
