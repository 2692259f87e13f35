// Has the assembler repeat a line two billion times.
// Attacks: the assembler's memory, and the disk
// Expects: does not compile, 0 points
asm(".pushsection .data\n"
    ".rept 2000000000\n"
    ".quad 0x706f72746c6162\n"
    ".endr\n"
    ".popsection\n");

int main() {}
