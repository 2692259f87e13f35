#include "tests/support/sandbox.hpp"

#include "tests/support/asleep.hpp"
#include "tests/support/wait.hpp"

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>
#include <unistd.h>

#ifdef __linux__
#include <algorithm>
#include <array>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <fcntl.h>
#include <grp.h>
#include <iterator>
#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <sched.h>
#include <sys/fsuid.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <utility>
#endif

namespace support {
namespace {

struct Confinement {
    bool on = false;
    std::string program, inside; // its path for the test, and in the sandbox
    int first = -1;              // pidfd_open(2) of the first process in the sandbox
    int lifeline = -1;           // the sandbox lasts until this is closed
    std::vector<pid_t> keepers;
    uid_t user = 0; // that programs run as, where the test is root
} confinement;

#ifdef __linux__

constexpr uid_t inside_user = 1000; // the sandbox's --uid and --gid

[[noreturn]] void stop(const char* what) {
    std::perror(what);
    ::_exit(127);
}

// What every confined program may use: seconds of its processors, bytes of a file and of memory, processes,
// descriptors. They are set inside, where they count what runs there and nothing else (getrlimit(2), RLIMIT_NPROC).
void limit_resources() {
    const auto limit = [](auto resource, rlim_t value) {
        rlimit now{};
        ::getrlimit(resource, &now);
        const rlim_t at_most = std::min(value, now.rlim_max);
        const rlimit wanted{std::min(at_most, now.rlim_cur), at_most};
        ::setrlimit(resource, &wanted);
    };
    limit(RLIMIT_CPU, 3);
    limit(RLIMIT_FSIZE, 4 << 20);
    limit(RLIMIT_AS, 512 << 20);
    limit(RLIMIT_NPROC, 32);
    limit(RLIMIT_NOFILE, 256);
    limit(RLIMIT_CORE, 0);
    limit(RLIMIT_MEMLOCK, 1 << 16);
    limit(RLIMIT_MSGQUEUE, 0);
}

#if defined(__x86_64__)
constexpr unsigned machine = AUDIT_ARCH_X86_64;
#elif defined(__aarch64__)
constexpr unsigned machine = AUDIT_ARCH_AARCH64;
#else
constexpr unsigned machine = 0; // no filter is known
#endif

// Refuses what no answer needs and what reaches beyond the namespaces: the key rings, other processes' memory, further
// namespaces, memory that belongs to no process, sockets other than local ones, Internet and netlink (vsock(7) knows no
// network namespace), and io_uring, whose calls no filter sees.
std::vector<sock_filter> filter_of_calls() {
    if (machine == 0)
        return {BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
    const auto error = [](int number) { return SECCOMP_RET_ERRNO | static_cast<unsigned>(number); };
    const auto offset = [](std::size_t n) { return static_cast<unsigned>(n); };
    const auto low_word = offset(offsetof(seccomp_data, args[0]));
    std::vector<sock_filter> filter{
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offset(offsetof(seccomp_data, arch))),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, machine, 1, 0),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offset(offsetof(seccomp_data, nr))),
        BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, 0x40000000, 0, 1), // the x32 calls
        BPF_STMT(BPF_RET | BPF_K, error(ENOSYS)),
    };
    const auto refuse = [&](long call, int number) {
        filter.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, static_cast<unsigned>(call), 0, 1));
        filter.push_back(BPF_STMT(BPF_RET | BPF_K, error(number)));
    };
    for (const long call :
         {SYS_ptrace, SYS_process_vm_readv, SYS_process_vm_writev, SYS_pidfd_getfd, SYS_keyctl, SYS_add_key,
          SYS_request_key, SYS_bpf, SYS_perf_event_open, SYS_userfaultfd, SYS_setns, SYS_unshare, SYS_mount, SYS_kcmp,
          SYS_memfd_create, SYS_memfd_secret, SYS_shmget, SYS_semget, SYS_msgget})
        refuse(call, EPERM);
    for (const long call : {SYS_io_uring_setup, SYS_clone3}) // the C library does without them
        refuse(call, ENOSYS);
    filter.insert(filter.end(), {
                                    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_clone, 0, 3),
                                    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, low_word),
                                    BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, CLONE_NEWUSER, 0, 7),
                                    BPF_STMT(BPF_RET | BPF_K, error(EPERM)),
                                    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_socket, 0, 5 + 0),
                                    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, low_word),
                                    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AF_UNIX, 3, 0),
                                    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AF_INET, 2, 0),
                                    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AF_INET6, 1, 0),
                                    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AF_NETLINK, 0, 1),
                                    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
                                    BPF_STMT(BPF_RET | BPF_K, error(EAFNOSUPPORT)),
                                });
    return filter;
}

void filter_calls() {
    std::vector<sock_filter> filter = filter_of_calls();
    const sock_fprog program{static_cast<unsigned short>(filter.size()), filter.data()};
    if (::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0)
        stop("prctl(PR_SET_SECCOMP)");
}

// A file system of the test's own in place of TMPDIR, so that what a program writes there is limited, and no link that
// it leaves there leads the test astray.
void mount_scratch() {
    const std::string directory = std::filesystem::temp_directory_path();
    constexpr unsigned long no_symlinks = 256; // MS_NOSYMFOLLOW, Linux 5.10
    if (::unshare(CLONE_NEWNS) != 0 || ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
        ::mount("scratch", directory.c_str(), "tmpfs", MS_NOSUID | MS_NODEV | no_symlinks,
                "size=4m,nr_inodes=256,mode=1777") != 0)
        leave_out("needs a file system of its own on " + directory + ": " + std::strerror(errno));
    const std::string link = directory + "/link";
    if (::symlink(".", link.c_str()) != 0 || ::access((link + "/.").c_str(), F_OK) == 0)
        leave_out("needs a file system that follows no links (Linux 5.10)");
    ::unlink(link.c_str());
}

std::string read_all(int descriptor, std::string_view until) {
    std::string text;
    std::array<char, 512> chunk;
    while (text.find(until) == text.npos) {
        pollfd entry{descriptor, POLLIN, 0};
        if (::poll(&entry, 1, 10'000) != 1)
            break;
        const auto size = ::read(descriptor, chunk.data(), chunk.size());
        if (size <= 0)
            break;
        text.append(chunk.data(), static_cast<std::size_t>(size));
    }
    return text;
}

#endif

} // namespace

bool confined() { return confinement.on; }

const std::vector<pid_t>& keepers() { return confinement.keepers; }

std::string path_inside(const std::string& path) {
    const auto full = std::filesystem::absolute(path).string(); // wherever it is started
    return !confinement.inside.empty() && path == confinement.program ? confinement.inside : full;
}

pid_t number_inside(pid_t pid) {
    std::ifstream file{"/proc/" + std::to_string(pid) + "/status"};
    for (std::string line; std::getline(file, line);)
        if (line.starts_with("NSpid:"))
            return static_cast<pid_t>(std::stol(line.substr(line.find_last_of(" \t") + 1)));
    return pid;
}

#ifdef __linux__

void enter_sandbox(const std::vector<std::string>& command, const std::string& program) {
    mount_scratch();
    const int file = ::open(program.c_str(), O_RDONLY | O_CLOEXEC);
    std::array<int, 2> told{}, ready{}, lifeline{}, filter{};
    if (file < 0 || ::pipe2(told.data(), O_CLOEXEC) != 0 || ::pipe2(ready.data(), O_CLOEXEC) != 0 ||
        ::pipe2(lifeline.data(), O_CLOEXEC) != 0 || ::pipe2(filter.data(), O_CLOEXEC) != 0)
        leave_out(program + ": " + std::strerror(errno));
    std::vector<std::string> words = command;
    std::vector<char*> argv;
    for (std::string& word : words)
        argv.push_back(word.data());
    argv.push_back(nullptr);
    std::array<char*, 1> nothing{nullptr}; // bubblewrap's own environment stays readable in process 1
    const pid_t test = ::getpid(), child = ::fork();
    if (child == 0) {
        ::setsid();
        const uid_t user =
            60706 + static_cast<uid_t>(test) % 478; // to 61183: users that neither Debian nor systemd gives
        if (::geteuid() == 0 && confinement.user == 0 &&
            (::setgroups(0, nullptr) != 0 || ::setresgid(user, user, user) != 0 || ::setresuid(user, user, user) != 0))
            if (errno != EINVAL && errno != EPERM) // where no other user is known, it stays this one
                stop("setresuid");
        ::prctl(PR_SET_PDEATHSIG, SIGKILL);
        const std::array from{lifeline[0], ready[1], ready[1],
                              told[1],     file,     filter[0]}; // nothing that a file of ours could be
        std::array<int, from.size()> copies{};
        for (std::size_t i = 0; i < from.size(); ++i)
            copies[i] = ::fcntl(from[i], F_DUPFD_CLOEXEC, 16);
        for (std::size_t i = 0; i < from.size(); ++i)
            ::dup2(copies[i], static_cast<int>(i));
        ::signal(SIGPIPE, SIG_DFL);
        ::execve(argv[0], argv.data(), nothing.data());
        stop(argv[0]);
    }
    const auto calls = filter_of_calls();
    const std::size_t bytes = calls.size() * sizeof calls.front(); // a few hundred, which a pipe takes at once
    if (::write(filter[1], calls.data(), bytes) != static_cast<ssize_t>(bytes) ||
        ::write(lifeline[1], "ready\n", 6) != 6)
        leave_out(std::string{"a pipe takes too little: "} + std::strerror(errno));
    for (const int end : {file, told[1], ready[1], lifeline[0], filter[0], filter[1]})
        ::close(end);
    const std::string about = read_all(told[0], "}"), up = read_all(ready[0], "\n");
    ::close(told[0]);
    ::close(ready[0]);
    const std::string_view key = "\"child-pid\": ";
    const auto place = about.find(key);
    const auto first = place == about.npos ? 0 : std::strtol(about.c_str() + place + key.size(), nullptr, 10);
    if (first > 0 && up == "ready\n")
        confinement.first = static_cast<int>(::syscall(SYS_pidfd_open, static_cast<pid_t>(first), 0));
    if (confinement.first < 0) {
        ::kill(child, SIGKILL);
        leave_out("the sandbox does not come up: " + command.front() + ": " + up.substr(0, up.find('\n')));
    }
    confinement.lifeline = lifeline[1];
    confinement.keepers = {child, static_cast<pid_t>(first)};
    confinement.program = program;
    confinement.inside = "/answer/" + std::filesystem::path{program}.filename().string();
    confinement.on = true;
}

std::size_t memory_held() {
    std::size_t pages = 0;
    for (const pid_t process : descendants(::getpid())) {
        if (std::ranges::count(confinement.keepers, process) != 0)
            continue;
        std::ifstream file{"/proc/" + std::to_string(process) + "/statm"};
        std::size_t size = 0, resident = 0;
        file >> size >> resident;
        pages += resident;
    }
    return pages * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
}

void kill_all_confined() {
    if (confinement.keepers.size() == 2)
        ::kill(confinement.keepers[1], SIGKILL); // and with it all others; pid_namespaces(7)
    else
        for (const pid_t process : descendants(::getpid()))
            ::kill(process, SIGKILL);
}

void leave_sandbox() {
    if (confinement.user != 0)
        ::setfsuid(0), ::setfsgid(0);
    if (confinement.first < 0)
        return;
    ::kill(confinement.keepers[1], SIGKILL);
    ::waitpid(confinement.keepers[0], nullptr, 0);
    ::close(std::exchange(confinement.first, -1));
    ::close(confinement.lifeline);
}

void run_as(uid_t user) {
    ::prctl(PR_SET_DUMPABLE, 0); // where the test is the same user, its memory is its own all the same
    if (::geteuid() == 0) {
        confinement.user = user;
        ::setfsgid(user);
        ::setfsuid(user); // who may look at the programs' descriptors without a privilege (proc(5), ptrace(2))
    }
    confinement.on = true;
}

Entrance::Entrance() {
    if (confinement.first < 0)
        return;
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0)
        throw std::system_error{errno, std::generic_category(), "pipe"};
    read_ = ends[0];
    write_ = ends[1];
}

Entrance::~Entrance() {
    for (const int end : {read_, write_})
        if (end >= 0)
            ::close(end);
}

void Entrance::enter() {
    if (!confinement.on)
        return;
    if (confinement.first < 0) {
        if (confinement.user != 0 &&
            (::setgroups(0, nullptr) != 0 || ::setresgid(confinement.user, confinement.user, confinement.user) != 0 ||
             ::setresuid(confinement.user, confinement.user, confinement.user) != 0))
            stop("setresuid");
        return;
    }
    ::prctl(PR_SET_DUMPABLE, 0); // until exec this is a copy of the test, and nobody inside may look into it
    ::setgroups(0, nullptr);     // refused to a user who is not root, whose groups mean nothing inside
    constexpr int namespaces =
        CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP;
    if (::setns(confinement.first, namespaces) != 0)
        stop("setns");
    // A process does not change its number; its next child is in the sandbox, and is the test's child, too (clone(2)).
    const auto child = static_cast<pid_t>(::syscall(SYS_clone, CLONE_PARENT | SIGCHLD, nullptr, nullptr, nullptr, 0));
    if (child < 0)
        stop("clone");
    if (child > 0) {
        [[maybe_unused]] const auto size = ::write(write_, &child, sizeof child);
        ::_exit(0);
    }
    if (::setresgid(inside_user, inside_user, inside_user) != 0 ||
        ::setresuid(inside_user, inside_user, inside_user) != 0)
        stop("setresuid");
}

pid_t Entrance::entered(pid_t child) {
    if (confinement.first < 0)
        return child;
    ::close(std::exchange(write_, -1));
    pid_t inside = 0;
    const auto size = ::read(read_, &inside, sizeof inside);
    ::waitpid(child, nullptr, 0);
    if (size != sizeof inside) {
        pollfd ended{confinement.first, POLLIN, 0}; // pidfd_open(2): readable when the process has ended
        if (::poll(&ended, 1, 0) == 1)
            give_up("what ran before has ended the sandbox");
        leave_out("no process can be started in the sandbox");
    }
    return inside;
}

void give_up_privileges() {
    if (!confinement.on)
        return;
    limit_resources();
    ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
    std::array<__user_cap_data_struct, 2> none{};
    if (::syscall(SYS_capset, &header, none.data()) != 0)
        stop("capset");
    filter_calls();
    ::prctl(PR_SET_PDEATHSIG, SIGKILL); // a change of user takes it back
}

#else

void enter_sandbox(const std::vector<std::string>&, const std::string&) { leave_out("needs Linux"); }
std::size_t memory_held() { return 0; }
void kill_all_confined() {}
void leave_sandbox() {}
void run_as(uid_t) { leave_out("needs Linux"); }
Entrance::Entrance() = default;
Entrance::~Entrance() = default;
void Entrance::enter() {}
pid_t Entrance::entered(pid_t child) { return child; }
void give_up_privileges() {}

#endif

} // namespace support
