#include "tools/harness/network.hpp"
#include "tools/harness/process.hpp"

#include <algorithm>
#include <asio.hpp>
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <fcntl.h>
#include <filesystem>
#include <netinet/in.h>
#include <sstream>
#include <sys/socket.h>
#include <unistd.h>

using namespace support;
using Catch::Matchers::ContainsSubstring;

namespace {

struct Row {
    int descriptor;
    std::string family, type, protocol;
};

std::vector<Row> rows(const std::string& output) {
    std::vector<Row> result;
    std::istringstream lines{output};
    for (std::string line; std::getline(lines, line);) {
        std::istringstream words{line};
        Row row;
        std::string skip;
        if (words >> skip >> row.descriptor && skip == "descriptor")
            if (words >> skip >> row.family >> skip >> row.type >> skip >> row.protocol)
                result.push_back(row);
    }
    return result;
}

int ask_kernel(const Client& socket, int option) {
    int value = -1;
    socklen_t size = sizeof value;
    REQUIRE(::getsockopt(socket.descriptor(), SOL_SOCKET, option, &value, &size) == 0);
    return value;
}

} // namespace

TEST_CASE("first_socket: it has a descriptor, no address and no port, and is in no table of ports") {
    Process program{support::program("first_socket")};
    const std::string line = program.wait_for_line("descriptor "), start = "process " + std::to_string(program.pid());
    REQUIRE_THAT(line, Catch::Matchers::StartsWith(start + ", descriptor "));
    CHECK(program.wait_for_line("local endpoint ") == "local endpoint 0.0.0.0:0");
    CHECK(program.borrow(std::stoi(line.substr(line.rfind(' ')))).local() == Address{"0.0.0.0", 0});
    CHECK(program.sockets(common::Protocol::tcp).empty());
    program.type("\n");
    CHECK(program.wait_for_exit() == 0);
}

TEST_CASE("kinds: without IPv6 it ends with status 1, the call and the reason") {
    Process program{support::program("kinds"), {.lacking = Lacking::ipv6}};
    CHECK(program.wait_for_exit() == 1);
    CHECK(rows(program.output()).size() == 2);
    CHECK(program.complaints() == "kinds: open: Address family not supported by protocol\n");
}

TEST_CASE("kinds: with IPv6 it describes all four, as the kernel has them") {
    need_ipv6();
    Process program{support::program("kinds")};
    program.wait_for_line("Press Enter");
    const auto printed = rows(program.output());
    REQUIRE(printed.size() == 4);
    for (const Row& row : printed)
        CHECK(ask_kernel(program.borrow(row.descriptor), SO_DOMAIN) == (row.family == "IPv6" ? AF_INET6 : AF_INET));
}

TEST_CASE("each printed row is what the kernel holds behind that descriptor") {
    need_ipv6();
    Process program{support::program("socket")};
    program.wait_for_line("Press Enter");
    const auto printed = rows(program.output());
    REQUIRE(printed.size() == 4);
    for (const Row& row : printed) {
        CAPTURE(row.descriptor, row.family, row.type, row.protocol);
        const Client socket = program.borrow(row.descriptor);
        CHECK(ask_kernel(socket, SO_DOMAIN) == (row.family == "IPv6" ? AF_INET6 : AF_INET));
        CHECK(ask_kernel(socket, SO_TYPE) == (row.type == "stream" ? SOCK_STREAM : SOCK_DGRAM));
        CHECK(ask_kernel(socket, SO_PROTOCOL) == (row.protocol == "TCP" ? IPPROTO_TCP : IPPROTO_UDP));
        CHECK(socket.local().port == 0);
    }
}

TEST_CASE("TCP and UDP are opened over both families") {
    need_ipv6();
    Process program{support::program("socket")};
    program.wait_for_line("Press Enter");
    std::vector<std::string> kinds;
    for (const Row& row : rows(program.output()))
        kinds.push_back(row.protocol + " " + row.type + " " + row.family);
    CHECK(kinds ==
          std::vector<std::string>{"TCP stream IPv4", "UDP datagram IPv4", "TCP stream IPv6", "UDP datagram IPv6"});
}

TEST_CASE("without IPv6 it says so, describes the rest and succeeds") {
    Process program{support::program("socket"), {.lacking = Lacking::ipv6}};
    program.wait_for_line("Press Enter");
    CHECK_THAT(program.output(), ContainsSubstring("no IPv6 on this system: Address family not supported"));
    CHECK(rows(program.output()).size() == 2);
    program.type("\n");
    CHECK(program.wait_for_exit() == 0);
}

TEST_CASE("no socket of the program is in the kernel's tables: none has a port") {
    Process program{support::program("socket")};
    program.wait_for_line("Press Enter");
    CHECK(program.sockets(common::Protocol::tcp).empty());
    CHECK(program.sockets(common::Protocol::udp).empty());
}

TEST_CASE("the last line names the process, whose descriptors the printed ones are") {
    Process program{support::program("socket")};
    CHECK(program.wait_for_line("Press Enter") ==
          "Press Enter to close the sockets of process " + std::to_string(program.pid()) + ".");
    std::vector<int> printed, held;
    for (const Row& row : rows(program.output()))
        printed.push_back(row.descriptor);
#ifdef __linux__
    for (const auto& entry : std::filesystem::directory_iterator{"/proc/" + std::to_string(program.pid()) + "/fd"})
        if (std::filesystem::read_symlink(entry).string().starts_with("socket:"))
            held.push_back(std::stoi(entry.path().filename()));
    std::sort(held.begin(), held.end());
    CHECK(printed == held);
#endif
}

TEST_CASE("two opened sockets have different descriptors, and the same local endpoint") {
    const Client one{::socket(AF_INET, SOCK_STREAM, 0)}, two{::socket(AF_INET, SOCK_STREAM, 0)};
    CHECK(one.descriptor() != two.descriptor());
    CHECK(one.local() == Address{"0.0.0.0", 0});
    CHECK(two.local() == one.local());
}

TEST_CASE("kernel: the next socket gets the lowest number that is free") {
    const int low = ::socket(AF_INET, SOCK_STREAM, 0), high = ::socket(AF_INET, SOCK_STREAM, 0);
    REQUIRE(low < high);
    REQUIRE(::close(low) == 0);
    REQUIRE(::close(high) == 0); // the last one to be closed
    const Client next{::socket(AF_INET, SOCK_STREAM, 0)};
    CHECK(next.descriptor() == low);
}

TEST_CASE("lowest_number: the next socket has the number that was closed first, which is the lowest") {
    Process program{support::program("lowest_number")};
    CHECK(program.wait_for_exit() == 0);
    int first = 0, second = 0, third = 0, next = 0;
    REQUIRE(std::sscanf(program.output().c_str(), "open: %d, %d and %d\nafter two have been closed, the next one is %d",
                        &first, &second, &third, &next) == 4);
    CHECK(first < second);
    CHECK(second < third);
    CHECK(next == first);
}

TEST_CASE("kernel: a number that was closed is a bad descriptor, until it is another socket's") {
    const int number = ::socket(AF_INET, SOCK_STREAM, 0);
    REQUIRE(::close(number) == 0);
    int type = 0;
    socklen_t size = sizeof type;
    CHECK(::getsockopt(number, SOL_SOCKET, SO_TYPE, &type, &size) == -1);
    CHECK(errno == EBADF);
    const Client other{::socket(AF_INET, SOCK_DGRAM, 0)};
    REQUIRE(other.descriptor() == number);
    CHECK(::getsockopt(number, SOL_SOCKET, SO_TYPE, &type, &size) == 0);
    CHECK(type == SOCK_DGRAM); // and nobody is told that it is not the stream of before
}

TEST_CASE("kernel: a socket lives until its last descriptor is closed") {
    const int number = ::socket(AF_INET, SOCK_DGRAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    REQUIRE(::bind(number, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
    const Client copy{::dup(number)};
    const std::uint16_t port = copy.local().port;
    ::close(number);
    CHECK(udp_socket("127.0.0.1", port).error() == EADDRINUSE);
    ::close(::dup2(::socket(AF_INET, SOCK_DGRAM, 0), copy.descriptor())); // the copy becomes another socket
    CHECK(udp_socket("127.0.0.1", port).error() == 0);
}

#ifdef __linux__
TEST_CASE("close_on_exec: a child has the socket that is not marked, and not the other") {
    Process program{support::program("close_on_exec")};
    CHECK(program.wait_for_exit() == 0);
    std::istringstream output{program.output()};
    std::string lent_here, lent_there, kept_here, kept_there, skip, number;
    output >> number >> skip >> lent_here >> number >> skip >> skip >> skip >> lent_there;
    output >> number >> skip >> kept_here >> number >> skip >> skip >> skip >> kept_there;
    INFO(program.output());
    CHECK_THAT(lent_here, Catch::Matchers::StartsWith("socket:["));
    CHECK(lent_there == lent_here);
    CHECK_THAT(kept_here, Catch::Matchers::StartsWith("socket:["));
    CHECK(kept_there == "nothing");
}

TEST_CASE("kernel: with IPv6 switched off a socket is made, and ::1 cannot be bound") {
    need_ipv6();
    set_sysctl("net/ipv6/conf/all/disable_ipv6", "1");
    const int socket = ::socket(AF_INET6, SOCK_STREAM, 0);
    CHECK(socket >= 0);
    ::close(socket);
    CHECK(bound_socket("::1").error() == EADDRNOTAVAIL);
    CHECK(bound_socket("::").error() == 0);
    CHECK(std::filesystem::exists("/proc/sys/net/ipv6"));
    set_sysctl("net/ipv6/conf/all/disable_ipv6", "0");
}
#endif

TEST_CASE("asio: open does not set close-on-exec") {
    asio::io_context io;
    asio::ip::tcp::socket socket{io, asio::ip::tcp::v4()};
    asio::ip::tcp::socket opened{io};
    opened.open(asio::ip::tcp::v4());
    for (const int descriptor : {socket.native_handle(), opened.native_handle()})
        CHECK((::fcntl(descriptor, F_GETFD) & FD_CLOEXEC) == 0);
}

TEST_CASE("asio: a socket object is closed at its end, and an empty one has nothing to close") {
    asio::io_context io;
    int descriptor = -1;
    {
        asio::ip::tcp::socket socket{io};
        CHECK(!socket.is_open());
        socket.open(asio::ip::tcp::v4());
        descriptor = socket.native_handle();
        CHECK(::fcntl(descriptor, F_GETFD) >= 0);
    }
    CHECK(::fcntl(descriptor, F_GETFD) == -1);
    CHECK(errno == EBADF);
}

TEST_CASE("where the process may open no more descriptors it ends with status 1 and the reason") {
    Process program{"/bin/sh", {.arguments = {"-c", "ulimit -n 9; exec \"$0\"", support::program("socket")}}};
    CHECK(program.wait_for_exit() == 1);
    CHECK_THAT(program.complaints(), ContainsSubstring("Too many open files"));
}

#ifdef __linux__
TEST_CASE("kernel: an IPv4 socket takes no IPv6 address") {
    const Client socket{::socket(AF_INET, SOCK_STREAM, 0)};
    sockaddr_in6 address{};
    address.sin6_family = AF_INET6;
    CHECK(::bind(socket.descriptor(), reinterpret_cast<sockaddr*>(&address), sizeof address) == -1);
    CHECK(errno == EAFNOSUPPORT);
    address.sin6_port = htons(8080);
    CHECK(::connect(socket.descriptor(), reinterpret_cast<sockaddr*>(&address), sizeof address) == -1);
    CHECK(errno == EAFNOSUPPORT);
}
#endif

TEST_CASE("Enter, end of input, SIGINT and SIGTERM each end it with status 0") {
    const auto end = GENERATE("Enter", "end of input", "SIGINT", "SIGTERM");
    CAPTURE(end);
    Process program{support::program("socket")};
    program.wait_for_line("Press Enter");
    if (end == std::string{"Enter"})
        program.type("\n");
    else if (end == std::string{"end of input"})
        program.close_input();
    else
        program.send_signal(end == std::string{"SIGINT"} ? SIGINT : SIGTERM);
    CHECK(program.wait_for_exit() == 0);
    CHECK(program.complaints().empty());
}
