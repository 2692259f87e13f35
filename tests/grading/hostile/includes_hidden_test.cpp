// Includes a hidden test, to read its lines in the errors.
// Attacks: a compilation with the hidden tests in reach
// Expects: does not compile, 0 points
#if __has_include("@OVERLAY@/tests/exercises/02_bind/hidden_test.cpp")
#include "@OVERLAY@/tests/exercises/02_bind/hidden_test.cpp"
#else
#include "tests/exercises/02_bind/hidden_test.cpp"
#endif
#error The hidden test begins above.
