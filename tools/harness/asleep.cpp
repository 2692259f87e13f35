#include "tools/harness/asleep.hpp"

#ifdef __linux__

#include "tools/harness/process.hpp"
#include "tools/harness/sandbox.hpp"
#include "tools/harness/wait.hpp"

#include <algorithm>
#include <array>
#include <csignal>
#include <cstdlib>
#include <dirent.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>
#include <utility>

namespace support {

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

namespace {

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

char state_of(const std::string& thread) {
    const std::string state = field(read_file(thread + "/status"), "State:");
    return state.empty() ? 'X' : state.front();
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

// What limits a call on a descriptor beside its arguments.
enum class Limit { none, time, unknown };

// A socket's own limits, SO_RCVTIMEO and SO_SNDTIMEO; socket(7). A connect(2) is tried again by the kernel, and given
// up.
Limit limit_of_descriptor(pid_t process, const SystemCall& call) {
    const Name* const name = name_of(call.number);
    if (!name || !name->on_descriptor || std::string_view{name->name}.starts_with("epoll"))
        return Limit::none;
    if (call.number == SYS_connect)
        return Limit::unknown;
    const auto number = static_cast<int>(call.arguments[0]);
    std::array<char, 64> what{};
    const std::string link = "/proc/" + std::to_string(process) + "/fd/" + std::to_string(number);
    if (::readlink(link.c_str(), what.data(), what.size() - 1) > 0 &&
        !std::string_view{what.data()}.starts_with("socket:"))
        return Limit::none;
    int error = 0;
    const int copy = duplicate(process, number, error);
    if (copy < 0)
        return Limit::unknown;
    Limit limit = Limit::none;
    for (const int option : {SO_RCVTIMEO, SO_SNDTIMEO}) {
        timeval time{};
        socklen_t size = sizeof time;
        if (::getsockopt(copy, SOL_SOCKET, option, &time, &size) == 0 && (time.tv_sec != 0 || time.tv_usec != 0))
            limit = Limit::time;
    }
    ::close(copy);
    return limit;
}

constexpr unsigned long long alarm_bit = 1ULL << (SIGALRM - 1);

// Whether a thread in sigwait(3) waits for SIGALRM, or may.
bool waits_for_alarm(pid_t process, const SystemCall& call) {
    if (call.number != SYS_rt_sigtimedwait)
        return false;
    const int memory = ::open(("/proc/" + std::to_string(process) + "/mem").c_str(), O_RDONLY | O_CLOEXEC);
    unsigned long long signals = alarm_bit;
    const bool known =
        memory >= 0 && ::pread(memory, &signals, sizeof signals, static_cast<off_t>(call.arguments[0])) ==
                           static_cast<ssize_t>(sizeof signals);
    if (memory >= 0)
        ::close(memory);
    return !known || (signals & alarm_bit) != 0;
}

// alarm(2) shows nowhere, so one who catches SIGALRM, or reads it from a signalfd(2), may have set one.
bool has_timer(const std::string& process) {
    if (!read_file(process + "/timers").empty())
        return true;
    const auto has_alarm = [](const std::string& mask) {
        return (std::strtoull(mask.c_str(), nullptr, 16) & alarm_bit) != 0;
    };
    for (const auto& number : entries(process + "/fdinfo")) {
        const std::string info = read_file(process + "/fdinfo/" + number);
        // What is left until a timerfd(2) is due, in seconds. Asio has one that is due in five minutes when nothing
        // else is.
        if (const std::string value = field(info, "it_value:");
            !value.empty() && value != "(0, 0)" && std::atol(value.c_str() + 1) < patience.count())
            return true;
        if (has_alarm(field(info, "sigmask:")))
            return true;
    }
    return has_alarm(field(read_file(process + "/status"), "SigCgt:"));
}

std::string in_proc(pid_t process) { return "/proc/" + std::to_string(process); }

std::vector<pid_t> children(pid_t process) {
    std::vector<pid_t> all;
    for (const auto& thread : entries(in_proc(process) + "/task")) {
        const std::string numbers = read_file(in_proc(process) + "/task/" + thread + "/children");
        char* next = const_cast<char*>(numbers.c_str());
        while (const auto child = static_cast<pid_t>(std::strtol(next, &next, 10)))
            all.push_back(child);
    }
    return all;
}

void add_descendants(pid_t process, std::vector<pid_t>& all) {
    for (const pid_t child : children(process)) {
        all.push_back(child);
        add_descendants(child, all);
    }
}

} // namespace

std::string doing(pid_t process) {
    const auto threads = living_threads(process);
    if (threads.empty())
        return "has ended";
    const std::string thread = in_proc(process) + "/task/" + std::to_string(threads.front());
    const char state = state_of(thread);
    if (state == 'T' || state == 't')
        return "is stopped: nobody continues it";
    const auto call = blocked_in(thread);
    if (!call) // where nobody may look into it, its state is all there is
        return state == 'R' || !read_file(thread + "/syscall").empty() ? "is running" : "sleeps";
    const Name* const name = name_of(call->number);
    if (!name)
        return "waits for a time";
    std::string text = std::string{"waits in "} + name->name;
    if (name->on_descriptor)
        text += " on descriptor " + std::to_string(static_cast<int>(call->arguments[0]));
    const auto own = children(process);
    if ((call->number == SYS_wait4 || call->number == SYS_waitid) && own.size() == 1)
        text += " for process " + std::to_string(own.front()) + ", which " + doing(own.front());
    return text;
}

std::vector<pid_t> living_threads(pid_t process) {
    std::vector<pid_t> threads;
    for (const auto& number : entries(in_proc(process) + "/task"))
        if (const std::string state = field(read_file(in_proc(process) + "/task/" + number + "/status"), "State:");
            !state.empty() && !state.starts_with("Z") && !state.starts_with("X"))
            threads.push_back(static_cast<pid_t>(std::stol(number)));
    std::ranges::sort(threads,
                      [process](pid_t a, pid_t b) { return a != b && (a == process || (b != process && a < b)); });
    return threads;
}

std::vector<pid_t> descendants(pid_t process) {
    std::vector<pid_t> all;
    const auto add = [&all](pid_t child) {
        all.push_back(child);
        add_descendants(child, all);
    };
    add_descendants(process, all);
    std::vector<pid_t> foster_parents = keepers(); // with whom orphans end: prctl(2), PR_SET_CHILD_SUBREAPER
    foster_parents.push_back(::getpid());
    for (const pid_t parent : foster_parents)
        for (const pid_t child : children(parent))
            if (child != process && ::getpgid(child) == process && std::ranges::count(foster_parents, child) == 0)
                add(child);
    return all;
}

std::optional<Sleep> asleep(pid_t process) {
    std::vector<pid_t> all = descendants(process);
    all.push_back(process);
    Sleep sleep;
    for (const pid_t one : all) {
        for (const auto& number : entries(in_proc(one) + "/task")) {
            const std::string thread = in_proc(one) + "/task/" + number;
            const std::string status = read_file(thread + "/status");
            const std::string state = field(status, "State:");
            if (state.empty() || state.starts_with("Z") || state.starts_with("X"))
                continue; // it has ended, and is not waited for yet
            sleep.times += std::strtoull(field(status, "voluntary_ctxt_switches:").c_str(), nullptr, 10);
            if (state.starts_with("T") && field(status, "TracerPid:") == "0")
                continue; // stopped: only a signal of one of these lets it go on
            const auto call = blocked_in(thread);
            if (!state.starts_with("S") || !call || !without_time_limit(*call) || waits_for_alarm(one, *call))
                return std::nullopt;
            const Limit limit = limit_of_descriptor(one, *call);
            if (limit == Limit::time)
                return std::nullopt;
            sleep.certain = sleep.certain && limit == Limit::none;
        }
        if (has_timer(in_proc(one)))
            return std::nullopt;
    }
    return sleep;
}

} // namespace support

#else

namespace support {
std::string doing(pid_t) { return "is running"; }
std::vector<pid_t> living_threads(pid_t process) { return {process}; }
std::vector<pid_t> descendants(pid_t) { return {}; }
std::optional<Sleep> asleep(pid_t) { return std::nullopt; }
} // namespace support

#endif
