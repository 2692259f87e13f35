#include "common/refusal.hpp"

#include "tools/harness/client.hpp"
#include "tools/harness/network.hpp"
#include "tools/harness/process.hpp"

#include <array>
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <functional>
#include <netinet/in.h>
#include <string>
#include <sys/socket.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

#ifdef __linux__
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

using namespace support;
using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::StartsWith;
using common::Protocol;
using common::why_refused;

namespace {

const std::string another = "choose another PORT (0 lets the system choose)";

std::string why(const Address& wanted, const common::Asked& asked = {}) {
    return why_refused(Protocol::tcp, wanted, EADDRINUSE, asked);
}

/// A child that has copies of the test's descriptors and does `what`, which ends with what it writes to the parent.
class Child {
  public:
    explicit Child(const std::function<void(int to_parent)>& what) {
        REQUIRE(::pipe(ends_.data()) == 0);
        pid_ = ::fork();
        REQUIRE(pid_ >= 0);
        if (pid_ == 0) {
            ::prctl(PR_SET_PDEATHSIG, SIGKILL);
            what(ends_[1]);
            ::_exit(0);
        }
        ::close(ends_[1]);
    }
    Child(const Child&) = delete;
    ~Child() {
        ::kill(pid_, SIGKILL);
        ::waitpid(pid_, nullptr, 0);
        ::close(ends_[0]);
    }
    std::string says() const { // until its last end of the pipe is closed
        std::string text;
        std::array<char, 512> part{};
        for (ssize_t size; (size = ::read(ends_[0], part.data(), part.size())) > 0;)
            text.append(part.data(), static_cast<std::size_t>(size));
        return text;
    }
    char first() const {
        char byte = 0;
        REQUIRE(::read(ends_[0], &byte, 1) == 1);
        return byte;
    }
    pid_t pid() const { return pid_; }

  private:
    std::array<int, 2> ends_{};
    pid_t pid_ = 0;
};

void write_to(int descriptor, const std::string& text) {
    [[maybe_unused]] const auto written = ::write(descriptor, text.data(), text.size());
}

// A child with a copy of what the test holds, and a name; the test then closes its own.
void hold(int to_parent, const char* name) {
    ::prctl(PR_SET_NAME, name);
    write_to(to_parent, "x");
    while (::pause() != 0) {
    }
}

Client v6_only_listener(std::uint16_t port = 0) {
    Client socket{::socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    const int on = 1;
    sockaddr_in6 address{};
    address.sin6_family = AF_INET6;
    address.sin6_port = htons(port);
    REQUIRE(::setsockopt(socket.descriptor(), IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on) == 0);
    REQUIRE(::bind(socket.descriptor(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
    REQUIRE(::listen(socket.descriptor(), 4) == 0);
    return socket;
}

// A port that nothing but a connection in TIME-WAIT has.
Address left_in_time_wait() {
    Client listener = listening_socket("127.0.0.1");
    Client client = connect_to(listener.local());
    Client accepted = listener.accept();
    const Address server = listener.local(), source = client.local();
    listener.close();
    accepted.close();
    client.read_to_end();
    client.close();
    REQUIRE(eventually([&] {
        const auto row = common::kernel_socket(Protocol::tcp, server, source);
        return row && row->state == "TIME-WAIT";
    }));
    return server;
}

} // namespace

TEST_CASE("a program that holds the port itself is told so") {
    const Client listener = listening_socket("127.0.0.1");
    CHECK(why(listener.local()) ==
          "held by this program itself, process " + std::to_string(::getpid()) + ": " + another);
    CHECK(why(listener.local(), {.port = ""}) == "held by this program itself, process " + std::to_string(::getpid()));
}

TEST_CASE("all processes that hold one socket are named") {
    Client listener = listening_socket("127.0.0.1");
    const Address address = listener.local();
    const Child one{[](int to) { hold(to, "worker"); }}, other{[](int to) { hold(to, "worker"); }};
    one.first(), other.first();
    listener.close();
    CHECK(why(address) == "held by worker, processes " + std::to_string(one.pid()) + " and " +
                              std::to_string(other.pid()) + ": stop them all, or " + another);
}

TEST_CASE("a process whose first thread has ended is named") {
    Client listener = listening_socket("127.0.0.1");
    const Address address = listener.local();
    const Child child{[](int to) {
        ::prctl(PR_SET_NAME, "leaderless");
        std::thread{[to] { hold(to, "second"); }}.detach();
        ::syscall(SYS_exit, 0); // this thread alone
    }};
    child.first();
    listener.close();
    CHECK_THAT(why(address), StartsWith("held by leaderless, process " + std::to_string(child.pid()) + ": stop it"));
}

TEST_CASE("a suspended process is said to be so, with how it is woken") {
    Client listener = listening_socket("127.0.0.1");
    const Address address = listener.local();
    const Child child{[](int to) { hold(to, "sleeper"); }};
    child.first();
    listener.close();
    ::kill(child.pid(), SIGSTOP);
    int status = 0;
    REQUIRE(::waitpid(child.pid(), &status, WUNTRACED) == child.pid());
    const std::string pid = std::to_string(child.pid());
    CHECK(why(address) == "held by sleeper, process " + pid +
                              " (suspended): wake it with fg in its terminal or kill -CONT " + pid +
                              " and stop it, or " + another);
}

TEST_CASE("a name of a process commands no terminal, and cannot pass for more text") {
    Client listener = listening_socket("127.0.0.1");
    const Address address = listener.local();
    const Child child{[](int to) { hold(to, "a) T\x1b[31m\n\xff:"); }};
    child.first();
    listener.close();
    CHECK_THAT(why(address),
               StartsWith(R"(held by a) T\x1b[31m\n\xff:, process )" + std::to_string(child.pid()) + ": stop it"));
}

TEST_CASE("nobody innocent is blamed for a connection in TIME-WAIT") {
    need_private_network();
    need_ipv6();
    const Address left = left_in_time_wait();
    const std::string by_nobody =
        "held by no process but kept for a connection that has ended (TIME-WAIT): wait up to 60 s, or ";
    CHECK(why(left) == by_nobody + another);
    const Client innocent = v6_only_listener(left.port); // holds all IPv6 addresses, and no IPv4 address
    CHECK(why(left) == by_nobody + another);
    CHECK(why({"0.0.0.0", left.port}) == by_nobody + another);
    const Client neighbour = listening_socket("127.0.0.2", left.port);
    CHECK(why(left) == by_nobody + another);
    CHECK_THAT(why({"::1", left.port}), StartsWith("held by this program itself"));
}

TEST_CASE("a listener at a mapped address is found, and one for both families as well") {
    need_ipv6();
    Client listener{::socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    const Client mapped = listening_socket("::ffff:127.0.0.1"), both = listening_socket("::");
    CHECK_THAT(why({"127.0.0.1", mapped.local().port}), StartsWith("held by this program itself"));
    CHECK_THAT(why({"0.0.0.0", mapped.local().port}), StartsWith("held by this program itself"));
    CHECK_THAT(why({"127.0.0.1", both.local().port}), StartsWith("held by this program itself"));
}

TEST_CASE("another user's process is not called none: it may not be looked into, and sudo helps") {
    if (::geteuid() != 0 || ::setegid(65534) != 0 || ::setegid(0) != 0)
        SKIP("needs root, which may become another user");
    const Client listener = listening_socket("127.0.0.1");
    const Address address = listener.local();
    const int own = listener.descriptor();
    const Child child{[&](int to) {
        ::close(own);
        if (::setgid(65534) == 0 && ::setuid(65534) == 0)
            write_to(to, why(address));
    }};
    CHECK(child.says() ==
          "held by a process of root that you may not look into, or by the kernel itself: look with sudo "
          "./portlab who " +
              std::to_string(address.port) + ", or " + another);
}

TEST_CASE("root without its capabilities is not told that the kernel holds what a process does") {
    if (::geteuid() != 0)
        SKIP("needs root, to be without its capabilities");
    const Client listener = listening_socket("127.0.0.1");
    const Address address = listener.local();
    const int own = listener.descriptor();
    const Child child{[&](int to) {
        ::close(own);
        __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
        const std::array<__user_cap_data_struct, 2> none{};
        if (::syscall(SYS_capset, &header, none.data()) == 0)
            write_to(to, why(address));
    }};
    CHECK_THAT(child.says(), StartsWith("held by a process of root that you may not look into"));
}

TEST_CASE("the kernel's own socket has no process") {
    need_private_network();
    const auto ip = [](const std::vector<std::string>& arguments) {
        Process process{installed("ip"), {.arguments = arguments}};
        const int status = process.wait_for_exit();
        if (status != 0)
            SKIP("needs a tunnel; ip says: " << process.complaints());
    };
    ip({"link", "add", "vx0", "type", "vxlan", "id", "7", "dstport", "4789", "dev", "lo"});
    ip({"link", "set", "vx0", "up"});
    const std::string words = why_refused(Protocol::udp, {"0.0.0.0", 4789}, EADDRINUSE);
    CHECK_THAT(words, ContainsSubstring("kernel itself"));
    CHECK_THAT(words, !ContainsSubstring("stop"));
    ip({"link", "delete", "vx0"});
}

TEST_CASE("what has SO_REUSEADDR is stopped by listeners first") {
    need_private_network();
    Client listener = listening_socket("127.0.0.1");
    const Address address = listener.local();
    Client client = connect_to(address), accepted = listener.accept();
    const Child child{[](int to) { hold(to, "listens"); }}; // has the listener and both ends, too
    child.first();
    CHECK_THAT(why(address, {.reuse_address = true}),
               ContainsSubstring("listens, process " + std::to_string(child.pid())));
}

TEST_CASE("advice for a denied port looks at the number") {
    need_private_network();
    set_sysctl("net/ipv4/ip_unprivileged_port_start", "1024");
    const Address high{"127.0.0.1", 8081}, low{"127.0.0.1", 80};
    for (const int error : {EACCES, EPERM}) {
        CHECK_THAT(why_refused(Protocol::tcp, high, error),
                   StartsWith("the number needs no privilege: a rule of this system"));
        CHECK_THAT(why_refused(Protocol::tcp, high, error), !ContainsSubstring("1024"));
    }
    CHECK_THAT(why_refused(Protocol::tcp, low, EACCES),
               StartsWith("ports below 1024 (net.ipv4.ip_unprivileged_port_start) need"));
    set_sysctl("net/ipv4/ip_unprivileged_port_start", "8090");
    CHECK_THAT(why_refused(Protocol::tcp, high, EACCES), StartsWith("ports below 8090"));
}

TEST_CASE("other refusals have their reason and a remedy") {
    CHECK(why_refused(Protocol::tcp, {"192.0.2.1", 80}, EADDRNOTAVAIL) ==
          "this machine does not have that address: choose a HOST that it has, such as 127.0.0.1");
    CHECK(why_refused(Protocol::tcp, {"::1", 80}, EAFNOSUPPORT) ==
          "this system has no IPv6: choose a HOST such as 127.0.0.1");
    CHECK(why_refused(Protocol::tcp, {"fe80::1", 80}, EINVAL) ==
          "a link-local address needs its interface: choose a HOST such as fe80::1%eth0");
    CHECK(why_refused(Protocol::tcp, {"127.0.0.1", 0}, EADDRINUSE) ==
          "the system has no port left to choose (net.ipv4.ip_local_port_range): choose one");
    CHECK(why_refused(Protocol::tcp, {"127.0.0.1", 80}, ENOMEM) ==
          "no reason is known here: choose another PORT or HOST");
}

TEST_CASE("where the port is free again, nobody is named") {
    Client listener = listening_socket("127.0.0.1");
    const Address address = listener.local();
    listener.close();
    CHECK_THAT(why(address), StartsWith("nobody holds it any more"));
}
#endif
