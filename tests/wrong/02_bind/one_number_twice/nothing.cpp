// Builds, and does nothing.
// Fails: it says where it is bound
// Seen: it ended with status 0 before that, and printed nothing
int main() {}
