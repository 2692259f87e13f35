#include "tests/support/asleep.hpp"

#ifdef __linux__

#include <array>
#include <cstdlib>
#include <dirent.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <utility>

namespace support {
namespace {

std::string read_file(const std::string& path) {
    std::string text;
    const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    std::array<char, 4096> chunk;
    for (ssize_t size; file >= 0 && (size = ::read(file, chunk.data(), chunk.size())) > 0;)
        text.append(chunk.data(), static_cast<std::size_t>(size));
    if (file >= 0)
        ::close(file);
    return text;
}

std::vector<std::string> entries(const std::string& directory) {
    std::vector<std::string> names;
    if (DIR* const open = ::opendir(directory.c_str())) {
        while (const dirent* const entry = ::readdir(open))
            if (entry->d_name[0] != '.')
                names.emplace_back(entry->d_name);
        ::closedir(open);
    }
    return names;
}

// The text after `key` on the line that begins with it.
std::string field(const std::string& text, const std::string& key) {
    const auto line = ("\n" + text).find("\n" + key);
    if (line == std::string::npos)
        return {};
    const auto start = text.find_first_not_of(" \t", line + key.size());
    return text.substr(start, text.find('\n', start) - start);
}

struct SystemCall {
    long number = -1;
    std::array<unsigned long long, 6> arguments{};
};

// The system call that a thread waits in; nothing while it runs, or where nobody may look.
std::optional<SystemCall> blocked_in(const std::string& thread) {
    const std::string text = read_file(thread + "/syscall");
    if (text.empty() || text.front() < '0' || text.front() > '9')
        return std::nullopt;
    char* next = nullptr;
    SystemCall call{std::strtol(text.c_str(), &next, 10)};
    for (auto& argument : call.arguments)
        argument = std::strtoull(next, &next, 16);
    return call;
}

struct Name {
    long number;
    const char* name;
    int time_limit; // which argument limits the time: a pointer (0: none), or for poll and epoll_wait a number (-1:
                    // none)
    bool on_descriptor;
};
constexpr Name names[] = {
    {SYS_read, "read", -1, true},
    {SYS_readv, "readv", -1, true},
    {SYS_write, "write", -1, true},
    {SYS_accept, "accept", -1, true},
    {SYS_accept4, "accept4", -1, true},
    {SYS_connect, "connect", -1, true},
    {SYS_recvfrom, "recvfrom", -1, true},
    {SYS_recvmsg, "recvmsg", -1, true},
    {SYS_sendto, "sendto", -1, true},
    {SYS_sendmsg, "sendmsg", -1, true},
    {SYS_flock, "flock", -1, true},
    {SYS_wait4, "wait4", -1, false},
    {SYS_waitid, "waitid", -1, false},
    {SYS_rt_sigsuspend, "sigsuspend", -1, false},
    {SYS_rt_sigtimedwait, "sigwait", 2, false},
    {SYS_futex, "futex", 3, false},
    {SYS_ppoll, "ppoll", 2, false},
    {SYS_pselect6, "pselect", 4, false},
    {SYS_epoll_pwait, "epoll_pwait", 3, true},
#ifdef SYS_pause // newer machines have only the general calls
    {SYS_pause, "pause", -1, false},
    {SYS_poll, "poll", 2, false},
    {SYS_select, "select", 4, false},
    {SYS_epoll_wait, "epoll_wait", 3, true},
#endif
};

const Name* name_of(long number) {
    for (const Name& name : names)
        if (name.number == number)
            return &name;
    return nullptr;
}

bool without_time_limit(const SystemCall& call) {
    const Name* const name = name_of(call.number);
    if (!name)
        return false; // one that ends by itself
    if (name->time_limit < 0)
        return true;
    const auto limit = call.arguments[static_cast<std::size_t>(name->time_limit)];
    const bool in_milliseconds =
        std::string_view{name->name}.find("poll") != std::string_view::npos && call.number != SYS_ppoll;
    return in_milliseconds ? static_cast<int>(limit) < 0 : limit == 0;
}

bool has_timer(const std::string& process) {
    if (!read_file(process + "/timers").empty())
        return true;
    for (const auto& number : entries(process + "/fdinfo"))
        if (const std::string value = field(read_file(process + "/fdinfo/" + number), "it_value:");
            !value.empty() && value != "(0, 0)")
            return true;
    const auto caught = std::strtoull(field(read_file(process + "/status"), "SigCgt:").c_str(), nullptr, 16);
    return (caught & (1ull << 13)) != 0; // SIGALRM: alarm(2) shows nowhere else
}

std::string in_proc(pid_t process) { return "/proc/" + std::to_string(process); }

} // namespace

std::string doing(pid_t process) {
    if (read_file(in_proc(process) + "/status").find("State:\tZ") != std::string::npos)
        return "has ended";
    const auto call = blocked_in(in_proc(process) + "/task/" + std::to_string(process));
    if (!call)
        return "is running";
    const Name* const name = name_of(call->number);
    if (!name)
        return "waits for a time";
    return std::string{"waits in "} + name->name +
           (name->on_descriptor ? " on descriptor " + std::to_string(static_cast<int>(call->arguments[0])) : "");
}

std::vector<pid_t> descendants(pid_t process) {
    std::vector<pid_t> all;
    for (const auto& thread : entries(in_proc(process) + "/task")) {
        const std::string children = read_file(in_proc(process) + "/task/" + thread + "/children");
        char* next = const_cast<char*>(children.c_str());
        while (const auto child = static_cast<pid_t>(std::strtol(next, &next, 10))) {
            all.push_back(child);
            for (const pid_t further : descendants(child))
                all.push_back(further);
        }
    }
    return all;
}

std::optional<unsigned long long> asleep(pid_t process) {
    std::vector<pid_t> all = descendants(process);
    all.push_back(process);
    unsigned long long times = 0;
    for (const pid_t one : all) {
        for (const auto& number : entries(in_proc(one) + "/task")) {
            const std::string thread = in_proc(one) + "/task/" + number;
            const std::string status = read_file(thread + "/status");
            const std::string state = field(status, "State:");
            if (state.starts_with("Z") || state.starts_with("X"))
                continue; // it has ended, and is not waited for yet
            const auto call = blocked_in(thread);
            if (!state.starts_with("S") || !call || !without_time_limit(*call))
                return std::nullopt;
            times += std::strtoull(field(status, "voluntary_ctxt_switches:").c_str(), nullptr, 10);
        }
        if (has_timer(in_proc(one)))
            return std::nullopt;
    }
    return times;
}

} // namespace support

#else

namespace support {
std::string doing(pid_t) { return "is running"; }
std::vector<pid_t> descendants(pid_t) { return {}; }
std::optional<unsigned long long> asleep(pid_t) { return std::nullopt; }
} // namespace support

#endif
