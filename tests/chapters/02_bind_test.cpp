#include "tools/harness/client.hpp"
#include "tools/harness/network.hpp"
#include "tools/harness/process.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <fstream>
#ifdef __linux__
#include <linux/capability.h>
#include <sys/syscall.h>
#endif
#include <netinet/in.h>
#include <sstream>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace support;
using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::StartsWith;
using common::Protocol;

namespace {

const Launch any_port{.environment = {{"PORT", "0"}}};

// What the program printed after "WHAT: ".
std::string answer(const Process& program, const std::string& what) {
    const auto start = program.output().find(what + ": ");
    INFO("looking for \"" << what << "\" in\n" << program.output());
    REQUIRE(start != std::string::npos);
    const auto from = start + what.size() + 2;
    return program.output().substr(from, program.output().find('\n', from) - from);
}

Address bound_address(const Process& program, const std::string& what) {
    const std::string text = answer(program, what);
    INFO(what << ": " << text);
    REQUIRE(text.starts_with("bound to "));
    return address_in(text);
}

// The errno of a bind that somebody else tries.
int bind_error(const std::string& ip, std::uint16_t port) { return bound_socket(ip, port).error(); }

} // namespace

TEST_CASE("PORT chooses the port of the first socket, on loopback alone") {
    need_private_network();
    Process program{support::program("bind"), {.environment = {{"PORT", "4711"}}}};
    program.wait_for_line("Press Enter");
    CHECK(bound_address(program, "a chosen port") == Address{"127.0.0.1", 4711});
    CHECK(bind_error("127.0.0.1", 4711) == EADDRINUSE);
    CHECK(bind_error("127.0.0.2", 4711) == 0);
}

TEST_CASE("without PORT the chosen port is 8080") {
    need_private_network();
    Process program{support::program("bind")};
    program.wait_for_line("Press Enter");
    CHECK(bound_address(program, "a chosen port") == Address{"127.0.0.1", 8080});
    CHECK(bind_error("127.0.0.1", 8080) == EADDRINUSE);
}

TEST_CASE("a chosen port that is taken is refused, with its holder, and the program goes on") {
    need_private_network();
    Process holder{support::program("bind")};
    holder.wait_for_line("Press Enter");
    Process program{support::program("bind")};
    program.wait_for_line("Press Enter");
    CHECK(answer(program, "a chosen port") == "refused 127.0.0.1:8080: Address already in use");
    CHECK_THAT(program.output(), ContainsSubstring("held by bind, process " + std::to_string(holder.pid())));
    bound_address(program, "port 0, the kernel chooses");
    program.type("\n");
    CHECK(program.wait_for_exit() == 0);
}

TEST_CASE("port 0 lets the kernel choose a port, which the program then owns") {
    Process program{support::program("bind"), any_port};
    program.wait_for_line("Press Enter");
    const Address address = bound_address(program, "port 0, the kernel chooses");
    CHECK(address.ip == "127.0.0.1");
    CHECK(address.port != 0);
    CHECK(bind_error(address.ip, address.port) == EADDRINUSE);
}

TEST_CASE("the wildcard takes its port on every local address, loopback on one") {
    need_private_network(); // elsewhere somebody may hold the number on 127.0.0.2
    Process program{support::program("bind"), any_port};
    program.wait_for_line("Press Enter");
    const Address wide = bound_address(program, "every address of this machine");
    CHECK(wide.ip == "0.0.0.0");
    CHECK(bind_error("127.0.0.1", wide.port) == EADDRINUSE);
    CHECK(bind_error("127.0.0.2", wide.port) == EADDRINUSE);
    CHECK(bind_error("127.0.0.2", bound_address(program, "port 0, the kernel chooses").port) == 0);
}

TEST_CASE("TCP and UDP use the same number at once") {
    need_private_network();
    Process program{support::program("bind"), any_port};
    program.wait_for_line("Press Enter");
    const Address tcp = bound_address(program, "port 0, the kernel chooses");
    CHECK(bound_address(program, "UDP, on a number that TCP has taken") == tcp);
    const auto rows = program.sockets(Protocol::udp);
    REQUIRE(rows.size() == 1);
    CHECK(rows.front().local == tcp);
}

TEST_CASE("a second bind of one socket is an invalid argument and changes nothing") {
    Process program{support::program("bind"), any_port};
    program.wait_for_line("Press Enter");
    CHECK_THAT(answer(program, "the same socket a second time"), ContainsSubstring("Invalid argument"));
    const Address address = bound_address(program, "port 0, the kernel chooses");
    CHECK(bind_error(address.ip, address.port) == EADDRINUSE);
}

TEST_CASE("an address that is not ours cannot be bound") {
    Process program{support::program("bind"), any_port};
    program.wait_for_line("Press Enter");
    CHECK(answer(program, "an address of another machine") == "refused 192.0.2.1:0: Cannot assign requested address");
}

TEST_CASE("a privileged port is denied to an ordinary user, which is not the same as in use") {
    set_sysctl("net/ipv4/ip_unprivileged_port_start", "1024");
    Process program{support::program("bind"), {.environment = {{"PORT", "0"}}, .lacking = Lacking::low_ports}};
    program.wait_for_line("Press Enter");
    CHECK(answer(program, "a port for privileged programs") == "refused 127.0.0.1:80: Permission denied");
    CHECK(bind_error("127.0.0.1", 4711) == 0);
}

TEST_CASE("where the system lets everyone have port 80, it is bound like any other") {
    set_sysctl("net/ipv4/ip_unprivileged_port_start", "80");
    Process program{support::program("bind"), {.environment = {{"PORT", "0"}}, .lacking = Lacking::low_ports}};
    program.wait_for_line("Press Enter");
    CHECK(bound_address(program, "a port for privileged programs") == Address{"127.0.0.1", 80});
}

TEST_CASE("a bound socket that does not listen refuses connections") {
    Process program{support::program("bind"), any_port};
    program.wait_for_line("Press Enter");
    const Address address = bound_address(program, "port 0, the kernel chooses");
    CHECK(connect_to(address).error() == ECONNREFUSED);
    CHECK(answer(program, "a client calls " + common::to_string(address)) == "Connection refused");
}

#ifdef __linux__
TEST_CASE("neither proc nor ss lists a bound socket among connections and listeners, and sock_diag knows it") {
    Process program{support::program("bind"), any_port};
    program.wait_for_line("Press Enter");
    const Address address = bound_address(program, "port 0, the kernel chooses");

    std::ifstream table{"/proc/net/tcp"};
    const std::string rows{std::istreambuf_iterator<char>{table}, {}};
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

    const Client own = bound_socket("127.0.0.1");
    const auto all = common::kernel_sockets(Protocol::tcp);
    if (std::none_of(all.begin(), all.end(), [&](const auto& row) { return row.local == own.local(); })) {
        CHECK_THAT(program.output(), ContainsSubstring("no table of bound sockets"));
        SKIP("needs Linux 6.8, whose sock_diag reports sockets that are bound and do not listen");
    }
    CHECK_THAT(program.output(),
               ContainsSubstring("the kernel's table has: tcp BOUND " + common::to_string(address) + "\n"));
}
#endif

TEST_CASE("a PORT that is not a port stops it with status 78 before it opens a socket") {
    const std::string port = GENERATE("", "80abc", "70000");
    Process program{support::program("bind"), {.environment = {{"PORT", port}}, .lacking = Lacking::sockets}};
    CHECK(program.wait_for_exit() == 78);
    CHECK_THAT(program.complaints(), ContainsSubstring("PORT=\"" + port + "\" is not a port"));
    CHECK(program.output().empty());
}

#ifdef __linux__
TEST_CASE("the proof that no socket was opened can fail: with a valid PORT the same watch ends the program") {
    Process program{support::program("bind"), {.environment = {{"PORT", "0"}}, .lacking = Lacking::sockets}};
    CHECK(program.wait_for_exit() == 128 + SIGSYS);
}

TEST_CASE("kernel: bind asks for the address, for a privilege, whether the socket has a port, and then for the port") {
    set_sysctl("net/ipv4/ip_unprivileged_port_start", "1024");
    std::array<int, 2> answers{};
    REQUIRE(::pipe(answers.data()) == 0);
    const pid_t child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) { // without CAP_NET_BIND_SERVICE: capget(2)
        __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
        std::array<__user_cap_data_struct, 2> sets{};
        ::syscall(SYS_capget, &header, sets.data());
        sets[0].effective &= ~(1U << CAP_NET_BIND_SERVICE);
        ::syscall(SYS_capset, &header, sets.data());
        const auto error_of = [](int socket, const char* ip, std::uint16_t port) {
            sockaddr_in address{};
            address.sin_family = AF_INET;
            address.sin_port = htons(port);
            ::inet_pton(AF_INET, ip, &address.sin_addr);
            return ::bind(socket, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 ? 0 : errno;
        };
        const int bound = ::socket(AF_INET, SOCK_STREAM, 0), fresh = ::socket(AF_INET, SOCK_STREAM, 0);
        const std::array errors{error_of(bound, "127.0.0.1", 0),  error_of(bound, "192.0.2.1", 80),
                                error_of(bound, "127.0.0.1", 80), error_of(bound, "127.0.0.1", 0),
                                error_of(fresh, "127.0.0.1", 80), error_of(fresh, "127.0.0.1", 0)};
        ::_exit(::write(answers[1], errors.data(), sizeof errors) == sizeof errors ? 0 : 1);
    }
    std::array<int, 6> errors{};
    CHECK(::read(answers[0], errors.data(), sizeof errors) == sizeof errors);
    ::close(answers[0]);
    ::close(answers[1]);
    CHECK(::waitpid(child, nullptr, 0) == child);
    CHECK(errors == std::array{0, EADDRNOTAVAIL, EACCES, EINVAL, EACCES, 0});
}

TEST_CASE("kernel: a multicast or broadcast address can be bound as well, though no machine has it") {
    CHECK(bind_error("224.0.0.1", 0) == 0);
    CHECK(bind_error("255.255.255.255", 0) == 0);
    CHECK(bind_error("192.0.2.77", 0) == EADDRNOTAVAIL);
}

TEST_CASE("kernel: all of 127.0.0.0/8 can be bound, its first and last address too") {
    for (const char* const ip : {"127.0.0.0", "127.0.0.2", "127.1.2.3", "127.255.255.254", "127.255.255.255"})
        CHECK(bind_error(ip, 0) == 0);
}
#endif

TEST_CASE("when the holder ends, even by SIGKILL, the next program gets the port") {
    need_private_network();
    const int signal = GENERATE(SIGTERM, SIGKILL);
    Process holder{support::program("bind")};
    holder.wait_for_line("Press Enter");
    holder.send_signal(signal);
    holder.wait_for_exit();
    Process next{support::program("bind")};
    next.wait_for_line("Press Enter");
    CHECK(bound_address(next, "a chosen port") == Address{"127.0.0.1", 8080});
}

TEST_CASE("kernel: a port that somebody's outgoing connection has cannot be bound") {
    const Client server = listening_socket("127.0.0.1");
    const Client client = connect_to(server.local());
    CHECK(bind_error("127.0.0.1", client.local().port) == EADDRINUSE);
    CHECK(bind_error("0.0.0.0", client.local().port) == EADDRINUSE);
}

TEST_CASE("kernel: listen after a bind that failed listens on a chosen port, at every address") {
    const Client holder = listening_socket("127.0.0.1");
    const Client socket{::socket(AF_INET, SOCK_STREAM, 0)};
    sockaddr_in taken{};
    taken.sin_family = AF_INET;
    taken.sin_port = htons(holder.local().port);
    taken.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    REQUIRE(::bind(socket.descriptor(), reinterpret_cast<const sockaddr*>(&taken), sizeof taken) == -1);
    REQUIRE(errno == EADDRINUSE);
    CHECK(::listen(socket.descriptor(), 1) == 0);
    CHECK(socket.local().ip == "0.0.0.0");
    CHECK(socket.local().port != 0);
    CHECK(socket.local().port != holder.local().port);
    CHECK(connect_to({"127.0.0.1", socket.local().port}).error() == 0);
}

TEST_CASE("it gives its ports back and succeeds on Enter, at the end of input and on SIGTERM") {
    const std::string end = GENERATE("Enter", "end of input", "SIGTERM");
    CAPTURE(end);
    Process program{support::program("bind"), any_port};
    program.wait_for_line("Press Enter");
    if (end == "Enter")
        program.type("\n");
    else if (end == "SIGTERM")
        program.send_signal(SIGTERM);
    else
        program.close_input();
    CHECK(program.wait_for_exit() == 0);
    CHECK(program.complaints().empty());
}
