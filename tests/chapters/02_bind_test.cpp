#include "tools/harness/client.hpp"
#include "tools/harness/network.hpp"
#include "tools/harness/process.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <asio.hpp>
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <netinet/in.h>
#include <sstream>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#ifdef __linux__
#include <linux/capability.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#endif

using namespace support;
using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::StartsWith;
using common::Protocol;

namespace {

// The program bind with these variables, once it has its port.
class Bind {
  public:
    explicit Bind(std::map<std::string, std::optional<std::string>> environment = {{"PORT", "0"}})
        : process{support::program("bind"), {.environment = std::move(environment)}},
          line{process.wait_for_line("bound to ")} {}
    Process process;
    std::string line;
    Address address() const { return address_in(line); }
};

// The errno of a bind that somebody else tries.
int bind_error(const std::string& ip, std::uint16_t port) { return bound_socket(ip, port).error(); }

// The errno of a bind of this socket.
int try_to_bind(int socket, const char* ip, std::uint16_t port) {
    sockaddr_in6 six{};
    sockaddr_in four{};
    six.sin6_family = AF_INET6;
    four.sin_family = AF_INET;
    six.sin6_port = four.sin_port = htons(port);
    const bool is_six = ::inet_pton(AF_INET6, ip, &six.sin6_addr) == 1;
    ::inet_pton(AF_INET, ip, &four.sin_addr);
    const auto* const address = is_six ? reinterpret_cast<sockaddr*>(&six) : reinterpret_cast<sockaddr*>(&four);
    const socklen_t size = is_six ? sizeof six : sizeof four;
    return ::bind(socket, address, size) == 0 ? 0 : errno;
}

int fresh(int family = AF_INET) { return ::socket(family, SOCK_STREAM, 0); }

// What `ask` finds out in a child of the test, which may give up what the test has. Nothing: it could not.
std::vector<int> in_a_child(const std::function<std::vector<int>()>& ask) {
    std::array<int, 2> answers{};
    REQUIRE(::pipe(answers.data()) == 0);
    const pid_t child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) {
        const std::vector<int> found = ask();
        const std::size_t size = found.size() * sizeof(int);
        ::_exit(::write(answers[1], found.data(), size) == static_cast<ssize_t>(size) ? 0 : 1);
    }
    ::close(answers[1]);
    std::vector<int> found;
    for (int number = 0; ::read(answers[0], &number, sizeof number) == sizeof number;)
        found.push_back(number);
    ::close(answers[0]);
    CHECK(::waitpid(child, nullptr, 0) == child);
    return found;
}

std::string file(const std::string& path) {
    std::ifstream stream{path};
    return {std::istreambuf_iterator<char>{stream}, {}};
}

// While it lives, the kernel has one number to choose from.
class OneNumber {
  public:
    OneNumber() { set_sysctl("net/ipv4/ip_local_port_range", "40000 40000"); }
    ~OneNumber() { set_sysctl("net/ipv4/ip_local_port_range", "32768 60999"); }
};

// What the command prints; skips the test if this machine does not allow it.
std::string output_of(const std::string& command) {
    Process shell{"/bin/bash", {.arguments = {"-c", command}}};
    if (const int status = shell.wait_for_exit(); status != 0)
        SKIP("needs a machine on which this works: " << command << "; it ended with status " << status << ": "
                                                     << shell.complaints());
    return shell.output();
}

#ifdef __linux__
void lose_low_ports() { // capset(2)
    __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
    std::array<__user_cap_data_struct, 2> sets{};
    ::syscall(SYS_capget, &header, sets.data());
    sets[0].effective &= ~(1U << CAP_NET_BIND_SERVICE);
    ::syscall(SYS_capset, &header, sets.data());
}
#endif

} // namespace

// The programs

TEST_CASE("first_bind: a second copy is aborted, with the call and the reason") {
    need_private_network();
    Process first{support::program("first_bind")};
    CHECK(first.wait_for_line("bound to ") == "bound to 127.0.0.1:8080");
    CHECK(bind_error("127.0.0.1", 8080) == EADDRINUSE);
    Process second{support::program("first_bind")};
    second.close_input();
    CHECK(second.wait_for_exit() == 128 + SIGABRT);
    CHECK_THAT(second.complaints(), ContainsSubstring("bind: Address already in use"));
    first.type("\n");
    CHECK(first.wait_for_exit() == 0);
}

TEST_CASE("without PORT the chosen port is 8080") {
    need_private_network();
    const Bind program{{}};
    CHECK(program.address() == Address{"127.0.0.1", 8080});
    CHECK(bind_error("127.0.0.1", 8080) == EADDRINUSE);
    CHECK(bind_error("127.0.0.2", 8080) == 0);
}

TEST_CASE("HOST and PORT choose where it is bound") {
    need_private_network();
    const Bind program{{{"HOST", "127.0.0.2"}, {"PORT", "4711"}}};
    CHECK(program.address() == Address{"127.0.0.2", 4711});
    CHECK(bind_error("127.0.0.2", 4711) == EADDRINUSE);
    CHECK(bind_error("127.0.0.1", 4711) == 0);
}

TEST_CASE("a refusal names the endpoint and the reason on standard error, and ends with status 1") {
    need_private_network();
    const Bind holder{{}};
    Process program{support::program("bind")};
    program.close_input();
    CHECK(program.wait_for_exit() == 1);
    CHECK(program.output().empty());
    CHECK(program.complaints() == "bind: 127.0.0.1:8080: Address already in use\n");
}

TEST_CASE("a PORT that is not a port stops it with status 78 before it opens a socket") {
    const std::string port = GENERATE("", "80abc", "70000");
    Process program{support::program("bind"), {.environment = {{"PORT", port}}, .lacking = Lacking::sockets}};
    CHECK(program.wait_for_exit() == 78);
    CHECK_THAT(program.complaints(), ContainsSubstring("PORT=\"" + port + "\" is not a port"));
    CHECK(program.output().empty());
}

TEST_CASE("a HOST that is not an address stops it with status 78 before it opens a socket") {
    Process program{support::program("bind"), {.environment = {{"HOST", "localhost"}}, .lacking = Lacking::sockets}};
    CHECK(program.wait_for_exit() == 78);
    CHECK_THAT(program.complaints(), ContainsSubstring("HOST=\"localhost\""));
}

#ifdef __linux__
TEST_CASE("the proof that no socket was opened can fail: with a valid PORT the same watch ends the program") {
    Process program{support::program("bind"), {.environment = {{"PORT", "0"}}, .lacking = Lacking::sockets}};
    CHECK(program.wait_for_exit() == 128 + SIGSYS);
}
#endif

TEST_CASE("it gives its ports back and succeeds on Enter, at the end of input and on SIGTERM") {
    const std::string end = GENERATE("Enter", "end of input", "SIGINT", "SIGTERM");
    CAPTURE(end);
    Bind program;
    if (end == "Enter")
        program.process.type("\n");
    else if (end == "end of input")
        program.process.close_input();
    else
        program.process.send_signal(end == "SIGINT" ? SIGINT : SIGTERM);
    CHECK(program.process.wait_for_exit() == 0);
    CHECK(program.process.complaints().empty());
}

TEST_CASE("when the holder ends, even by SIGKILL, the next program gets the port") {
    need_private_network();
    const int signal = GENERATE(SIGTERM, SIGKILL);
    {
        Bind holder{{}};
        holder.process.send_signal(signal);
        holder.process.wait_for_exit();
    }
    CHECK(Bind{{}}.address() == Address{"127.0.0.1", 8080});
}

TEST_CASE("port 0 lets the kernel choose a port, which the program then owns") {
    const Bind program;
    CHECK(program.address().ip == "127.0.0.1");
    CHECK(program.address().port != 0);
    CHECK(bind_error(program.address().ip, program.address().port) == EADDRINUSE);
}

TEST_CASE("same_number: who else may have the number that a TCP socket has") {
    need_private_network();
    need_ipv6();
    Process program{support::program("same_number")};
    CHECK(program.wait_for_exit() == 0);
    std::istringstream output{program.output()};
    std::string first;
    std::getline(output, first);
    CHECK_THAT(first, StartsWith("TCP 127.0.0.1 has "));
    CHECK(std::string{std::istreambuf_iterator<char>{output}, {}} == "TCP 127.0.0.1: Address already in use\n"
                                                                     "UDP 127.0.0.1: bound\n"
                                                                     "TCP 127.0.0.2: bound\n"
                                                                     "TCP 0.0.0.0: Address already in use\n"
                                                                     "TCP [::1]: bound\n");
}

TEST_CASE("the wildcard takes its port on every local address, loopback on one") {
    need_private_network(); // elsewhere somebody may hold the number on 127.0.0.2
    const Bind wide{{{"HOST", "0.0.0.0"}, {"PORT", "0"}}};
    CHECK(wide.address().ip == "0.0.0.0");
    CHECK(bind_error("127.0.0.1", wide.address().port) == EADDRINUSE);
    CHECK(bind_error("127.0.0.2", wide.address().port) == EADDRINUSE);
    CHECK(bind_error("198.51.100.1", wide.address().port) == EADDRINUSE);
    CHECK(bind_error("127.0.0.2", Bind{}.address().port) == 0);
}

TEST_CASE("TCP and UDP use the same number at once") {
    need_private_network();
    const Bind program;
    const Client datagrams = udp_socket("127.0.0.1", program.address().port);
    CHECK(datagrams.error() == 0);
    CHECK(datagrams.local() == program.address());
}

TEST_CASE("an address that is not ours cannot be bound") {
    Process program{support::program("bind"), {.environment = {{"HOST", "192.168.7.20"}, {"PORT", "0"}}}};
    program.close_input();
    CHECK(program.wait_for_exit() == 1);
    CHECK(program.complaints() == "bind: 192.168.7.20:0: Cannot assign requested address\n");
}

#ifdef __linux__
TEST_CASE("refusals: five refusals, and of two reasons the one that the kernel asks about first") {
    set_sysctl("net/ipv4/ip_unprivileged_port_start", "1024");
    Process program{support::program("refusals"), {.lacking = Lacking::low_ports}};
    CHECK(program.wait_for_exit() == 0);
    CHECK(program.output() == "taken: Address already in use\n"
                              "below 1024: Permission denied\n"
                              "foreign: Cannot assign requested address\n"
                              "bound already: Invalid argument\n"
                              "IPv6: Address family not supported by protocol\n"
                              "\n"
                              "Two reasons at once:\n"
                              "IPv6, foreign: Address family not supported by protocol\n"
                              "foreign, below 1024: Cannot assign requested address\n"
                              "below 1024, bound already: Permission denied\n"
                              "bound already, taken: Invalid argument\n");
}
#endif

TEST_CASE("a privileged port is denied to an ordinary user, which is not the same as in use") {
    set_sysctl("net/ipv4/ip_unprivileged_port_start", "1024");
    Process program{support::program("bind"), {.environment = {{"PORT", "80"}}, .lacking = Lacking::low_ports}};
    program.close_input();
    CHECK(program.wait_for_exit() == 1);
    CHECK(program.complaints() == "bind: 127.0.0.1:80: Permission denied\n");
}

TEST_CASE("where the system lets everyone have port 80, it is bound like any other") {
    set_sysctl("net/ipv4/ip_unprivileged_port_start", "80");
    Process program{support::program("bind"), {.environment = {{"PORT", "80"}}, .lacking = Lacking::low_ports}};
    CHECK(program.wait_for_line("bound to ") == "bound to 127.0.0.1:80");
}

TEST_CASE("a bound socket that does not listen refuses connections") {
    const Bind program;
    CHECK(connect_to(program.address()).error() == ECONNREFUSED);
}

#ifdef __linux__
TEST_CASE("neither proc nor ss lists a bound socket among connections and listeners, and sock_diag knows it") {
    const Bind program;
    const Address address = program.address();
    const std::string rows = file("/proc/net/tcp");
    std::array<char, 40> columns{}; // its own address, and no peer; others may have connections from the number
    std::snprintf(columns.data(), columns.size(), ": 0100007F:%04X 00000000:0000 ", address.port);
    CHECK_THAT(rows, ContainsSubstring("local_address"));
    CHECK_THAT(rows, !ContainsSubstring(columns.data()));
    if (::access("/usr/bin/ss", X_OK) == 0) { // with -a, iproute2 6.1 says nothing of it and 6.15 says UNCONN
        Process ss{"/usr/bin/ss", {.arguments = {"-tan"}}};
        CHECK(ss.wait_for_exit() == 0);
        CHECK_THAT(ss.output(), ContainsSubstring("Local Address"));
        std::istringstream lines{ss.output()};
        for (std::string line; std::getline(lines, line);)
            if (line.find(common::to_string(address) + " ") != line.npos && line.find(":* ") != line.npos)
                CHECK_THAT(line, StartsWith("UNCONN"));
    }

    const auto is_listed = [](const Address& local) {
        const auto all = common::kernel_sockets(Protocol::tcp);
        return std::any_of(all.begin(), all.end(),
                           [&](const auto& row) { return row.local == local && row.state == "BOUND"; });
    };
    if (!is_listed(bound_socket("127.0.0.1").local()) && !is_listed(address))
        SKIP("needs Linux 6.8, whose sock_diag reports sockets that are bound and do not listen");
    CHECK(is_listed(address));
}

TEST_CASE("ss -tB lists a socket that is bound and does not listen, from iproute2 6.8 on") {
    need_private_network();
    const Bind program;
    Process ss{installed("ss"), {.arguments = {"-HtBn"}}};
    if (ss.wait_for_exit() != 0)
        SKIP("needs iproute2 6.8, whose ss knows -B");
    if (ss.output().empty() && program.process.sockets(Protocol::tcp).empty())
        SKIP("needs Linux 6.8, whose sock_diag reports sockets that are bound and do not listen");
    CHECK_THAT(ss.output(), ContainsSubstring(common::to_string(program.address()) + " "));
}
#endif

TEST_CASE("a bound UDP socket is listed by ss -uln") {
    need_private_network();
    const Client socket = udp_socket("127.0.0.1");
    Process ss{installed("ss"), {.arguments = {"-Huln"}}};
    CHECK(ss.wait_for_exit() == 0);
    CHECK_THAT(ss.output(), ContainsSubstring(" " + common::to_string(socket.local()) + " "));
}

TEST_CASE("unread_answer: after a refused bind it says one thing, and the kernel another") {
    need_private_network();
    const Client holder = bound_socket("127.0.0.1", 8080);
    Process program{support::program("unread_answer")};
    CHECK(program.wait_for_line("listening on ") == "listening on 127.0.0.1:8080");
    const Address listens = address_in(program.wait_for_line("the kernel says "));
    CHECK(listens.ip == "0.0.0.0");
    CHECK(listens.port != 8080);
    CHECK(connect_to({"198.51.100.1", listens.port}).error() == 0);
    CHECK(connect_to({"127.0.0.1", 8080}).error() == ECONNREFUSED);
}

// Asio

TEST_CASE("asio: address_in_use equals the error; std::errc::address_in_use does not before 1.38") {
    asio::io_context io;
    asio::ip::tcp::socket first{io, asio::ip::tcp::v4()}, second{io, asio::ip::tcp::v4()};
    first.bind({asio::ip::address_v4::loopback(), 0});
    asio::error_code error;
    second.bind(first.local_endpoint(), error);
    CHECK(error == asio::error::address_in_use);
    CHECK(error.value() == EADDRINUSE);
    CHECK((error == std::errc::address_in_use) == (ASIO_VERSION >= 103800));
}

// The kernel

TEST_CASE("kernel: a refused bind leaves the socket as it was") {
    const Client holder = bound_socket("127.0.0.1");
    const Client socket{fresh()};
    CHECK(try_to_bind(socket.descriptor(), "127.0.0.1", holder.local().port) == EADDRINUSE);
    CHECK(try_to_bind(socket.descriptor(), "192.0.2.1", 0) == EADDRNOTAVAIL);
    CHECK(socket.local() == Address{"0.0.0.0", 0});
    CHECK(try_to_bind(socket.descriptor(), "127.0.0.1", 0) == 0);
}

TEST_CASE("a second bind of one socket is an invalid argument and changes nothing") {
    const Client socket = bound_socket("127.0.0.1");
    const Address address = socket.local();
    CHECK(try_to_bind(socket.descriptor(), "127.0.0.1", 0) == EINVAL);
    CHECK(socket.local() == address);
    CHECK(bind_error(address.ip, address.port) == EADDRINUSE);
}

TEST_CASE("kernel: a port that somebody's outgoing connection has cannot be bound") {
    const Client server = listening_socket("127.0.0.1");
    const Client client = connect_to(server.local());
    CHECK(bind_error("127.0.0.1", client.local().port) == EADDRINUSE);
    CHECK(bind_error("0.0.0.0", client.local().port) == EADDRINUSE);
}

TEST_CASE("kernel: listen after a bind that failed listens on a chosen port, at every address") {
    const Client holder = listening_socket("127.0.0.1");
    const Client socket{fresh()};
    REQUIRE(try_to_bind(socket.descriptor(), "127.0.0.1", holder.local().port) == EADDRINUSE);
    CHECK(::listen(socket.descriptor(), 1) == 0);
    CHECK(socket.local().ip == "0.0.0.0");
    CHECK(socket.local().port != 0);
    CHECK(socket.local().port != holder.local().port);
    CHECK(connect_to({"127.0.0.1", socket.local().port}).error() == 0);
}

TEST_CASE("kernel: port 0 is refused with EADDRINUSE when the range is used up") {
    const OneNumber range;
    const Client only = bound_socket("127.0.0.1");
    CHECK(only.local().port == 40000);
    CHECK(bind_error("127.0.0.1", 0) == EADDRINUSE);
    CHECK(bind_error("127.0.0.1", 4711) == 0);
}

TEST_CASE("kernel: a number that was chosen and given back can go to another socket") {
    const OneNumber range;
    const std::uint16_t found = bound_socket("127.0.0.1").local().port; // and closed
    const Client other = bound_socket("127.0.0.1");
    CHECK(other.local().port == found);
    CHECK(bind_error("127.0.0.1", found) == EADDRINUSE);
}

#ifdef __linux__
TEST_CASE("kernel: all of 127.0.0.0/8 can be bound, its first and last address too") {
    for (const char* const ip : {"127.0.0.0", "127.0.0.2", "127.1.2.3", "127.255.255.254", "127.255.255.255"})
        CHECK(bind_error(ip, 0) == 0);
}

TEST_CASE("kernel: TCP may be bound to a multicast or broadcast address, at which nobody can connect") {
    need_private_network(); // whose only way out is loopback
    for (const char* const ip : {"224.0.0.1", "255.255.255.255"}) {
        CAPTURE(ip);
        const Client socket = listening_socket(ip);
        CHECK(socket.error() == 0);
        CHECK(connect_to({ip, socket.local().port}).error() == ENETUNREACH);
    }
    CHECK(bind_error("192.0.2.77", 0) == EADDRNOTAVAIL);
}

TEST_CASE("kernel: with IP_FREEBIND an address that is not here can be bound") {
    const Client socket{fresh()};
    CHECK(try_to_bind(socket.descriptor(), "192.0.2.77", 0) == EADDRNOTAVAIL);
    const int on = 1;
    REQUIRE(::setsockopt(socket.descriptor(), IPPROTO_IP, IP_FREEBIND, &on, sizeof on) == 0);
    CHECK(try_to_bind(socket.descriptor(), "192.0.2.77", 0) == 0);
}

TEST_CASE("kernel: a link-local address is an invalid argument without its interface") {
    need_ipv6();
    CHECK(bind_error("fe80::1", 0) == EINVAL);
}

TEST_CASE("kernel: an ordinary user is given a port for port 0") {
    set_sysctl("net/ipv4/ip_unprivileged_port_start", "1024");
    CHECK(in_a_child([] {
              lose_low_ports();
              return std::vector{try_to_bind(fresh(), "127.0.0.1", 80), try_to_bind(fresh(), "127.0.0.1", 0)};
          }) == std::vector{EACCES, 0});
}

TEST_CASE("kernel: an IPv6 socket is asked for the right and for its port before its address is looked at") {
    need_ipv6();
    set_sysctl("net/ipv4/ip_unprivileged_port_start", "1024");
    CHECK(in_a_child([] {
              lose_low_ports();
              const int bound = fresh(AF_INET6);
              return std::vector{try_to_bind(bound, "::1", 0), try_to_bind(fresh(AF_INET6), "2001:db8::2", 80),
                                 try_to_bind(bound, "2001:db8::2", 0), try_to_bind(fresh(AF_INET6), "2001:db8::2", 0)};
          }) == std::vector{0, EACCES, EINVAL, EADDRNOTAVAIL});
}

TEST_CASE("kernel: root of a user namespace may bind port 81 of its own network, and not of the one outside") {
    set_sysctl("net/ipv4/ip_unprivileged_port_start", "1024");
    const auto answers = in_a_child([] {
        if (::unshare(CLONE_NEWUSER) != 0)
            return std::vector<int>{};
        const int outside = try_to_bind(fresh(), "0.0.0.0", 81);
        if (::unshare(CLONE_NEWNET) != 0)
            return std::vector<int>{};
        return std::vector{outside, try_to_bind(fresh(), "0.0.0.0", 81)};
    });
    if (answers.empty())
        SKIP("needs user namespaces");
    CHECK(answers == std::vector{EACCES, 0});
}

TEST_CASE("kernel: a network namespace has its own limit and its own range") {
    set_sysctl("net/ipv4/ip_unprivileged_port_start", "1024");
    const std::string limit = "/proc/sys/net/ipv4/ip_unprivileged_port_start",
                      range = "/proc/sys/net/ipv4/ip_local_port_range", range_here = file(range);
    const auto answers = in_a_child([&] {
        if (::unshare(CLONE_NEWNET) != 0)
            return std::vector<int>{};
        std::ofstream{limit} << 500;
        std::ofstream{range} << "41000 41001";
        return std::vector{std::atoi(file(limit).c_str()), std::atoi(file(range).c_str())};
    });
    CHECK(answers == std::vector{500, 41000});
    CHECK(file(limit) == "1024\n");
    CHECK(file(range) == range_here);
}

TEST_CASE("kernel: a listener in another network namespace is not listed here") {
    need_private_network();
    const Client listener = listening_socket("127.0.0.1");
    const auto answers = in_a_child([&] {
        const auto listed = [&] {
            const auto all = common::kernel_sockets(Protocol::tcp);
            return std::ranges::any_of(all, [&](const auto& row) { return row.local == listener.local(); }) ? 1 : 0;
        };
        const int here = listed();
        const int other = ::unshare(CLONE_NEWNET);
        return std::vector{here, other, listed(), try_to_bind(fresh(), "0.0.0.0", listener.local().port)};
    });
    CHECK(answers == std::vector{1, 0, 0, 0});
}

TEST_CASE("kernel: a suspended program keeps its port") {
    const Bind holder;
    ::kill(holder.process.pid(), SIGSTOP);
    const std::string status = "/proc/" + std::to_string(holder.process.pid()) + "/status";
    CHECK(eventually([&] { return file(status).find("State:\tT") != std::string::npos; }));
    CHECK(bind_error("127.0.0.1", holder.address().port) == EADDRINUSE);
}

TEST_CASE("kernel: under Landlock port 8081 is denied, as is an address that is not ours") {
    need_private_network();
    const auto answers = in_a_child([] {
        const std::array<std::uint64_t, 2> attributes{0, 1}; // no access to files is handled; to TCP ports, bind
        const long rules = ::syscall(444 /* landlock_create_ruleset */, attributes.data(), sizeof attributes, 0);
        const int before = try_to_bind(fresh(), "127.0.0.1", 8081);
        if (rules < 0 || ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
            ::syscall(446 /* landlock_restrict_self */, rules, 0) != 0)
            return std::vector<int>{};
        return std::vector{before, try_to_bind(fresh(), "127.0.0.1", 8082), try_to_bind(fresh(), "192.0.2.1", 8081)};
    });
    if (answers.empty())
        SKIP("needs Landlock with rules for TCP: Linux 6.7");
    CHECK(answers == std::vector{0, EACCES, EACCES});
}

TEST_CASE("kernel: a file with the capability binds port 80, and its copy does not") {
    set_sysctl("net/ipv4/ip_unprivileged_port_start", "1024");
    if (::geteuid() != 0)
        SKIP("needs root, who may give a file a capability and run it as somebody else");
    if (::prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 0)
        SKIP("needs processes that may gain a capability: prctl(2), PR_SET_NO_NEW_PRIVS");
    std::string folder = (std::filesystem::temp_directory_path() / "portlab-capability-XXXXXX").string();
    REQUIRE(::mkdtemp(folder.data()));
    const std::string with = folder + "/bind", copy = folder + "/copy";
    std::filesystem::copy_file(support::program("bind"), with);
    ::chmod(folder.c_str(), 0755);
    Process setcap{installed("setcap"), {.arguments = {"cap_net_bind_service=+ep", with}}};
    const bool given = setcap.wait_for_exit() == 0;
    std::filesystem::copy_file(with, copy);
    const auto run = [&](const std::string& command) {
        Process program{
            installed("setpriv"),
            {.arguments = {"--reuid=65534", "--regid=65534", "--clear-groups", "sh", "-c", command},
             .environment = {{"PORT", "80"}, {"ASAN_OPTIONS", "detect_leaks=0"}}}}; // which cannot look then
        program.close_input();
        program.wait_for_exit();
        return program.output() + program.complaints();
    };
    const std::string of_the_file = given ? run("exec " + with) : "", of_the_copy = given ? run("exec " + copy) : "",
                      restricted = given ? run("exec setpriv --no-new-privs " + with) : "";
    std::filesystem::remove_all(folder);
    if (!given)
        SKIP("needs a file system that keeps capabilities: " << setcap.complaints());
    CHECK(of_the_file == "bound to 127.0.0.1:80\n");
    CHECK(of_the_copy == "bind: 127.0.0.1:80: Permission denied\n");
    CHECK(restricted == of_the_copy); // as under systemd's NoNewPrivileges
}

TEST_CASE("kernel: without privilege ss lists another user's listener and does not name it") {
    need_private_network();
    if (::geteuid() != 0)
        SKIP("needs root, whose listener somebody else looks at");
    const Client listener = listening_socket("127.0.0.1");
    const std::string command = installed("ss") + " -Htlnp";
    const std::string stranger = output_of("setpriv --reuid=65534 --regid=65534 --clear-groups " + command),
                      root = output_of(command), row = " " + common::to_string(listener.local()) + " ";
    CHECK_THAT(stranger, ContainsSubstring(row));
    CHECK_THAT(stranger, !ContainsSubstring("users:"));
    CHECK_THAT(root, ContainsSubstring(row));
    CHECK_THAT(root, ContainsSubstring("users:"));
}

TEST_CASE("kernel: a wildcard listener is reached at an address that was added after bind") {
    need_private_network();
    const Client wide = listening_socket("0.0.0.0"), narrow = listening_socket("127.0.0.1");
    const std::uint16_t port = wide.local().port;
    CHECK(connect_to({"203.0.113.5", port}).error() == ENETUNREACH);
    output_of("ip address add 203.0.113.5/32 dev lo");
    CHECK(connect_to({"203.0.113.5", port}).error() == 0);
    CHECK(connect_to({"203.0.113.5", narrow.local().port}).error() == ECONNREFUSED);
    output_of("ip address del 203.0.113.5/32 dev lo");
}

TEST_CASE("kernel: an IPv6 address can be bound when it is tentative no more") {
    need_private_network();
    need_ipv6();
    output_of("ip link add tentative0 type veth peer name tentative1 && ip link set tentative1 up && "
              "ip link set tentative0 up && ip address add 2001:db8:1::1/64 dev tentative0");
    CHECK(bind_error("2001:db8:1::1", 0) == EADDRNOTAVAIL);
    CHECK_THAT(output_of("ip address show dev tentative0"), ContainsSubstring("tentative"));
    CHECK(eventually([] { return bind_error("2001:db8:1::1", 0) == 0; }));
    output_of("ip link del tentative0");
}

TEST_CASE("kernel: who reaches a listener on loopback, on an address of the machine and on the wildcard") {
    need_private_network();
    Process hall{installed("unshare"), {.arguments = {"--net", "cat"}}}; // keeps the network until the end of the test
    const std::string there = "/proc/" + std::to_string(hall.pid()) + "/ns/net", here = "/proc/self/ns/net";
    const auto network = [](const std::string& path) {
        std::error_code error;
        return std::filesystem::read_symlink(path, error).string();
    };
    eventually([&] { return network(there) != network(here); });
    const std::string in_the_hall = "nsenter --net=" + there + " ip ";
    output_of("ip link add roof type veth peer name hall netns " + std::to_string(hall.pid()) +
              " && ip address add 192.168.7.20/24 dev roof && ip link set roof up && " + in_the_hall +
              "address add 192.168.7.21/24 dev hall && " + in_the_hall + "link set hall up");
    // As the table has it: the roof calls loopback, the roof calls its own address, the hall calls that.
    const auto calls = [&](const char* ip) {
        const Client server = listening_socket(ip);
        REQUIRE(server.error() == 0);
        const std::uint16_t port = server.local().port;
        std::vector<int> errors{connect_to({"127.0.0.1", port}).error(), connect_to({"192.168.7.20", port}).error()};
        const auto from_the_hall = in_a_child([&] {
            if (const int entry = ::open(there.c_str(), O_RDONLY); ::setns(entry, CLONE_NEWNET) != 0)
                return std::vector<int>{};
            return std::vector{connect_to({"192.168.7.20", port}).error()};
        });
        errors.insert(errors.end(), from_the_hall.begin(), from_the_hall.end());
        return errors;
    };
    CHECK(calls("127.0.0.1") == std::vector{0, ECONNREFUSED, ECONNREFUSED});
    CHECK(calls("192.168.7.20") == std::vector{ECONNREFUSED, 0, 0});
    CHECK(calls("0.0.0.0") == std::vector{0, 0, 0});
    output_of("ip link del roof");
}
#endif
