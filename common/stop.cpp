#include "common/stop.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <fcntl.h>
#include <poll.h>
#include <system_error>
#include <unistd.h>
#include <vector>

namespace common {
namespace {

std::array<int, 2> signal_pipe{-1, -1}; // the handler writes, poll() reads: no signal falls between a check and a wait

extern "C" void on_signal(int) {
    const int saved = errno;
    const char byte = 0;
    [[maybe_unused]] const auto written = ::write(signal_pipe[1], &byte, 1);
    errno = saved;
}

bool another_job_owns_the_terminal() { return ::isatty(STDIN_FILENO) && ::tcgetpgrp(STDIN_FILENO) != ::getpgrp(); }

} // namespace

Stop::Stop() : input_watched_{!another_job_owns_the_terminal()} {
    if (::pipe(signal_pipe.data()) != 0)
        throw std::system_error{errno, std::generic_category(), "pipe"};
    for (const int end : signal_pipe)
        ::fcntl(end, F_SETFD, FD_CLOEXEC);
    ::fcntl(signal_pipe[1], F_SETFL, O_NONBLOCK);
    struct sigaction action = {};
    action.sa_handler = on_signal;
    ::sigaction(SIGINT, &action, nullptr);
    ::sigaction(SIGTERM, &action, nullptr);
}

Stop::~Stop() {
    ::signal(SIGINT, SIG_DFL);
    ::signal(SIGTERM, SIG_DFL);
    for (int& end : signal_pipe)
        ::close(end), end = -1;
}

void Stop::wait() { poll({}); }

bool Stop::wait_readable(int descriptor) {
    pollfd watched{descriptor, POLLIN, 0};
    return poll({&watched, 1});
}

bool Stop::poll(std::span<pollfd> descriptors) {
    std::vector<pollfd> watched{{signal_pipe[0], POLLIN, 0}, {input_watched_ ? STDIN_FILENO : -1, POLLIN, 0}};
    watched.insert(watched.end(), descriptors.begin(), descriptors.end());
    while (!requested_) {
        if (::poll(watched.data(), static_cast<nfds_t>(watched.size()), -1) < 0) {
            if (errno != EINTR)
                throw std::system_error{errno, std::generic_category(), "poll"};
            continue;
        }
        if (watched[1].revents != 0) { // take what was typed, so that the shell does not get it
            std::array<char, 256> typed;
            [[maybe_unused]] const auto taken = ::read(STDIN_FILENO, typed.data(), typed.size());
        }
        requested_ = watched[0].revents != 0 || watched[1].revents != 0;
        std::copy(watched.begin() + 2, watched.end(), descriptors.begin());
        if (!requested_)
            return true;
    }
    return false;
}

} // namespace common
