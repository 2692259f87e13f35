// A program of 8 TB, all of it to be written to disk.
// Attacks: the disk
// Expects: does not compile, 0 points
char array[8ull << 40] = {1};

int main() { return array[12345]; }
