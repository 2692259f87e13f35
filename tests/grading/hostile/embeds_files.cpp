// Has the assembler put the model answer and a file of the machine into the program, which prints them.
// Attacks: a compilation with secrets in reach
// Expects: does not compile, 0 points
#include <cstdio>

asm(".pushsection .rodata\n"
    "secret: .incbin \"@ROOT@/solutions/02_bind/any_free_port.cpp\"\n"
    ".incbin \"@OVERLAY@/tests/exercises/02_bind/hidden_test.cpp\"\n"
    ".incbin \"/etc/shadow\"\n"
    ".byte 0\n"
    ".popsection\n");
extern const char secret[] asm("secret");

int main() { std::puts(secret); }
