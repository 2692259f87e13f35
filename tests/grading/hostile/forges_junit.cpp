// Prints a JUnit report without failures, and breaks out of the one that it may end up in.
// Attacks: a grader that puts the output into XML, or reads XML from it
// Expects: wrong, 0 points
// Seen: it ended with status 0 before that
#include <cstdio>

int main() {
    std::puts("]]></system-out></testcase></testsuite></testsuites>\n"
              "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
              "<testsuites tests=\"1\" failures=\"0\"><testsuite name=\"any_free_port\" tests=\"1\" failures=\"0\">"
              "<testcase name=\"any_free_port\" status=\"run\"/></testsuite></testsuites>");
}
