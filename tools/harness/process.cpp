#include "tools/harness/process.hpp"

#include "common/text.hpp"
#include "tools/harness/asleep.hpp"
#include "tools/harness/client.hpp"
#include "tools/harness/sandbox.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
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

// The bit that AF_INET and AF_INET6 have, and AF_UNIX and AF_NETLINK have not: what asks for a name or for the state of
// the network opens those, and is no network.
constexpr unsigned internet = AF_INET & AF_INET6;

// Answers `call` with `action` when its first argument has one of the bits of `argument` (or equals it, for `equal`).
void answer_call(int call, unsigned argument, bool equal, unsigned action) {
    const auto offset = [](std::size_t n) { return static_cast<unsigned>(n); };
    const auto number = offset(offsetof(seccomp_data, nr)), first = offset(offsetof(seccomp_data, args[0]));
    const auto compare = static_cast<unsigned short>(BPF_JMP | BPF_K | (equal ? BPF_JEQ : BPF_JSET));
    std::array<sock_filter, 6> filter{{
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, number),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, static_cast<unsigned>(call), 0, 3),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, first),
        BPF_JUMP(compare, argument, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, action),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    }};
    const sock_fprog program{static_cast<unsigned short>(filter.size()), filter.data()};
    ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    if (::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0)
        std::perror("prctl(PR_SET_SECCOMP)"), ::_exit(127);
}

void refuse_call(int call, unsigned argument, bool equal, int error) {
    answer_call(call, argument, equal, SECCOMP_RET_ERRNO | static_cast<unsigned>(error));
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

// Fills a pipe, and says with how many bytes.
std::size_t fill(int end) {
    std::size_t filled = 0;
    ::fcntl(end, F_SETFL, O_NONBLOCK);
    const std::array<char, 4096> bytes{};
    for (ssize_t size; (size = ::write(end, bytes.data(), bytes.size())) > 0;)
        filled += static_cast<std::size_t>(size);
    ::fcntl(end, F_SETFL, 0);
    return filled;
}

// For how long what the program started may hold its output after its end, unless it sleeps.
constexpr std::chrono::seconds patience_with_heirs{5};

// Readable when the child, which is not reaped yet, has ended.
int end_of(pid_t pid) {
#ifdef __linux__
    return static_cast<int>(::syscall(SYS_pidfd_open, pid, 0));
#else
    const int handle = ::kqueue(); // readable once it has an event to tell
    struct kevent wanted;
    EV_SET(&wanted, pid, EVFILT_PROC, EV_ADD | EV_ONESHOT, NOTE_EXIT, 0, nullptr);
    if (::kevent(handle, &wanted, 1, nullptr, 0, nullptr) != 0) // it has ended already
        EV_SET(&wanted, 1, EVFILT_TIMER, EV_ADD | EV_ONESHOT, 0, 0, nullptr),
            ::kevent(handle, &wanted, 1, nullptr, 0, nullptr);
    return handle;
#endif
}

// Where `env` would find the command.
bool in_path(const std::string& command) {
    const char* const path = std::getenv("PATH");
    std::istringstream directories{path ? path : ""};
    for (std::string directory; std::getline(directories, directory, ':');)
        if (::access((directory + "/" + command).c_str(), X_OK) == 0)
            return true;
    return false;
}

} // namespace

int duplicate(pid_t process, int descriptor, int& error) {
#ifdef __linux__
    const auto of = [&](pid_t thread, unsigned flags) {
        const auto handle = static_cast<int>(::syscall(SYS_pidfd_open, thread, flags));
        const auto copy = static_cast<int>(::syscall(SYS_pidfd_getfd, handle, descriptor, 0));
        error = errno;
        if (handle >= 0)
            ::close(handle);
        return copy;
    };
    if (const int copy = of(process, 0); copy >= 0)
        return copy;
    const int refused = error;
    const auto threads = living_threads(process); // whose first thread has ended: one of the others
    constexpr unsigned of_thread = O_EXCL;        // PIDFD_THREAD, Linux 6.9
    const int copy = threads.empty() || threads.front() == process ? -1 : of(threads.front(), of_thread);
    error = copy < 0 ? refused : error;
    return copy;
#else
    error = ENOSYS;
    return process < 0 ? descriptor : -1;
#endif
}

std::string why_it_cannot_start(const std::string& path) {
    struct stat file = {};
    if (::stat(path.c_str(), &file) != 0)
        return errno == ENOENT || errno == ENOTDIR ? "no such program: " + path : path + ": " + std::strerror(errno);
    if (!S_ISREG(file.st_mode))
        return path + " is no program" + (S_ISDIR(file.st_mode) ? ": it is a directory" : "");
    if (::access(path.c_str(), X_OK) != 0)
        return path + " is not executable: chmod +x " + path;
    if (file.st_size == 0)
        return path + " is empty";
    std::ifstream in{path, std::ios::binary};
    std::string first(2, '\0');
    if (!in.read(first.data(), 2) || first != "#!")
        return {};
    std::getline(in, first);
    const auto next_word = [&first] {
        const auto start = std::min(first.find_first_not_of(" \t"), first.size());
        const auto end = std::min(first.find_first_of(" \t", start), first.size());
        const std::string word = first.substr(start, end - start);
        first.erase(0, end);
        return word;
    };
    const std::string interpreter = next_word();
    if (::access(interpreter.c_str(), X_OK) != 0)
        return "the interpreter of " + path + ", " + common::quoted(interpreter) + ", does not exist";
    if (std::string command; interpreter.ends_with("/env")) {
        while ((command = next_word()).starts_with("-") || command.find('=') != command.npos) {
        }
        if (!command.empty() && command.find('/') == command.npos && !in_path(command))
            return "the interpreter of " + path + ", " + common::quoted(command) + ", is not in PATH";
    }
    return {};
}

void do_without(Lacking lacking) {
#ifdef __linux__
    switch (lacking) {
    case Lacking::nothing:
        break;
    case Lacking::ipv6:
        refuse_call(SYS_socket, AF_INET6, true, EAFNOSUPPORT);
        break;
    case Lacking::buffers:
        refuse_call(SYS_socket, internet, false, ENOBUFS);
        break;
    case Lacking::namespaces:
        refuse_call(SYS_unshare, CLONE_NEWNET, false, EPERM);
        break;
    case Lacking::low_ports: // a user has no capabilities; root loses this one at exec
        ::prctl(PR_CAPBSET_DROP, cap_net_bind_service, 0, 0, 0);
        break;
    case Lacking::sockets:
        answer_call(SYS_socket, internet, false, SECCOMP_RET_KILL_PROCESS);
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

    const auto in = make_pipe(), out = make_pipe(), err = make_pipe(), refused = make_pipe();
    if (launch.full_output)
        filling_ = fill(out[1]);
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
        const int refusal = ::fcntl(refused[1], F_DUPFD_CLOEXEC, next + static_cast<int>(launch.passed.size()));
        for (const int copy : copies)
            ::dup2(copy, next++);
        for (; next < 256; ++next)
            if (next != refusal)
                ::close(next); // whatever the test's own parent left open
        if (const rlimit limit{launch.descriptors, launch.descriptors}; launch.descriptors != 0)
            ::setrlimit(RLIMIT_NOFILE, &limit);
        do_without(launch.lacking);
        if (!launch.directory.empty() && ::chdir(launch.directory.c_str()) != 0)
            std::perror(launch.directory.c_str()), ::_exit(127);
        give_up_privileges();
        ::execve(file.c_str(), argv.data(), envp.data());
        const int error = errno;
        [[maybe_unused]] const auto told = ::write(refusal, &error, sizeof error);
        ::_exit(127);
    }
    for (const int end : {in[0], out[1], err[1], refused[1]})
        ::close(end);
    input_ = in[1];
    ::fcntl(input_, F_SETFL, O_NONBLOCK); // a child may leave it full
    out_ = out[0];
    err_ = err[0];
    pid_ = entrance.entered(pid_);
    ::setpgid(pid_, pid_);
    end_ = end_of(pid_);
    int error = 0;
    while (::read(refused[0], &error, sizeof error) < 0 && errno == EINTR) { // nothing comes where exec succeeds
    }
    ::close(refused[0]);
    if (error == 0)
        return;
    ::waitpid(pid_, nullptr, 0);
    for (const int end : {input_, out_, err_, end_})
        ::close(end);
    const std::string why = confined() ? "" : why_it_cannot_start(path);
    throw CannotStart{!why.empty()       ? why
                      : error == ENOEXEC ? path + " is neither a program of this machine nor a script with #! in front"
                      : error == ENOENT  ? "the loader that " + path + " names does not exist"
                                         : path + ": " + std::strerror(error)};
}

Process::~Process() {
    if (!status_) {
        ::kill(-pid_, SIGKILL);
        ::kill(pid_, SIGKILL); // which may have left its group; setpgid(2)
        ::waitpid(pid_, nullptr, 0);
    } else {
        ::kill(-pid_, SIGKILL); // what the child may have left behind
    }
    for (const int end : {input_, out_, err_, end_})
        if (end >= 0)
            ::close(end);
}

std::string Process::seen() const {
    return "standard output so far:\n" + output_ + "\nstandard error so far:\n" + complaints_;
}

bool Process::read_more(Clock::time_point deadline) {
    if (out_ < 0 && err_ < 0)
        return false;
    const auto start = Clock::now();
    bool ready = wait_for_any({{out_, POLLIN}, {err_, POLLIN}, {end_, POLLIN}}, until(deadline)).ready;
    pollfd ended{end_, POLLIN, 0};
    if (ready && ::poll(&ended, 1, 0) == 1)
        ready = wait_for_any({{out_, POLLIN}, {err_, POLLIN}},
                             std::min<std::chrono::milliseconds>(until(deadline), patience_with_heirs))
                    .ready;
    if (!ready)
        give_up("waited " + in_seconds(std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - start)) +
                " for the program to print more or to end; " + seen());
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
    const std::size_t ours = std::min(filling_, output_.size());
    output_.erase(0, ours);
    filling_ -= ours;
    if (constexpr std::size_t limit = 4'000'000; output_.size() > limit || complaints_.size() > limit)
        give_up("the program prints without end: more than 4 MB so far");
    return out_ >= 0 || err_ >= 0;
}

std::optional<std::string> Process::next_line(std::chrono::milliseconds limit) {
    const auto deadline = Clock::now() + limit;
    std::size_t end;
    while ((end = output_.find('\n', searched_)) == std::string::npos)
        if (!read_more(deadline)) {
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
    const auto deadline = Clock::now() + patience;
    while (const auto line = next_line(until(deadline)))
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
    while (read_more(deadline))
        if (Clock::now() >= deadline)
            give_up("the program still prints after " + in_seconds(patience) + "; " + seen());
    if (const Waited waited = wait_for_any({{end_, POLLIN}}, patience); !waited.ready)
        give_up("the program closed its output and did not end within " + waited.time + "; " + seen());
    int raw = 0;
    ::waitpid(pid_, &raw, 0);
    status_ = WIFEXITED(raw) ? WEXITSTATUS(raw) : 128 + WTERMSIG(raw);
    return *status_;
}

std::vector<Process::Held> Process::descriptors() const {
    namespace fs = std::filesystem;
    std::vector<pid_t> all = descendants(pid_);
    all.insert(all.begin(), pid_);
    std::vector<Held> held;
    std::set<std::string> known;
    for (const pid_t process : all)
        for (const pid_t thread : living_threads(process)) {
            const std::string directory =
                "/proc/" + std::to_string(process) + "/task/" + std::to_string(thread) + "/fd";
            const std::size_t before = held.size();
            std::error_code gone; // the process may close a descriptor while we look, or end
            for (fs::directory_iterator entry{directory, gone}; !gone && entry != fs::directory_iterator{};
                 entry.increment(gone)) {
                std::error_code closed;
                const std::string what = fs::read_symlink(entry->path(), closed).string();
                if (!closed && (!what.starts_with("socket:") || known.insert(what).second))
                    held.push_back({process, std::stoi(entry->path().filename()), what});
            }
            std::sort(held.begin() + static_cast<std::ptrdiff_t>(before), held.end(),
                      [](const Held& a, const Held& b) { return a.descriptor < b.descriptor; });
            break; // threads share their descriptors
        }
    return held;
}

std::vector<common::SocketRow> Process::sockets(common::Protocol protocol) const {
    std::set<std::string> held;
    for (const Held& one : descriptors())
        held.insert(one.what);
    auto rows = support::kernel_sockets(protocol);
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
    for (const Held& held : descriptors())
        if (held.descriptor == number)
            return borrow(held);
    return borrow(Held{pid_, number, ""});
}

Client Process::borrow(const common::SocketRow& row) const {
    for (const Held& held : descriptors())
        if (held.what == "socket:[" + std::to_string(row.inode) + "]")
            return borrow(held);
    give_up("the program does not hold the socket at " + to_string(row.local) + " any more");
    return Client{-1};
}

Client Process::borrow(const Held& held) const {
    int error = 0;
    const int copy = duplicate(held.process, held.descriptor, error);
    if (copy < 0 && (error == EPERM || error == ENOSYS))
        leave_out(std::string{"needs pidfd_getfd: "} + std::strerror(error));
    if (copy < 0)
        give_up("descriptor " + std::to_string(held.descriptor) + " of the program: " + std::strerror(error) + "; " +
                seen());
    return Client{copy};
}

} // namespace support
