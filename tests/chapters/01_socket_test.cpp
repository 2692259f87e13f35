#include "tools/harness/network.hpp"
#include "tools/harness/process.hpp"

#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <cerrno>
#include <csignal>
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
    std::string family, type, protocol, endpoint;
};

std::vector<Row> rows(const std::string& output) {
    std::vector<Row> result;
    std::istringstream lines{output};
    for (std::string line; std::getline(lines, line);) {
        std::istringstream words{line};
        Row row;
        std::string skip, local;
        if (words >> skip >> row.descriptor && skip == "descriptor")
            if (words >> skip >> row.family >> skip >> row.type >> skip >> row.protocol >> local >> skip >>
                row.endpoint)
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
        kinds.push_back(row.protocol + " " + row.type + " " + row.family + " " + row.endpoint);
    CHECK(kinds == std::vector<std::string>{"TCP stream IPv4 0.0.0.0:0", "UDP datagram IPv4 0.0.0.0:0",
                                            "TCP stream IPv6 [::]:0", "UDP datagram IPv6 [::]:0"});
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
