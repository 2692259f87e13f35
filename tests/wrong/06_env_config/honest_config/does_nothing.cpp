// Ends in good order before it has done anything.
// Fails: it listens where HOST and PORT say
// Seen: it ended with status 0 before that
int main() {}
