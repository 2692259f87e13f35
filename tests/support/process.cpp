#include "tests/support/process.hpp"

#include "tests/support/asleep.hpp"
#include "tests/support/client.hpp"
#include "tests/support/sandbox.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <poll.h>
#include <set>
#include <sstream>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <utility>

#ifdef __linux__
#include <cstddef>
#include <grp.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#else
#include <sys/event.h>
#endif

extern char** environ;

namespace support {
namespace {

using Clock = std::chrono::steady_clock;

#ifdef __linux__
constexpr int cap_net_bind_service = 10; // linux/capability.h

// Makes `call` fail with `error` when its first argument has all the bits of `bits` (or equals it, for `equal`).
void refuse_call(int call, unsigned argument, bool equal, int error) {
    const auto offset = [](std::size_t n) { return static_cast<unsigned>(n); };
    const auto number = offset(offsetof(seccomp_data, nr)), first = offset(offsetof(seccomp_data, args[0]));
    const auto compare = static_cast<unsigned short>(BPF_JMP | BPF_K | (equal ? BPF_JEQ : BPF_JSET));
    std::array<sock_filter, 6> filter{{
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, number),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, static_cast<unsigned>(call), 0, 3),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, first),
        BPF_JUMP(compare, argument, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | static_cast<unsigned>(error)),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    }};
    const sock_fprog program{static_cast<unsigned short>(filter.size()), filter.data()};
    ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    if (::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0)
        std::perror("prctl(PR_SET_SECCOMP)"), ::_exit(127);
}

// Ends the process when it makes `call`.
void forbid_call(int call) {
    std::array<sock_filter, 4> filter{{
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, static_cast<unsigned>(offsetof(seccomp_data, nr))),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, static_cast<unsigned>(call), 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    }};
    const sock_fprog program{static_cast<unsigned short>(filter.size()), filter.data()};
    ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    if (::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0)
        std::perror("prctl(PR_SET_SECCOMP)"), ::_exit(127);
}
#endif

std::array<int, 2> make_pipe() {
    std::array<int, 2> ends{};
    if (::pipe(ends.data()) != 0)
        throw std::system_error{errno, std::generic_category(), "pipe"};
    for (const int end : ends)
        ::fcntl(end, F_SETFD, FD_CLOEXEC);
    return ends;
}

// Waits for the end of a child that is not reaped yet.
Waited wait_for_end(pid_t pid, std::chrono::milliseconds limit) {
#ifdef __linux__
    const int handle = static_cast<int>(::syscall(SYS_pidfd_open, pid, 0));
#else
    const int handle = ::kqueue(); // readable once it has an event to tell
    struct kevent wanted;
    EV_SET(&wanted, pid, EVFILT_PROC, EV_ADD | EV_ONESHOT, NOTE_EXIT, 0, nullptr);
    if (::kevent(handle, &wanted, 1, nullptr, 0, nullptr) != 0) { // it has ended already
        ::close(handle);
        return {true, "0 s"};
    }
#endif
    const Waited waited = wait_for_any({{handle, POLLIN}}, limit);
    ::close(handle);
    return waited;
}

} // namespace

void do_without(Lacking lacking) {
#ifdef __linux__
    switch (lacking) {
    case Lacking::nothing:
        break;
    case Lacking::ipv6:
        refuse_call(SYS_socket, AF_INET6, true, EAFNOSUPPORT);
        break;
    case Lacking::buffers:
        refuse_call(SYS_socket, AF_INET & AF_INET6, false, ENOBUFS); // the bit that both families have
        break;
    case Lacking::namespaces:
        refuse_call(SYS_unshare, CLONE_NEWNET, false, EPERM);
        break;
    case Lacking::low_ports: // a user has no capabilities; root loses this one at exec
        ::prctl(PR_CAPBSET_DROP, cap_net_bind_service, 0, 0, 0);
        break;
    case Lacking::sockets:
        forbid_call(SYS_socket);
        break;
    }
#else
    (void)lacking;
#endif
}

std::string program(const std::string& name) {
    const char* const directory = std::getenv("PORTLAB_PROGRAMS");
    if (!directory)
        give_up("PORTLAB_PROGRAMS does not name the directory of the programs under test: run this test with ctest, or "
                "set it (build/default/chapters/02_bind, say)");
    const std::string path = std::string{directory} + "/" + name;
    if (::access(path.c_str(), X_OK) != 0)
        give_up("the program under test, " + path + ": " + std::strerror(errno));
    return path;
}

std::string installed(const std::string& tool) {
    const char* const path = std::getenv("PATH");
    std::istringstream directories{path ? path : ""};
    for (std::string directory; std::getline(directories, directory, ':');)
        if (const std::string file = directory + "/" + tool; ::access(file.c_str(), X_OK) == 0)
            return file;
    leave_out("needs " + tool + ", which is not in PATH");
    return {};
}

Process::Process(const std::string& path, const Launch& launch) {
    const std::string file = path_inside(path);
    std::vector<std::string> words{confined() ? file : path};
    words.insert(words.end(), launch.arguments.begin(), launch.arguments.end());

    std::map<std::string, std::optional<std::string>> changes{
        {"PORT", std::nullopt}, {"HOST", std::nullopt}, {"CONFIG_FILE", std::nullopt}};
    for (const auto& [name, value] : launch.environment)
        changes[name] = value;
    std::vector<std::string> variables;
    for (char** variable = environ; *variable && !confined(); ++variable) {
        const std::string text = *variable;
        if (!changes.contains(text.substr(0, text.find('='))))
            variables.push_back(text);
    }
    for (const auto& [name, value] : changes)
        if (value)
            variables.push_back(name + "=" + *value);

    const auto pointers = [](std::vector<std::string>& texts) {
        std::vector<char*> result;
        for (std::string& text : texts)
            result.push_back(text.data());
        result.push_back(nullptr);
        return result;
    };
    const auto argv = pointers(words), envp = pointers(variables);

    const auto in = make_pipe(), out = make_pipe(), err = make_pipe();
    Entrance entrance;
    pid_ = ::fork();
    if (pid_ < 0)
        throw std::system_error{errno, std::generic_category(), "fork"};
    if (pid_ == 0) {
        entrance.enter();
        ::setpgid(0, 0);
#ifdef __linux__
        ::prctl(PR_SET_PDEATHSIG, SIGKILL);
#endif
        ::signal(SIGPIPE, SIG_DFL);
        ::dup2(in[0], STDIN_FILENO);
        ::dup2(out[1], STDOUT_FILENO);
        ::dup2(launch.one_stream ? out[1] : err[1], STDERR_FILENO);
        int next = STDERR_FILENO + 1;
        std::vector<int> copies;
        for (const int descriptor : launch.passed)
            copies.push_back(::fcntl(descriptor, F_DUPFD_CLOEXEC, next + static_cast<int>(launch.passed.size())));
        for (const int copy : copies)
            ::dup2(copy, next++);
        for (; next < 256; ++next)
            ::close(next); // whatever the test's own parent left open
        if (const rlimit limit{launch.descriptors, launch.descriptors}; launch.descriptors != 0)
            ::setrlimit(RLIMIT_NOFILE, &limit);
        do_without(launch.lacking);
        if (!launch.directory.empty() && ::chdir(launch.directory.c_str()) != 0)
            std::perror(launch.directory.c_str()), ::_exit(127);
        give_up_privileges();
        ::execve(file.c_str(), argv.data(), envp.data());
        std::perror(path.c_str());
        ::_exit(127);
    }
    pid_ = entrance.entered(pid_);
    ::setpgid(pid_, pid_);
    ::close(in[0]);
    ::close(out[1]);
    ::close(err[1]);
    input_ = in[1];
    ::fcntl(input_, F_SETFL, O_NONBLOCK); // a child may leave it full
    out_ = out[0];
    err_ = err[0];
}

Process::~Process() {
    if (!status_) {
        ::kill(-pid_, SIGKILL);
        ::kill(pid_, SIGKILL); // which may have left its group; setpgid(2)
        ::waitpid(pid_, nullptr, 0);
    } else {
        ::kill(-pid_, SIGKILL); // what the child may have left behind
    }
    for (const int end : {input_, out_, err_})
        if (end >= 0)
            ::close(end);
}

std::string Process::seen() const {
    return "standard output so far:\n" + output_ + "\nstandard error so far:\n" + complaints_;
}

bool Process::read_more(std::chrono::milliseconds patient) {
    if (out_ < 0 && err_ < 0)
        return false;
    const Waited waited = wait_for_any({{out_, POLLIN}, {err_, POLLIN}}, patient);
    if (!waited.ready)
        give_up("waited " + waited.time + " for the program to print more or to end; " + seen());
    const auto take = [](int& descriptor, std::string& text) {
        pollfd entry{descriptor, POLLIN, 0};
        if (descriptor < 0 || ::poll(&entry, 1, 0) != 1)
            return;
        std::array<char, 65536> chunk;
        const auto size = ::read(descriptor, chunk.data(), chunk.size());
        if (size > 0)
            text.append(chunk.data(), static_cast<std::size_t>(size));
        else
            ::close(std::exchange(descriptor, -1));
    };
    take(out_, output_);
    take(err_, complaints_);
    if (constexpr std::size_t limit = 4'000'000; output_.size() > limit || complaints_.size() > limit)
        give_up("the program prints without end: more than 4 MB so far");
    return out_ >= 0 || err_ >= 0;
}

std::optional<std::string> Process::next_line(std::chrono::milliseconds limit) {
    std::size_t end;
    while ((end = output_.find('\n', searched_)) == std::string::npos)
        if (!read_more(limit)) {
            if (searched_ == output_.size())
                return std::nullopt;
            end = output_.size(); // a last line without its newline
            break;
        }
    std::string line = output_.substr(searched_, end - searched_);
    searched_ = std::min(end + 1, output_.size());
    return line;
}

std::string Process::wait_for_line(std::string_view text) {
    while (const auto line = next_line())
        if (line->find(text) != std::string::npos)
            return *line;
    give_up("the program ended without a line with \"" + std::string{text} + "\"; " + seen());
    return {};
}

void Process::type(std::string_view text) {
    while (!text.empty()) {
        if (!wait_for_any({{input_, POLLOUT}}, patience).ready)
            give_up("the program leaves no room for more in its standard input; " + seen());
        const auto size = ::write(input_, text.data(), text.size());
        if (size < 0 && errno != EAGAIN)
            throw std::system_error{errno, std::generic_category(), "typing to the program"};
        text.remove_prefix(static_cast<std::size_t>(std::max<ssize_t>(size, 0)));
    }
}

void Process::close_input() { ::close(std::exchange(input_, -1)); }

void Process::close_output() { ::close(std::exchange(out_, -1)); }

void Process::send_signal(int number) {
#ifdef __SANITIZE_THREAD__ // its run-time system may lose a signal that comes while the program enters its first wait
    for (int i = 0; i < 200 && !doing(pid_).starts_with("waits in"); ++i)
        ::poll(nullptr, 0, 5);
#endif
    ::kill(pid_, number);
}

int Process::wait_for_exit() {
    if (status_)
        return *status_;
    const auto deadline = Clock::now() + patience;
    while (read_more())
        if (Clock::now() >= deadline)
            give_up("the program still prints after " + in_seconds(patience) + "; " + seen());
    if (const Waited waited = wait_for_end(pid_, patience); !waited.ready)
        give_up("the program closed its output and did not end within " + waited.time + "; " + seen());
    int raw = 0;
    ::waitpid(pid_, &raw, 0);
    status_ = WIFEXITED(raw) ? WEXITSTATUS(raw) : 128 + WTERMSIG(raw);
    return *status_;
}

std::map<int, std::string> Process::descriptors() const {
    namespace fs = std::filesystem;
    std::map<int, std::string> held;
    std::error_code gone; // the process may close a descriptor while we look
    for (const auto& entry : fs::directory_iterator{"/proc/" + std::to_string(pid_) + "/fd", gone})
        held[std::stoi(entry.path().filename())] = fs::read_symlink(entry.path(), gone).string();
    return held;
}

std::vector<common::SocketRow> Process::sockets(common::Protocol protocol) const {
    std::set<std::string> held;
    for (const auto& [number, what] : descriptors())
        held.insert(what);
    auto rows = common::kernel_sockets(protocol);
    std::erase_if(rows, [&](const auto& row) { return !held.contains("socket:[" + std::to_string(row.inode) + "]"); });
    return rows;
}

void Process::limit_descriptors(unsigned from) const {
#ifdef __linux__
    struct stat owner = {}; // who may do it without a privilege: the user whom the child runs as
    ::stat(("/proc/" + std::to_string(pid_)).c_str(), &owner);
    const pid_t helper = ::fork();
    if (helper == 0) {
        if (::geteuid() == 0)
            ::setgroups(0, nullptr), ::setresgid(owner.st_gid, owner.st_gid, owner.st_gid),
                ::setresuid(owner.st_uid, owner.st_uid, owner.st_uid);
        const rlimit limit{from, from};
        ::_exit(::prlimit(pid_, RLIMIT_NOFILE, &limit, nullptr) == 0 ? 0 : errno);
    }
    int status = 0;
    ::waitpid(helper, &status, 0);
    if (status != 0)
        leave_out(std::string{"needs prlimit: "} + std::strerror(WEXITSTATUS(status)));
#else
    leave_out("needs prlimit, which Linux has; from descriptor " + std::to_string(from));
#endif
}

Client Process::borrow(int number) const {
#ifdef __linux__
    const int handle = static_cast<int>(::syscall(SYS_pidfd_open, pid_, 0));
    const int copy = static_cast<int>(::syscall(SYS_pidfd_getfd, handle, number, 0));
    const int error = errno;
    ::close(handle);
    if (copy < 0 && (error == EPERM || error == ENOSYS))
        leave_out(std::string{"needs pidfd_getfd: "} + std::strerror(error));
    if (copy < 0)
        give_up("descriptor " + std::to_string(number) + " of the program: " + std::strerror(error) + "; " + seen());
    return Client{copy};
#else
    leave_out("needs pidfd_getfd, which Linux has; descriptor " + std::to_string(number));
    return Client{-1};
#endif
}

Client Process::borrow(const common::SocketRow& row) const {
    for (const auto& [number, what] : descriptors())
        if (what == "socket:[" + std::to_string(row.inode) + "]")
            return borrow(number);
    give_up("the program does not hold the socket at " + to_string(row.local) + " any more");
    return Client{-1};
}

} // namespace support
