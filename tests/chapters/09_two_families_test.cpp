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
#include <chrono>
#include <cstdint>
#include <cstring>
#include <functional>
#include <net/if.h>
#include <netdb.h>
#include <netinet/in.h>
#include <optional>
#include <set>
#include <string>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include <utility>
#include <vector>
#ifdef __linux__
#include <sched.h>
#endif

using namespace support;
using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::StartsWith;
using common::Protocol;

namespace {

// The program door, once it listens there.
class Door {
  public:
    explicit Door(const std::string& host, const std::string& port = "8080", Lacking lacking = Lacking::nothing)
        : process{support::program("door"), {.environment = {{"HOST", host}, {"PORT", port}}, .lacking = lacking}},
          line{process.wait_for_line("listening on ")} {}
    Process process;
    std::string line;
};

struct Ended {
    int status;
    std::string output, complaints;
};

// The program with these arguments, from its start to its end.
Ended run(const std::string& name, std::vector<std::string> arguments) {
    Process process{support::program(name), {.arguments = std::move(arguments)}};
    const int status = process.wait_for_exit();
    return {status, process.output(), process.complaints()};
}

// What the tool of the system prints.
std::string output_of(const std::string& tool, std::vector<std::string> arguments) {
    Process process{installed(tool), {.arguments = std::move(arguments)}};
    CHECK(process.wait_for_exit() == 0);
    return process.output();
}

// How many connections wait for the listener of the test's own.
unsigned in_the_queue(const Client& listener) {
    for (const auto& row : common::kernel_sockets(Protocol::tcp))
        if (row.state == "LISTEN" && row.local == listener.local())
            return row.received;
    return 0;
}

// Somebody at [::1]:8080 who does not answer: the queue is full.
struct Silent {
    Client listener = listening_socket("::1", 8080, 0);
    Client only = connect_to({"::1", 8080});
};

bool waits_in_vain(const Process& client) {
    const auto rows = client.sockets(Protocol::tcp);
    return std::ranges::any_of(rows, [](const auto& row) {
        return row.state == "SYN-SENT" && row.peer == Address{"::1", 8080};
    });
}

// The addresses that the system gives for the name, in its order.
std::vector<std::string> addresses(const char* name, int flags) {
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = flags;
    addrinfo* found = nullptr;
    if (::getaddrinfo(name, nullptr, &hints, &found) != 0)
        return {};
    std::vector<std::string> result;
    for (const addrinfo* each = found; each; each = each->ai_next) {
        std::array<char, NI_MAXHOST> text{};
        ::getnameinfo(each->ai_addr, each->ai_addrlen, text.data(), text.size(), nullptr, 0, NI_NUMERICHOST);
        result.emplace_back(text.data());
    }
    ::freeaddrinfo(found);
    return result;
}

// The errno of a call from a new IPv6 socket, with or without IPV6_V6ONLY.
int call_from_ipv6(const char* address, std::uint16_t port, int v6_only) {
    const Client socket{::socket(AF_INET6, SOCK_STREAM, 0)};
    ::setsockopt(socket.descriptor(), IPPROTO_IPV6, IPV6_V6ONLY, &v6_only, sizeof v6_only);
    sockaddr_in6 server{};
    server.sin6_family = AF_INET6;
    server.sin6_port = htons(port);
    ::inet_pton(AF_INET6, address, &server.sin6_addr);
    return ::connect(socket.descriptor(), reinterpret_cast<sockaddr*>(&server), sizeof server) == 0 ? 0 : errno;
}

#ifdef __linux__
void ask_the_kernel(int family, unsigned long code, void* request) {
    const int any_socket = ::socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    const bool done = ::ioctl(any_socket, code, request) == 0;
    INFO(std::strerror(errno));
    CHECK(done);
    ::close(any_socket);
}

void take_away_ipv6(const char* ip) {
    struct { // struct in6_ifreq of linux/ipv6.h, which cannot be included beside netinet/in.h
        in6_addr address;
        std::uint32_t prefix;
        int device;
    } request{{}, 128, static_cast<int>(::if_nametoindex("lo"))};
    ::inet_pton(AF_INET6, ip, &request.address);
    ask_the_kernel(AF_INET6, SIOCDIFADDR, &request);
}

void take_away_all_ipv4() {
    for (const char* const label : {"lo:2", "lo:1", "lo"}) {
        ifreq request{};
        std::strcpy(request.ifr_name, label);
        request.ifr_addr.sa_family = AF_INET; // 0.0.0.0: none
        ask_the_kernel(AF_INET, SIOCSIFADDR, &request);
    }
}
#endif

} // namespace

// Names

TEST_CASE("look_up: localhost is ::1 before it is 127.0.0.1, although the file has them the other way round") {
    need_private_names();
    need_ipv6();
    CHECK(run("look_up", {}).output == "[::1]:8080\n127.0.0.1:8080\n");
    CHECK(run("look_up", {"roof", "80"}).output == "[2001:db8:7::20]:80\n192.168.7.20:80\n");
    CHECK(addresses("localhost", 0) == std::vector<std::string>{"::1", "127.0.0.1"});
}

TEST_CASE("look_up: an address is its own only answer, and a name that nobody knows is an error") {
    need_private_names();
    CHECK(run("look_up", {"127.0.0.1"}).output == "127.0.0.1:8080\n");
    const Ended unknown = run("look_up", {"cellar"});
    CHECK(unknown.status == 1);
    CHECK_THAT(unknown.complaints, StartsWith("look_up: resolve: "));
}

#ifdef __linux__
TEST_CASE("look_up: an address to which there is no way comes last") {
    need_private_names();
    need_ipv6();
    take_away_ipv6("2001:db8:7::20"); // another one is left, so that IPv6 is asked for
    CHECK(run("look_up", {"roof"}).output == "192.168.7.20:8080\n[2001:db8:7::20]:8080\n");
}

TEST_CASE("resolver: on a machine with ::1 and no other IPv6 address, getent leaves ::1 out, and Asio does not") {
    need_private_names();
    need_ipv6();
    for (const char* const ip : {"2001:db8::1", "2001:db8:7::20", "fe80::20"})
        take_away_ipv6(ip);
    CHECK_THAT(output_of("getent", {"ahosts", "localhost"}), !ContainsSubstring("::1"));
    CHECK_THAT(output_of("getent", {"ahosts", "localhost"}), ContainsSubstring("127.0.0.1"));
    for (const std::string& ip : addresses("localhost", AI_ADDRCONFIG))
        CHECK(ip == "127.0.0.1");
    CHECK(addresses("localhost", 0) == std::vector<std::string>{"::1", "127.0.0.1"});
    CHECK(run("look_up", {}).output == "[::1]:8080\n127.0.0.1:8080\n");
}
#endif

// Clients

TEST_CASE("call_first: the first endpoint refuses, and the client gives up") {
    need_private_names();
    need_ipv6();
    const Client server = listening_socket("127.0.0.1", 8080);
    const Ended first = run("call_first", {});
    CHECK(first.output == "[::1]:8080: Connection refused\n");
    CHECK(first.status == 1);
}

TEST_CASE("call_each: the first endpoint refuses, and the second answers") {
    need_private_names();
    need_ipv6();
    const Client server = listening_socket("127.0.0.1", 8080);
    const Ended each = run("call_each", {});
    CHECK(each.output == "[::1]:8080: Connection refused\n127.0.0.1:8080: connected\n");
    CHECK(each.status == 0);
    CHECK(in_the_queue(server) == 1);
}

TEST_CASE("call_each: it stops at the first that answers, and fails if none does") {
    need_private_names();
    need_ipv6();
    const Client six = listening_socket("2001:db8:7::20", 8080), four = listening_socket("192.168.7.20", 8080);
    CHECK(run("call_each", {"roof"}).output == "[2001:db8:7::20]:8080: connected\n");
    CHECK(in_the_queue(four) == 0);
    const Ended nobody = run("call_each", {"roof", "9"});
    CHECK(nobody.output == "[2001:db8:7::20]:9: Connection refused\n192.168.7.20:9: Connection refused\n");
    CHECK(nobody.status == 1);
}

#ifdef __linux__
TEST_CASE("call_each: while the first endpoint is silent, the second is not called") {
    need_private_names();
    need_ipv6();
    const Silent silent;
    const Client server = listening_socket("127.0.0.1", 8080);
    const Process client{support::program("call_each")};
    CHECK(eventually([&] { return waits_in_vain(client); }));
    CHECK(client.output().empty());
    CHECK(in_the_queue(server) == 0);
}

TEST_CASE("stuck: its queue is full, and whoever comes next is not answered") {
    need_private_names();
    need_ipv6();
    Process stuck{support::program("stuck")};
    CHECK(stuck.wait_for_line("hanging") == "hanging on [::1]:8080");
    for (const auto& row : stuck.sockets(Protocol::tcp))
        if (row.state == "LISTEN")
            REQUIRE(row.received > row.sent); // as many wait as there is room for, and the one that Linux adds
    const Client next = begin_to_connect({"::1", 8080});
    const auto row = common::kernel_socket(Protocol::tcp, next.local(), {"::1", 8080});
    REQUIRE(row);
    CHECK(row->state == "SYN-SENT");
    stuck.type("\n");
    CHECK(stuck.wait_for_exit() == 0);
}
#endif

TEST_CASE("race: when the first endpoint has been silent for 250 ms, the second is called, and wins") {
    need_private_names();
    need_ipv6();
    const Silent silent;
    const Client server = listening_socket("127.0.0.1", 8080);
    const auto start = std::chrono::steady_clock::now();
    const Ended race = run("race", {});
    CHECK(std::chrono::steady_clock::now() - start >= std::chrono::milliseconds{250});
    CHECK(race.output == "127.0.0.1:8080: connected\n");
    CHECK(race.status == 0);
    CHECK(in_the_queue(server) == 1);
}

TEST_CASE("race: the next endpoint is called when the one before has refused, and none is called after the winner") {
    need_private_names();
    need_ipv6();
    const Client four = listening_socket("127.0.0.1", 8080);
    CHECK(run("race", {}).output == "[::1]:8080: Connection refused\n127.0.0.1:8080: connected\n");
    CHECK(in_the_queue(four) == 1);
    const Client six = listening_socket("::1", 8080);
    CHECK(run("race", {}).output == "[::1]:8080: connected\n");
    CHECK(in_the_queue(four) == 1);
}

TEST_CASE("race: it fails if nobody answers") {
    need_private_names();
    need_ipv6();
    const Ended race = run("race", {});
    CHECK(race.output == "[::1]:8080: Connection refused\n127.0.0.1:8080: Connection refused\n");
    CHECK(race.status == 1);
}

TEST_CASE("curl and bash try both addresses of localhost") {
    need_private_names();
    need_ipv6();
    const Client server = listening_socket("127.0.0.1", 8080);
    Process bash{"/bin/bash", {.arguments = {"-c", "exec 3<>/dev/tcp/localhost/8080"}}};
    CHECK(bash.wait_for_exit() == 0);
    CHECK(in_the_queue(server) == 1);
    Process curl{installed("curl"), {.arguments = {"-s", "--noproxy", "*", "telnet://localhost:8080"}}};
    CHECK(eventually([&] { return in_the_queue(server) == 2; }));
}

// Listeners

TEST_CASE("door: on the wildcard of IPv6 it takes both families, whatever net.ipv6.bindv6only says, and sees IPv4 "
          "clients as mapped") {
    need_private_names();
    need_ipv6();
    const std::string setting = GENERATE("0", "1");
    set_sysctl("net/ipv6/bindv6only", setting);
    Door door{"::"};
    CHECK(door.line == "listening on [::]:8080");
    CHECK(connect_to({"192.168.7.20", 8080}).error() == 0);
    CHECK(door.process.wait_for_line("came in") == "::ffff:192.168.7.20 came in by ::ffff:192.168.7.20");
    CHECK(connect_to({"2001:db8:7::20", 8080}).error() == 0);
    CHECK(door.process.wait_for_line("2001:") == "2001:db8:7::20 came in by 2001:db8:7::20");
}

TEST_CASE("door: on ::1 it is not found at 127.0.0.1, nor the other way round") {
    need_private_network();
    need_ipv6();
    {
        const Door six{"::1"};
        CHECK(connect_to({"127.0.0.1", 8080}).error() == ECONNREFUSED);
    }
    const Door four{"127.0.0.1", "8081"};
    CHECK(connect_to({"::1", 8081}).error() == ECONNREFUSED);
}

TEST_CASE("door: it ends on Enter, and a HOST that is a name stops it with status 78") {
    need_private_network();
    Door door{"127.0.0.1"};
    door.process.type("\n");
    CHECK(door.process.wait_for_exit() == 0);
    Process program{support::program("door"), {.environment = {{"HOST", "localhost"}}}};
    CHECK(program.wait_for_exit() == 78);
}

TEST_CASE("door: a system without IPv6 does not have its wildcard") {
    need_private_network();
    Process door{support::program("door"), {.environment = {{"HOST", "::"}}, .lacking = Lacking::ipv6}};
    CHECK(door.wait_for_exit() == 1);
    CHECK(door.complaints() == "door: open: Address family not supported by protocol\n");
}

#ifdef __linux__
TEST_CASE("door: with IPv6 switched off by the setting, its wildcard still takes IPv4 clients") {
    need_private_network();
    need_ipv6();
    set_sysctl("net/ipv6/conf/all/disable_ipv6", "1");
    const Door door{"::"};
    CHECK(connect_to({"127.0.0.1", 8080}).error() == 0);
    CHECK(connect_to({"::1", 8080}).error() != 0);
}

TEST_CASE(
    "kernel: in a network without IPv4, 0.0.0.0 can be bound and is not found, and the wildcard of IPv6 is found") {
    need_private_names();
    need_ipv6();
    take_away_all_ipv4();
    const Door four{"0.0.0.0"};
    const Door both{"::", "8081"};
    CHECK(connect_to({"2001:db8:7::20", 8080}).error() == ECONNREFUSED);
    CHECK(connect_to({"2001:db8:7::20", 8081}).error() == 0);
    CHECK(connect_to({"192.168.7.20", 8080}).error() == ENETUNREACH);
}

TEST_CASE("kernel: a link-local address needs its interface, in bind and in connect") {
    need_private_names();
    need_ipv6();
    Door door{"fe80::20%lo"};
    CHECK(door.line == "listening on [fe80::20%lo]:8080");
    CHECK(run("call_each", {"fe80::20%lo"}).output == "[fe80::20%lo]:8080: connected\n");
    CHECK(door.process.wait_for_line("came in") == "fe80::20%lo came in by fe80::20%lo");
    CHECK(run("call_each", {"fe80::20"}).output == "[fe80::20]:8080: Invalid argument\n");
    CHECK(bound_socket("fe80::20", 8081).error() == EINVAL);
}

TEST_CASE("kernel: an interface that a machine does not have makes no address") {
    need_private_names();
    const Ended call = run("call_each", {"fe80::20%eth7"});
    CHECK(call.status == 1);
    CHECK_THAT(call.complaints, StartsWith("call_each: resolve: "));
}
#endif

TEST_CASE("kernel: an IPv6 socket may call an IPv4 server by its mapped address, unless it is for IPv6 alone") {
    need_private_network();
    need_ipv6();
    const Client server = listening_socket("127.0.0.1");
    CHECK(call_from_ipv6("::ffff:127.0.0.1", server.local().port, 0) == 0);
    CHECK(call_from_ipv6("::ffff:127.0.0.1", server.local().port, 1) == ENETUNREACH);
}

TEST_CASE("asio: a mapped address is not equal to the IPv4 address, until it is converted") {
    const auto four = asio::ip::make_address("192.168.7.20"), mapped = asio::ip::make_address("::ffff:192.168.7.20");
    CHECK(four != mapped);
    CHECK(mapped.to_v6().is_v4_mapped());
    CHECK(asio::ip::address{asio::ip::make_address_v4(asio::ip::v4_mapped, mapped.to_v6())} == four);
}

TEST_CASE("ss -4 shows neither a socket for both families nor its connections over IPv4") {
    need_private_names();
    need_ipv6();
    const Door door{"::"};
    Process beacon{support::program("beacon")};
    beacon.wait_for_line("waiting");
    const Client client = connect_to({"192.168.7.20", 8080});
    const std::string port = "sport = :8080";
    CHECK(output_of("ss", {"-4Hatun", port}).empty());
    const std::string all = output_of("ss", {"-Hatun", port});
    CHECK_THAT(all, ContainsSubstring(" *:8080 "));
    CHECK_THAT(all, ContainsSubstring("[::ffff:192.168.7.20]:8080 "));
    CHECK_THAT(all, ContainsSubstring("udp"));
}

// UDP

TEST_CASE("beacon: one UDP socket answers both families, and sees IPv4 as mapped") {
    need_private_network();
    need_ipv6();
    set_sysctl("net/ipv6/bindv6only", "1");
    Process beacon{support::program("beacon")};
    CHECK(beacon.wait_for_line("waiting") == "waiting at [::]:8080");
    for (const std::string ip : {"127.0.0.1", "::1"}) {
        CAPTURE(ip);
        Client asks = udp_socket(ip, 0, {ip, 8080});
        asks.send("temperature?");
        const std::string from = ip == "::1" ? "[::1]" : "[::ffff:127.0.0.1]";
        CHECK(beacon.wait_for_line("asks") == from + ":" + std::to_string(asks.local().port) + " asks");
        CHECK(asks.read_line() == "5.2 degrees");
    }
    beacon.type("\n");
    CHECK(beacon.wait_for_exit() == 0);
}

TEST_CASE("kernel: a datagram for the family that nobody serves is refused, and only a connected socket hears of it") {
    need_private_network();
    need_ipv6();
    const Client server = udp_socket("127.0.0.1");
    const Client asks = udp_socket("::1", 0, {"::1", server.local().port});
    CHECK(::send(asks.descriptor(), "?", 1, 0) == 1);
    std::array<char, 1> byte{};
    CHECK(::recv(asks.descriptor(), byte.data(), byte.size(), 0) == -1);
    CHECK(errno == ECONNREFUSED);
}
