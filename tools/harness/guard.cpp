#include "tools/harness/guard.hpp"

#include "tools/harness/asleep.hpp"

#ifdef __linux__

#include <array>
#include <cerrno>
#include <csignal>
#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

namespace support {
namespace {

[[noreturn]] void end_as(int status) {
    if (WIFSIGNALED(status)) {
        ::signal(WTERMSIG(status), SIG_DFL);
        ::raise(WTERMSIG(status));
    }
    ::_exit(WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
}

void kill_all_descendants() {
    for (int round = 0; round < 10'000; ++round) { // one that forks is caught up with
        for (const pid_t process : descendants(::getpid()))
            ::kill(process, SIGKILL);
        pid_t ended = 0;
        while ((ended = ::waitpid(-1, nullptr, WNOHANG)) > 0) {
        }
        if (ended < 0 && errno == ECHILD)
            return;
        ::poll(nullptr, 0, 1);
    }
}

} // namespace

void leave_nothing_behind() {
    std::array<int, 2> lifeline{}; // closed when the process that was started has ended
    if (::pipe2(lifeline.data(), O_CLOEXEC) != 0)
        return;
    const pid_t guardian = ::fork();
    if (guardian > 0) {
        ::close(lifeline[0]);
        int status = 0;
        while (::waitpid(guardian, &status, 0) < 0 && errno == EINTR) {
        }
        end_as(status);
    }
    ::close(lifeline[1]);
    if (guardian < 0) {
        ::close(lifeline[0]);
        return;
    }
    ::setsid();
    sigset_t all, before;
    ::sigfillset(&all);
    ::sigprocmask(SIG_BLOCK, &all, &before);
    ::prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
    const pid_t self = ::getpid(), judge = ::fork();
    if (judge == 0) {
        ::prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (::getppid() != self)
            ::_exit(1);
        ::sigprocmask(SIG_SETMASK, &before, nullptr);
        ::close(lifeline[0]);
        return;
    }
    const int end = static_cast<int>(::syscall(SYS_pidfd_open, judge, 0));
    std::array<pollfd, 2> watched{{{end, POLLIN, 0}, {lifeline[0], POLLIN, 0}}};
    if (judge > 0 && end >= 0)
        ::poll(watched.data(), watched.size(), -1);
    int status = 0;
    const bool ended = judge > 0 && (end < 0 || watched[0].revents != 0) && ::waitpid(judge, &status, 0) == judge;
    kill_all_descendants();
    if (!ended)
        ::_exit(1);
    ::sigprocmask(SIG_SETMASK, &before, nullptr);
    end_as(status);
}

} // namespace support

#else

namespace support {
void leave_nothing_behind() {}
} // namespace support

#endif
