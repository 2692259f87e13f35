#include "tools/loop/command.hpp"

#include "tools/harness/asleep.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <fcntl.h>
#include <poll.h>
#include <sys/wait.h>
#include <system_error>
#include <unistd.h>

#ifdef __linux__
#include <sys/prctl.h>
#endif

namespace loop {
namespace {

int status_of(int raw) { return WIFSIGNALED(raw) ? 128 + WTERMSIG(raw) : WEXITSTATUS(raw); }

[[noreturn]] void fail(const std::string& what) { throw std::system_error{errno, std::generic_category(), what}; }

} // namespace

Command::Command(const std::vector<std::string>& words, Complaints complaints) {
    std::array<int, 2> ends{}, told{}; // told: why exec has failed
    if (complaints == Complaints::apart)
        complaints_.reset(std::tmpfile());
    if ((complaints == Complaints::apart && !complaints_) || ::pipe2(ends.data(), O_CLOEXEC) != 0)
        fail("pipe");
    if (::pipe2(told.data(), O_CLOEXEC) != 0)
        fail("pipe");
    std::vector<char*> arguments;
    for (const auto& word : words)
        arguments.push_back(const_cast<char*>(word.c_str())); // which execvp does not change
    arguments.push_back(nullptr);
#ifdef __linux__
    ::prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
#endif
    pid_ = ::fork();
    if (pid_ == 0) {
        ::setpgid(0, 0);
#ifdef __linux__
        ::prctl(PR_SET_PDEATHSIG, SIGTERM);
#endif
        const int nothing = ::open("/dev/null", O_RDONLY);
        ::dup2(nothing, STDIN_FILENO);
        ::close(nothing);
        ::dup2(ends[1], STDOUT_FILENO);
        ::dup2(complaints_ ? ::fileno(complaints_.get()) : ends[1], STDERR_FILENO);
        for (const int number : {SIGINT, SIGTERM, SIGHUP, SIGPIPE, SIGCHLD})
            ::signal(number, SIG_DFL);
        ::execvp(arguments[0], arguments.data());
        const int error = errno;
        [[maybe_unused]] const auto written = ::write(told[1], &error, sizeof error);
        ::_exit(127);
    }
    const int no_fork = errno;
    ::close(ends[1]);
    ::close(told[1]);
    output_ = ends[0];
    int error = pid_ < 0 ? no_fork : 0;
    while (pid_ > 0 && ::read(told[0], &error, sizeof error) < 0 && errno == EINTR) {
    }
    ::close(told[0]);
    if (error == 0) {
        ::setpgid(pid_, pid_); // whoever comes first
        return;
    }
    if (pid_ > 0)
        wait();
    ::close(output_);
    throw std::system_error{error, std::generic_category(), words.front()};
}

Command::~Command() {
    if (const pid_t group = pid_; group > 0) {
        // What it had started may end a moment later: a build that goes on would disturb the next one.
        const auto end = [&](int number, int milliseconds) {
            ::kill(-group, number);
            for (; milliseconds > 0 && (!ended() || ::kill(-group, 0) == 0); milliseconds -= 5) {
                while (pid_ < 0 && ::waitpid(-group, nullptr, WNOHANG) > 0) {
                }
                ::poll(nullptr, 0, 5);
            }
            return milliseconds > 0;
        };
        if (!end(SIGTERM, 5000))
            end(SIGKILL, 5000);
    }
    ::close(output_);
}

std::string Command::complaints() const {
    std::string text;
    if (!complaints_)
        return text;
    std::rewind(complaints_.get());
    std::array<char, 4096> some{};
    while (const auto size = std::fread(some.data(), 1, some.size(), complaints_.get()))
        text.append(some.data(), size);
    return text;
}

int Command::wait() {
    int raw = 0;
    while (::waitpid(pid_, &raw, 0) < 0 && errno == EINTR) {
    }
    pid_ = -1;
    return status_of(raw);
}

std::optional<int> Command::ended() {
    int raw = 0;
    if (pid_ < 0)
        return 0;
    if (::waitpid(pid_, &raw, WNOHANG) != pid_)
        return {};
    pid_ = -1;
    return status_of(raw);
}

Orphanage::Orphanage() : before_{support::descendants(::getpid())} {}

Orphanage::~Orphanage() {
    // Killed parents leave children, which come here: until none is left, or they come faster than they can be killed.
    for (int round = 0; round < 1000; ++round) {
        auto here = support::descendants(::getpid());
        std::erase_if(here, [&](pid_t pid) { return std::ranges::find(before_, pid) != before_.end(); });
        if (here.empty())
            break;
        for (const pid_t pid : here)
            ::kill(pid, SIGKILL);
        for (const pid_t pid : here)
            ::waitpid(pid, nullptr, 0); // those that are no children of this process are not waited for: ECHILD
        ::poll(nullptr, 0, 1);
    }
}

Finished run(const std::vector<std::string>& words) {
    Command command{words};
    Finished result{};
    std::array<char, 4096> some{};
    for (ssize_t size = 0; (size = ::read(command.output(), some.data(), some.size())) != 0;) {
        if (size < 0 && errno != EINTR)
            throw std::system_error{errno, std::generic_category(), "read"};
        result.output.append(some.data(), size < 0 ? 0 : static_cast<std::size_t>(size));
    }
    result.status = command.wait();
    return result;
}

std::string as_typed(const std::vector<std::string>& words) {
    std::string text;
    for (const auto& word : words)
        text +=
            (text.empty() ? "" : " ") + (word.find_first_of(" \t|()^$*'\"\\") == word.npos ? word : "'" + word + "'");
    return text;
}

} // namespace loop
