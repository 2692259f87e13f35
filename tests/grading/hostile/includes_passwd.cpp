// Includes files of the machine, to read them in the compiler's errors.
// Attacks: what must stay secret
// Expects: does not compile, 0 points
#include "/etc/hostname"
#include "/etc/passwd"
#include "/etc/shadow"
