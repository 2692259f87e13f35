// Ends in good order before it has done anything.
// Fails: it takes its port from each of the three sources
// Seen: it ended with status 0 before that
int main() {}
