// Ends with each status that a test runner takes for "skipped": 4 here, from 125 to 127 in a launcher.
// Attacks: a launcher that reads its own troubles from the student's exit status
// Expects: wrong, 0 points
// Seen: before that, and printed nothing
#include <csignal>
#include <initializer_list>
#include <sys/wait.h>
#include <unistd.h>

int main() {
    for (const int status : {125, 126, 127})
        if (::fork() == 0)
            ::_exit(status);
    while (::wait(nullptr) > 0) {
    }
    return 4;
}
