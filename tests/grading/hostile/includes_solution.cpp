// Includes the model answer, by every way from here to there.
// Attacks: a compilation with the solutions in reach
// Expects: does not compile, 0 points
#if __has_include("@ROOT@/solutions/02_bind/any_free_port.cpp")
#include "@ROOT@/solutions/02_bind/any_free_port.cpp"
#elif __has_include("../../solutions/02_bind/any_free_port.cpp")
#include "../../solutions/02_bind/any_free_port.cpp"
#else
#include "solutions/02_bind/any_free_port.cpp"
#endif
