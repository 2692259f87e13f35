// Includes the environment and the command lines of the compiler and of process 1, to read them in the errors.
// Attacks: the grader's environment
// Expects: does not compile, 0 points
#include "/proc/1/cmdline"
#include "/proc/1/environ"
#include "/proc/self/cmdline"
#include "/proc/self/environ"
