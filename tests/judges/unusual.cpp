// Right answers to any_free_port in ways that are not the usual ones: unusual WAY. Each must be judged right.
#include <arpa/inet.h>
#include <array>
#include <atomic>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <string_view>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <unistd.h>

namespace {

volatile std::sig_atomic_t stopped = 0;
void stop(int) { stopped = 1; }

int listener(int family = AF_INET) {
    const int socket = ::socket(family, SOCK_STREAM, 0);
    if (socket < 0)
        std::perror("socket"), std::exit(1);
    sockaddr_in four{};
    four.sin_family = AF_INET;
    four.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    sockaddr_in6 six{};
    six.sin6_family = AF_INET6;
    ::inet_pton(AF_INET6, "::ffff:127.0.0.1", &six.sin6_addr);
    const int off = 0;
    if (family == AF_INET6)
        ::setsockopt(socket, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
    const auto* address = family == AF_INET6 ? reinterpret_cast<sockaddr*>(&six) : reinterpret_cast<sockaddr*>(&four);
    if (::bind(socket, address, family == AF_INET6 ? sizeof six : sizeof four) != 0 || ::listen(socket, 64) != 0)
        std::perror("bind"), std::exit(1);
    sockaddr_in6 own{}; // both families have the port in the same place
    socklen_t size = sizeof own;
    ::getsockname(socket, reinterpret_cast<sockaddr*>(&own), &size);
    std::printf("listening on 127.0.0.1:%d\n", ntohs(own.sin6_port));
    std::fflush(stdout);
    return socket;
}

sigset_t blocked(std::initializer_list<int> numbers) {
    sigset_t set;
    sigemptyset(&set);
    for (const int number : numbers)
        sigaddset(&set, number);
    pthread_sigmask(SIG_BLOCK, &set, nullptr);
    return set;
}

void read_a_line() {
    for (char c = 0; c != '\n' && ::read(STDIN_FILENO, &c, 1) == 1;) {
    }
}

void* end_with_the_input(void*) {
    read_a_line();
    std::_Exit(0);
}

void* end_with_a_signal(void* set) {
    int number = 0;
    sigwait(static_cast<sigset_t*>(set), &number);
    std::_Exit(0);
}

void start(void* (*run)(void*), void* argument) {
    pthread_t thread;
    pthread_create(&thread, nullptr, run, argument);
}

// accept returns every 0.7 s, and the loop looks at a flag.
void receive_timeout() {
    const sigset_t set = blocked({SIGINT, SIGTERM}); // while the thread is made, which is to catch none
    start(end_with_the_input, nullptr);
    std::signal(SIGINT, stop);
    std::signal(SIGTERM, stop);
    pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
    const int socket = listener();
    const timeval time{0, 700'000};
    ::setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &time, sizeof time);
    while (stopped == 0)
        [[maybe_unused]] const int client = ::accept(socket, nullptr, nullptr);
}

// Looks at its input once a second.
void alarm_clock() {
    const sigset_t set = blocked({SIGINT, SIGTERM, SIGALRM});
    listener();
    for (int number = SIGALRM; number == SIGALRM;) {
        ::alarm(1);
        sigwait(&set, &number);
        pollfd input{STDIN_FILENO, POLLIN, 0};
        if (::poll(&input, 1, 0) == 1)
            return;
    }
}

// The first thread ends before the others.
void first_thread_ends() {
    static sigset_t set = blocked({SIGINT, SIGTERM});
    listener();
    start(end_with_the_input, nullptr);
    start(end_with_a_signal, &set);
    pthread_exit(nullptr);
}

// The child has the socket, and the parent has none.
void supervisor_and_worker() {
    sigset_t set = blocked({SIGINT, SIGTERM});
    const pid_t worker = ::fork();
    if (worker == 0) {
        ::close(STDIN_FILENO);
        listener();
        while (true)
            ::pause();
    }
    siginfo_t ended{};
    while (::waitid(P_PID, static_cast<id_t>(worker), &ended, WEXITED | WNOHANG | WNOWAIT) == 0 && ended.si_pid == 0) {
        const timespec moment{0, 50'000'000};
        pollfd input{STDIN_FILENO, POLLIN, 0};
        if (::poll(&input, 1, 0) == 1 || sigtimedwait(&set, nullptr, &moment) > 0)
            break;
    }
    int status = 0;
    if (ended.si_pid == 0)
        ::kill(worker, SIGKILL);
    ::waitpid(worker, &status, 0);
    std::exit(ended.si_pid == 0 ? 0 : WEXITSTATUS(status));
}

// The kernel has `[::ffff:127.0.0.1]:PORT`, as for all that Java's library opens.
void mapped() {
    static sigset_t set = blocked({SIGINT, SIGTERM});
    listener(AF_INET6);
    start(end_with_the_input, nullptr);
    end_with_a_signal(&set);
}

// No way to end: SIGTERM is blocked, and nothing else will come.
void deaf() {
    blocked({SIGINT, SIGTERM});
    const int socket = listener();
    while (true)
        [[maybe_unused]] const int client = ::accept(socket, nullptr, nullptr);
}

// The same, and a timer is due in five minutes, as Asio has one: that is too late for anybody.
void distant_timer() {
    blocked({SIGINT, SIGTERM});
    const int timer = ::timerfd_create(CLOCK_MONOTONIC, 0);
    itimerspec time{};
    time.it_value.tv_sec = 300;
    ::timerfd_settime(timer, 0, &time, nullptr);
    listener();
    pollfd due{timer, POLLIN, 0};
    ::poll(&due, 1, -1);
}

struct Way {
    std::string_view name;
    void (*go)();
};
constexpr std::array ways{Way{"receive_timeout", receive_timeout},
                          Way{"alarm_clock", alarm_clock},
                          Way{"first_thread_ends", first_thread_ends},
                          Way{"supervisor_and_worker", supervisor_and_worker},
                          Way{"mapped", mapped},
                          Way{"deaf", deaf},
                          Way{"distant_timer", distant_timer}};

} // namespace

int main(int argc, char** argv) {
    for (const Way& way : ways)
        if (argc == 2 && way.name == argv[1])
            return way.go(), 0;
    std::fputs("usage: unusual WAY\n", stderr);
    return 2;
}
