// Kills its parent, process 1, its process group and every process that it can see, in turn and often.
// Attacks: the judge, the sandbox, the grader
// Expects: wrong, 0 points
#include <csignal>
#include <initializer_list>
#include <unistd.h>

int main() {
    for (int number : {SIGKILL, SIGTERM, SIGSTOP, SIGINT, SIGHUP, SIGABRT})
        std::signal(number, SIG_IGN);
    ::setpgid(0, ::getpgid(::getppid()));
    for (const int number : {SIGTERM, SIGHUP, SIGINT, SIGSTOP, SIGKILL}) {
        ::kill(::getppid(), number);
        ::kill(1, number);
        for (pid_t process = 1; process < 70'000; ++process)
            if (process != ::getpid())
                ::kill(process, number);
        if (number != SIGSTOP && number != SIGKILL)
            ::kill(-1, number);
    }
    ::kill(-1, SIGKILL);
    ::kill(0, SIGKILL);
}
