// Names what nobody has declared.
// Expects: does not compile, 0 points
// Seen: nothing
int main() { return nothing; }
