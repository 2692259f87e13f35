#include "tools/harness/sandbox.hpp"

#include "tools/harness/asleep.hpp"
#include "tools/harness/wait.hpp"

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <unistd.h>

#ifdef __linux__
#include <algorithm>
#include <array>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <dirent.h>
#include <fcntl.h>
#include <grp.h>
#include <initializer_list>
#include <iterator>
#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/seccomp.h>
#include <linux/sock_diag.h>
#include <linux/unix_diag.h>
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

// What every confined program may use: seconds of its processors, bytes of a file and of addresses, processes and
// threads, descriptors. They are set inside, where they count what runs there and nothing else (getrlimit(2),
// RLIMIT_NPROC). Judges come with hundreds of clients: each takes a descriptor. Memory that is in use is limited for
// all together (greed), not by addresses, of which each thread's stack takes 8 MB. The processes are few, since
// hundreds that all compute would leave the judge no time to end them.
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
    limit(RLIMIT_AS, rlim_t{16} << 30);
    limit(RLIMIT_NPROC, 32);
    limit(RLIMIT_NOFILE, 1024);
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

// The numbers on the lines that begin so, together; of memory in kB (proc(5)).
std::size_t sum_in(const std::string& text, std::initializer_list<std::string_view> keys) {
    std::size_t sum = 0;
    for (const std::string_view key : keys)
        if (const auto place = text.find("\n" + std::string{key}); place != text.npos)
            sum += std::strtoull(text.c_str() + place + 1 + key.size(), nullptr, 10);
    return sum;
}

// How many processes there are in the sandbox, which takes no more than the list of a directory.
std::size_t processes_inside() {
    std::size_t count = 0;
    const std::string directory = "/proc/" + std::to_string(confinement.keepers[1]) + "/root/proc";
    if (DIR* const open = ::opendir(directory.c_str())) {
        while (const dirent* const entry = ::readdir(open))
            count += entry->d_name[0] >= '0' && entry->d_name[0] <= '9';
        ::closedir(open);
    }
    return count;
}

// In bytes, what waits in the buffers of local sockets of the test's network: the kernel's memory, which no process
// holds. 0 where the kernel does not tell (sock_diag(7)).
std::size_t memory_of_local_sockets() {
    struct {
        nlmsghdr header;
        unix_diag_req body;
    } request{};
    request.header = {sizeof request, SOCK_DIAG_BY_FAMILY, NLM_F_REQUEST | NLM_F_DUMP, 0, 0};
    request.body.sdiag_family = AF_UNIX;
    request.body.udiag_states = ~0u;
    request.body.udiag_show = UDIAG_SHOW_RQLEN;
    const int netlink = ::socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
    std::size_t bytes = 0;
    bool more = netlink >= 0 && ::send(netlink, &request, sizeof request, 0) == sizeof request;
    while (more) {
        alignas(nlmsghdr) std::array<char, 65536> part;
        const auto size = ::recv(netlink, part.data(), part.size(), 0);
        auto left = static_cast<unsigned>(std::max<ssize_t>(size, 0));
        more = size > 0;
        for (auto* header = reinterpret_cast<nlmsghdr*>(part.data()); NLMSG_OK(header, left);
             header = NLMSG_NEXT(header, left)) {
            more = more && header->nlmsg_type == SOCK_DIAG_BY_FAMILY;
            if (!more)
                break;
            auto room = static_cast<int>(header->nlmsg_len - NLMSG_LENGTH(sizeof(unix_diag_msg)));
            auto* attribute = reinterpret_cast<rtattr*>(static_cast<unix_diag_msg*>(NLMSG_DATA(header)) + 1);
            for (; RTA_OK(attribute, room); attribute = RTA_NEXT(attribute, room))
                if (attribute->rta_type == UNIX_DIAG_RQLEN) {
                    unix_diag_rqlen waits{};
                    std::memcpy(&waits, RTA_DATA(attribute), sizeof waits);
                    bytes += waits.udiag_rqueue;
                }
        }
    }
    if (netlink >= 0)
        ::close(netlink);
    return bytes;
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

std::string greed(const Most& most, std::size_t elsewhere) {
    struct Used {
        std::string process;
        std::size_t kilobytes, tables;
    };
    const std::string too_many = "it runs more than " + std::to_string(most.threads) + " processes and threads";
    if (!confinement.keepers.empty() &&
        processes_inside() > most.threads) // before a look at each: they may all compute
        return too_many;
    std::vector<Used> all;
    std::size_t running = 0, descriptors = 0, at_most = 0;
    for (const pid_t number : descendants(::getpid())) {
        if (std::ranges::count(confinement.keepers, number) != 0)
            continue;
        const std::string process = "/proc/" + std::to_string(number), status = read_file(process + "/status");
        running += sum_in(status, {"Threads:"});
        descriptors += sum_in(status, {"FDSize:"});
        all.push_back({process, sum_in(status, {"RssAnon:", "RssShmem:", "VmSwap:"}), sum_in(status, {"VmPTE:"})});
        at_most += all.back().kilobytes + all.back().tables;
    }
    if (running > most.threads)
        return too_many;
    if (descriptors > most.descriptors)
        return "it has more than " + std::to_string(most.descriptors) + " descriptors, with all that it has started";
    if (!confinement.keepers.empty())
        elsewhere += memory_of_local_sockets();
    if (elsewhere + (at_most << 10) <= most.memory)
        return {};
    std::size_t held = 0; // what is shared counts in parts; to know them takes ten times as long
    for (const auto& [process, kilobytes, tables] : all) {
        const auto parts = sum_in(read_file(process + "/smaps_rollup"), {"Pss_Anon:", "Pss_Shmem:", "SwapPss:"});
        held += tables + (parts != 0 ? parts : kilobytes); // 0: nobody may look
    }
    if (elsewhere + (held << 10) <= most.memory)
        return {};
    return "it holds more than " + std::to_string(most.memory >> 20) + " MB of memory, with all that it has started";
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
std::string greed(const Most&, std::size_t) { return {}; }
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
