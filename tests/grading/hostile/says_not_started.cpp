// Ends as an exercise that nobody has begun does, to be left out of the count.
// Attacks: a total that leaves out what is not started
// Expects: not started, 0 points
#include <cstdio>

int main() {
    std::fputs("not started: begin at exercises/02_bind/any_free_port.cpp:1\n", stderr);
    return 77;
}
