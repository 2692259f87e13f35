// Ends the process in .preinit_array, which runs before every constructor and every library's own set-up.
// Attacks: a judge in the same process, or one that is preloaded
// Expects: wrong, 0 points
// Seen: it ended with status 0 before that
#include <unistd.h>

namespace {

void at_once(int, char**, char**) { ::_exit(0); }
[[gnu::section(".preinit_array"), gnu::used]] void (*const first)(int, char**, char**) = at_once;

} // namespace

int main() { return 1; }
