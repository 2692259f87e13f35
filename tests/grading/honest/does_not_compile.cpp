// Forgets a semicolon.
// Expects: does not compile, 0 points
// Seen: expected
int main() { return 0 }
