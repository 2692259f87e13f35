// Ends in good order before it has done anything.
// Fails: it listens on the port that PORT names
// Seen: it ended with status 0 before that
int main() {}
