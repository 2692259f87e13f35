// Says what a program sees and can do where it runs. Compiled and started as an answer is.
#include <algorithm>
#include <arpa/inet.h>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <dirent.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <string>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

#ifndef PORTLAB_NOT_APART // the weaker launcher promises no more
#if __has_include("/etc/passwd") ||                                                                                    \
                  __has_include(                                                                                       \
                      "/proc/self/environ") ||                                                                         \
                      __has_include("tools/judge/grader.hpp") ||                                                       \
                                    __has_include("solutions/02_bind/any_free_port.cpp") ||                            \
                                                  __has_include("tools/grading/isolation/isolation_test.cpp")
#error the compiler sees what it must not see
#endif
#endif

static void entries(const char* what, const char* directory, bool numbers) {
    std::vector<std::string> names;
    if (DIR* const open = ::opendir(directory)) {
        while (const dirent* const entry = ::readdir(open))
            if (entry->d_name[0] != '.' && (!numbers || (entry->d_name[0] >= '0' && entry->d_name[0] <= '9')))
                names.emplace_back(entry->d_name);
        ::closedir(open);
    }
    std::sort(names.begin(), names.end());
    std::printf("%s:", what);
    for (const std::string& name : names)
        std::printf(" %s", name.c_str());
    std::printf("\n");
}

static std::string content(const char* path) {
    std::string text;
    char chunk[4096];
    const int file = ::open(path, O_RDONLY);
    for (ssize_t size; file >= 0 && (size = ::read(file, chunk, sizeof chunk)) > 0;)
        text.append(chunk, static_cast<std::size_t>(size));
    if (file >= 0)
        ::close(file);
    return text;
}

static sockaddr_in at(const char* ip, unsigned short port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    ::inet_pton(AF_INET, ip, &address.sin_addr);
    return address;
}

static int try_connect(int type, sockaddr_in address) {
    const int descriptor = ::socket(AF_INET, type, 0);
    const int error = ::connect(descriptor, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0 ? 0 : errno;
    ::close(descriptor);
    return error;
}

int main(int argc, char** argv) {
    std::printf("self: %d %u\n", static_cast<int>(::getpid()), static_cast<unsigned>(::getuid()));
    entries("root", "/", false);
    entries("devices", "/dev", false);
    entries("processes", "/proc", true);
    std::printf("environment: %zu\n", content("/proc/self/environ").size() + content("/proc/1/environ").size());

    std::printf("interfaces:");
    if (struct if_nameindex* const all = ::if_nameindex())
        for (struct if_nameindex* one = all; one->if_index != 0; ++one)
            std::printf(" %s", one->if_name);
    std::printf("\nbeyond: %s\n", std::strerror(try_connect(SOCK_DGRAM, at("192.0.2.1", 9))));

    const int listener = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address = at("127.0.0.1", 0);
    socklen_t size = sizeof address;
    const bool bound = ::bind(listener, reinterpret_cast<sockaddr*>(&address), size) == 0 && ::listen(listener, 1) == 0;
    ::getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size);
    std::printf("loopback: %s\n", bound && try_connect(SOCK_STREAM, address) == 0 ? "works" : "does not work");

    std::printf("vsock: %s\n", ::socket(40, SOCK_STREAM, 0) < 0 ? "none" : "there");
    std::printf("namespace: %s\n", ::unshare(CLONE_NEWUSER) != 0 ? "none" : "made");
    const std::string status = content("/proc/self/status");
    const auto has = [&](const char* line) { return status.find(line) != status.npos; };
    std::printf("privileges: %s\n",
                has("CapEff:\t0000000000000000") && has("CapPrm:\t0000000000000000") && has("NoNewPrivs:\t1") ? "none"
                                                                                                              : "some");
    std::printf("writable:");
    for (const char* const path : {"/x", "/usr/x", "/dev/x", "/answer/x", "/proc/sys/net/ipv4/ip_forward"})
        if (::open(path, O_WRONLY | O_CREAT, 0600) >= 0)
            std::printf(" %s", path);
    std::printf("\nvisible:");
    for (int i = 1; i < argc; ++i) // files of the test's
        if (::access(argv[i], F_OK) == 0)
            std::printf(" %s", argv[i]);
    std::printf("\nfilter of process 1: %s",
                content("/proc/1/status").find("Seccomp:\t2") != std::string::npos ? "there" : "none");
    std::printf("\nkill: %s\n", ::kill(-1, 0) != 0 ? "nobody" : "somebody");
    rlimit limit{};
    ::getrlimit(RLIMIT_NPROC, &limit);
    const bool few = limit.rlim_max <= 2000;
    limit.rlim_cur = 50; // whether there is such a limit for this user at all shows with few as well
    ::setrlimit(RLIMIT_NPROC, &limit);
    std::vector<pid_t> children;
    while (children.size() < 200) {
        const pid_t child = ::fork();
        if (child == 0)
            ::pause(), ::_exit(0);
        if (child < 0)
            break;
        children.push_back(child);
    }
    std::printf("number of processes: %s\n", few && children.size() < 200 ? "limited" : "without limit");
    for (const pid_t child : children)
        ::kill(child, SIGKILL), ::waitpid(child, nullptr, 0);
    std::printf("end\n");
    std::fflush(stdout);
    char byte;
    while (::read(STDIN_FILENO, &byte, 1) > 0) // until then it can be looked at
        ;
    return 42;
}
