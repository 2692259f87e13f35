#include "tools/harness/network.hpp"
#include "tools/harness/process.hpp"

#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <fstream>
#include <list>
#include <map>
#include <netinet/in.h>
#include <set>
#include <sstream>
#include <sys/socket.h>
#include <unistd.h>

using namespace support;
using Catch::Matchers::ContainsSubstring;
using common::Protocol;
using common::SocketRow;
using common::to_string;

namespace {

// A line "  LOCAL -> PEER  in the range", or "  LOCAL" alone, under the heading that says what it is.
struct Line {
    std::string local, peer, rest;
};

std::vector<Line> lines_under(const std::string& heading, const std::string& output) {
    std::vector<Line> result;
    std::istringstream text{output};
    bool inside = false;
    for (std::string line; std::getline(text, line);) {
        if (line.starts_with("  ") && inside) {
            Line read;
            std::string arrow;
            std::istringstream words{line};
            words >> read.local >> arrow >> read.peer;
            std::getline(words, read.rest);
            result.push_back(read);
        } else {
            inside = line == heading;
        }
    }
    INFO("looking for lines under \"" << heading << "\" in:\n" << output);
    REQUIRE_FALSE(result.empty());
    return result;
}

// What the program holds when it has played all its scenes.
struct Held {
    std::vector<SocketRow> listeners, connections;
};

Held held_by(Process& client) {
    client.wait_for_line("Press Enter");
    Held held;
    for (const SocketRow& row : client.sockets(Protocol::tcp)) {
        INFO(to_string(row.local) << " -> " << to_string(row.peer) << ' ' << row.state);
        REQUIRE((row.state == "LISTEN" || row.state == "ESTAB"));
        (row.state == "LISTEN" ? held.listeners : held.connections).push_back(row);
    }
    return held;
}

bool is_among(const std::vector<SocketRow>& rows, const Line& line) {
    INFO("printed: " << line.local << " -> " << line.peer);
    for (const SocketRow& row : rows)
        UNSCOPED_INFO("held: " << to_string(row.local) << " -> " << to_string(row.peer));
    return std::any_of(rows.begin(), rows.end(), [&](const SocketRow& row) {
        return to_string(row.local) == line.local && to_string(row.peer) == line.peer;
    });
}

void set_range(unsigned first, unsigned last) {
    set_sysctl("net/ipv4/ip_local_port_range", std::to_string(first) + " " + std::to_string(last));
}

} // namespace

TEST_CASE("before connect the client has no port, and after it has one, as the kernel shows") {
    Process client{program("client_port")};
    const Held held = held_by(client);
    CHECK(lines_under("before connect", client.output()).at(0).local == "0.0.0.0:0");
    const Line after = lines_under("after connect", client.output()).at(0);
    CHECK(is_among(held.connections, after));
    CHECK(address_in(after.local).ip == "127.0.0.1");
    CHECK(address_in(after.local).port != 0);
}

TEST_CASE("every connection that it prints is one that it holds, and the reverse") {
    Process client{program("client_port")};
    const Held held = held_by(client);
    std::set<std::string> printed, real;
    for (const auto heading :
         {"after connect", "more connections to that server", "the same port, to the other server"})
        for (const Line& line : lines_under(heading, client.output()))
            printed.insert(line.local + " -> " + line.peer);
    for (const SocketRow& row : held.connections)
        real.insert(to_string(row.local) + " -> " + to_string(row.peer));
    CHECK(printed == real);
    CHECK(real.size() == 5);
    CHECK(held.listeners.size() == 2);
}

TEST_CASE("several connections at once to one server have a port each") {
    Process client{program("client_port")};
    std::map<std::string, std::multiset<std::uint16_t>> ports_by_server;
    for (const SocketRow& row : held_by(client).connections)
        ports_by_server[to_string(row.peer)].insert(row.local.port);
    std::size_t most = 0;
    for (const auto& [server, ports] : ports_by_server) {
        CAPTURE(server, ports);
        most = std::max(most, ports.size());
        CHECK(std::set(ports.begin(), ports.end()).size() == ports.size());
    }
    CHECK(most == 4);
}

TEST_CASE("one source port serves connections to two destinations") {
    Process client{program("client_port")};
    const Held held = held_by(client);
    const Line bound = lines_under("after connect", client.output()).at(1);
    const Line sharing = lines_under("the same port, to the other server", client.output()).at(0);
    CHECK(is_among(held.connections, bound));
    CHECK(is_among(held.connections, sharing));
    CHECK(sharing.local == bound.local);
    CHECK(sharing.peer != bound.peer);
    CHECK_THAT(client.output(), ContainsSubstring("the same port, to the same server\n  " + bound.local + " -> " +
                                                  bound.peer + ": Cannot assign requested address"));
}

TEST_CASE("a client that binds has its port before connect and keeps it") {
    Process client{program("client_port")};
    const Held held = held_by(client);
    const Line before = lines_under("a client that has called bind, before connect", client.output()).at(0);
    const Line after = lines_under("after connect", client.output()).at(1);
    CHECK(address_in(before.local).port != 0);
    CHECK(before.local == after.local);
    CHECK(is_among(held.connections, after));
}

TEST_CASE("the range that it prints is the system's, and it says rightly whether each port is in it") {
    std::ifstream setting{"/proc/sys/net/ipv4/ip_local_port_range"};
    unsigned first = 0, last = 0;
    if (!(setting >> first >> last))
        SKIP("this system has no /proc/sys/net/ipv4/ip_local_port_range");
    Process client{program("client_port")};
    client.wait_for_line("Press Enter");
    CHECK_THAT(client.output(), ContainsSubstring("the system picks ports from the range " + std::to_string(first) +
                                                  "-" + std::to_string(last) + "\n"));
    for (const auto heading :
         {"after connect", "more connections to that server", "the same port, to the other server"})
        for (const Line& line : lines_under(heading, client.output())) {
            const unsigned port = address_in(line.local).port;
            CAPTURE(port, first, last);
            CHECK(line.rest == (first <= port && port <= last ? "  in the range" : "  outside the range"));
        }
}

TEST_CASE("in a range of six ports it needs all six and leaves none of them") {
    set_range(20000, 20005); // two listeners, three clients, one that binds; the last shares a port
    Process client{program("client_port")};
    const Held held = held_by(client);
    std::set<unsigned> ports;
    for (const auto* rows : {&held.listeners, &held.connections})
        for (const SocketRow& row : *rows)
            ports.insert(row.local.port);
    CHECK(ports == std::set<unsigned>{20000, 20001, 20002, 20003, 20004, 20005});
}

TEST_CASE("when the range is used up it says so and ends with status 1") {
    SECTION("at connect") {
        set_range(20000, 20003);
        Process client{program("client_port")};
        client.close_input();
        CHECK(client.wait_for_exit() == 1);
        CHECK_THAT(client.complaints(), ContainsSubstring("connect: Cannot assign requested address"));
        CHECK_THAT(client.complaints(), ContainsSubstring("no port from 20000 to 20003 is free on 127.0.0.1:\nclose "
                                                          "connections, or widen net.ipv4.ip_local_port_range"));
    }
    SECTION("at bind") {
        set_range(20000, 20000);
        Process client{program("client_port")};
        client.close_input();
        CHECK(client.wait_for_exit() == 1);
        CHECK_THAT(client.complaints(), ContainsSubstring("bind: Address already in use"));
        CHECK_THAT(client.complaints(), ContainsSubstring("no port from 20000 to 20000 is free on 127.0.0.1:\nclose "
                                                          "connections, or widen net.ipv4.ip_local_port_range"));
    }
}

TEST_CASE("where the range cannot be read it says so and goes on") {
    const std::string path = program("client_port");
    const auto without_setting = [&](const std::string& command) {
        Launch launch{
            .arguments = {"--mount", "sh", "-c", "mount -t tmpfs none /proc/sys/net/ipv4 && " + command, path}};
        if (::geteuid() != 0)
            launch.arguments.insert(launch.arguments.begin(), "--map-root-user");
        return launch;
    };
    if (::access("/usr/bin/unshare", X_OK) != 0)
        SKIP("needs unshare(1)");
    if (Process probe{"/usr/bin/unshare", without_setting("true")}; probe.wait_for_exit() != 0)
        SKIP("needs a mount namespace; " << probe.complaints());
    Process client{"/usr/bin/unshare", without_setting("exec \"$0\"")};
    client.wait_for_line("the range that the system picks ports from cannot be read here");
    client.wait_for_line("Press Enter");
    CHECK_THAT(client.output(), !ContainsSubstring("in the range"));
    client.type("\n");
    CHECK(client.wait_for_exit() == 0);
}

TEST_CASE("Enter, end of input, SIGINT and SIGTERM each end it with status 0") {
    const std::string end = GENERATE("Enter", "end of input", "SIGINT", "SIGTERM");
    CAPTURE(end);
    Process client{program("client_port")};
    client.wait_for_line("Press Enter");
    if (end == "Enter")
        client.type("\n");
    else if (end == "end of input")
        client.close_input();
    else
        client.send_signal(end == "SIGINT" ? SIGINT : SIGTERM);
    CHECK(client.wait_for_exit() == 0);
    CHECK(client.complaints().empty());
}

// What the kernel does with a range of four ports, for the text of the chapter.

TEST_CASE("kernel: connections made by connect alone share the range across destinations") {
    set_range(20000, 20003);
    const Client one = listening_socket("127.0.0.1", 30000), other = listening_socket("127.0.0.1", 30001);
    std::list<Client> clients;
    for (const Client* server : {&one, &other}) {
        std::set<unsigned> ports;
        for (int i = 0; i < 4; ++i) {
            const Client& client = clients.emplace_back(connect_to(server->local()));
            REQUIRE(client.error() == 0);
            ports.insert(client.local().port);
        }
        CHECK(ports == std::set<unsigned>{20000, 20001, 20002, 20003});
        CHECK(connect_to(server->local()).error() == EADDRNOTAVAIL);
    }
    CHECK(bound_socket("127.0.0.1").error() == EADDRINUSE);
    const Client third = listening_socket("127.0.0.1", 30002);
    CHECK(connect_to(third.local()).error() == 0);
}

TEST_CASE("kernel: a client that binds port 0 first shares no port, unless it sets IP_BIND_ADDRESS_NO_PORT") {
#ifdef IP_BIND_ADDRESS_NO_PORT
    set_range(20000, 20003);
    const Client one = listening_socket("127.0.0.1", 30000), other = listening_socket("127.0.0.1", 30001);
    std::list<Client> clients;
    for (int i = 0; i < 4; ++i)
        REQUIRE(clients.emplace_back(connect_to(one.local())).error() == 0);
    CHECK(connect_to(other.local(), {"127.0.0.1", 0}).error() == EADDRINUSE);

    const Client late{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    const int on = 1;
    REQUIRE(::setsockopt(late.descriptor(), IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on) == 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const auto* any_port = reinterpret_cast<const sockaddr*>(&address);
    REQUIRE(::bind(late.descriptor(), any_port, sizeof address) == 0);
    CHECK(to_string(late.local()) == "127.0.0.1:0"); // the address is chosen, and the port is not yet
    address.sin_port = htons(30001);
    REQUIRE(::connect(late.descriptor(), any_port, sizeof address) == 0);
    CHECK(late.local().port >= 20000);
    CHECK(late.local().port <= 20003);
#else
    SKIP("this system has no IP_BIND_ADDRESS_NO_PORT");
#endif
}

TEST_CASE("kernel: a port that a client has by connect alone is refused to a server") {
    const Client server = listening_socket("127.0.0.1");
    const Client client = connect_to(server.local());
    REQUIRE(client.error() == 0);
    CHECK(bound_socket("127.0.0.1", client.local().port).error() == EADDRINUSE);
}

TEST_CASE("kernel: a client that calls the port that it is given itself is connected to itself") {
    set_range(20000, 20000);
    Client alone = connect_to({"127.0.0.1", 20000});
    REQUIRE(alone.error() == 0);
    CHECK(to_string(alone.local()) == "127.0.0.1:20000");
    CHECK(to_string(alone.peer()) == "127.0.0.1:20000");
    alone.send("hello");
    CHECK(alone.read(5) == "hello");
}

TEST_CASE("kernel: a port below the range is never given to a client") {
    set_range(20000, 20001);
    const Client server = listening_socket("127.0.0.1", 8080);
    std::list<Client> clients;
    while (clients.empty() || clients.back().error() == 0)
        clients.push_back(connect_to(server.local()));
    CHECK(clients.back().error() == EADDRNOTAVAIL);
    CHECK(clients.size() == 3);
}

TEST_CASE("kernel: a second client that binds the same port is refused, whatever it calls") {
    const Client one = listening_socket("127.0.0.1"), other = listening_socket("127.0.0.1");
    const Client first = connect_to(one.local(), {"127.0.0.1", 0});
    REQUIRE(first.error() == 0);
    CHECK(connect_to(one.local(), first.local()).error() == EADDRINUSE);
    CHECK(connect_to(other.local(), first.local()).error() == EADDRINUSE);
}

TEST_CASE("kernel: connect passes over a port that a socket has bound, on another address too") {
    set_range(20000, 20000);
    const Client server = listening_socket("127.0.0.1", 8080);
    {
        const Client bound = bound_socket("127.0.0.2", 20000);
        REQUIRE(bound.error() == 0);
        CHECK(connect_to(server.local()).error() == EADDRNOTAVAIL);
    }
    CHECK(connect_to(server.local()).error() == 0);
}
