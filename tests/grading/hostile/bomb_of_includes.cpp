// Includes itself twice, and so on, two hundred levels deep.
// Attacks: the compiler's time
// Expects: does not compile, 0 points
#if __INCLUDE_LEVEL__ < 190
#include __FILE__
#include __FILE__
#endif
