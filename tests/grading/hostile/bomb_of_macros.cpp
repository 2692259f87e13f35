// Ten billion words from ten macros.
// Attacks: the compiler's memory
// Expects: does not compile, 0 points
#define A "portlab",
#define B A A A A A A A A A A
#define C B B B B B B B B B B
#define D C C C C C C C C C C
#define E D D D D D D D D D D
#define F E E E E E E E E E E
#define G F F F F F F F F F F
#define H G G G G G G G G G G
#define I H H H H H H H H H H
#define J I I I I I I I I I I
#define K J J J J J J J J J J

const char* const words[] = {K};

int main() {}
