// Builds, and does nothing.
// Fails: it sees that bind failed
// Seen: it ended with status 0
int main() {}
