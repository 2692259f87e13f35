// Names /bin/true as its dynamic loader, by a section of the linker's.
// Attacks: a launcher that starts the program and trusts that it is the one that was compiled
// Expects: wrong, 0 points
[[gnu::section(".interp"), gnu::used]] const char loader[] = "/bin/true";

int main() {}
