// Reads through a null pointer before it listens.
// Expects: wrong, 0 points
// Seen: it ended with status 139: killed by signal 11
#include <iostream>

int main(int argc, char**) {
    const volatile int* const nothing = argc > 9 ? &argc : nullptr;
    std::cout << "port " << *nothing << std::endl;
}
