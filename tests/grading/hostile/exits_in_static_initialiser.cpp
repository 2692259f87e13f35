// Ends the process in the constructor of a global object, before main.
// Attacks: a judge in the same process, which would never begin
// Expects: wrong, 0 points
// Seen: it ended with status 0 before that
#include <unistd.h>

namespace {

struct Early {
    Early() { ::_exit(0); }
} early;

} // namespace

int main() { return 1; }
