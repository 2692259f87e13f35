#include "loop/command.hpp"

#include <array>
#include <cerrno>
#include <csignal>
#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <system_error>
#include <unistd.h>

extern char** environ; // NOLINT: POSIX has it so

namespace loop {

Command::Command(const std::vector<std::string>& words) {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0)
        throw std::system_error{errno, std::generic_category(), "pipe"};
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    ::posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
    ::posix_spawn_file_actions_adddup2(&actions, ends[1], STDERR_FILENO);
    ::posix_spawnattr_init(&attributes);
    ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP);
    std::vector<char*> arguments;
    for (const auto& word : words)
        arguments.push_back(const_cast<char*>(word.c_str())); // which posix_spawnp does not change
    arguments.push_back(nullptr);
    const int error = ::posix_spawnp(&pid_, arguments[0], &actions, &attributes, arguments.data(), environ);
    ::posix_spawn_file_actions_destroy(&actions);
    ::posix_spawnattr_destroy(&attributes);
    ::close(ends[1]);
    output_ = ends[0];
    if (error != 0) {
        ::close(output_);
        throw std::system_error{error, std::generic_category(), words.front()};
    }
}

Command::~Command() {
    if (const pid_t group = pid_; group > 0) {
        ::kill(-group, SIGTERM);
        wait();
        // What it had started may end a moment later: a build that goes on would disturb the next one.
        for (int i = 0; i < 400 && ::kill(-group, 0) == 0; ++i)
            ::poll(nullptr, 0, 5);
    }
    ::close(output_);
}

int Command::wait() {
    int status = 0;
    while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
    }
    pid_ = -1;
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
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
