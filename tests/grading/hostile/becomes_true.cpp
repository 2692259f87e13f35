// Replaces itself by true(1).
// Attacks: a judge that looks only at a process, and at how it ends
// Expects: wrong, 0 points
// Seen: it ended with status 0 before that
#include <unistd.h>

int main() { ::execl("/bin/true", "any_free_port", nullptr); }
