#include "tools/harness/network.hpp"
#include "tools/harness/process.hpp"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <fstream>
#include <list>
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

void set_range(unsigned first, unsigned last) {
    set_sysctl("net/ipv4/ip_local_port_range", std::to_string(first) + " " + std::to_string(last));
}

} // namespace

TEST_CASE("before connect the client has no port, and after it has one, as the kernel shows") {
    Client server = listening_socket("127.0.0.1");
    Process client{program("client_port"), {.environment = {{"PORT", std::to_string(server.local().port)}}}};
    Client accepted = server.accept();
    CHECK(client.wait_for_line("before connect: ") == "before connect: 0.0.0.0:0");
    CHECK(client.wait_for_line("after connect: ") ==
          "after connect: " + to_string(accepted.peer()) + " -> " + to_string(server.local()));
    accepted.send("21.5 degrees\n");
    client.wait_for_line("21.5 degrees");
    const auto held = client.sockets(Protocol::tcp);
    REQUIRE(held.size() == 1);
    CHECK(held[0].state == "ESTAB");
    CHECK(held[0].local == accepted.peer());
    CHECK(held[0].peer == server.local());
}

TEST_CASE("the client's port is from the system's range") {
    std::ifstream setting{"/proc/sys/net/ipv4/ip_local_port_range"};
    unsigned first = 0, last = 0;
    if (!(setting >> first >> last))
        SKIP("this system has no /proc/sys/net/ipv4/ip_local_port_range");
    Client server = listening_socket("127.0.0.1");
    std::list<Process> clients;
    for (int i = 0; i < 3; ++i) {
        clients.emplace_back(program("client_port"),
                             Launch{.environment = {{"PORT", std::to_string(server.local().port)}}});
        const unsigned port = server.accept().peer().port;
        CHECK(port >= first);
        CHECK(port <= last);
    }
}

TEST_CASE("several connections at once to one server have a port each") {
    Client server = listening_socket("127.0.0.1");
    const Launch launch{.environment = {{"PORT", std::to_string(server.local().port)}}};
    std::list<Process> clients;
    std::list<Client> accepted;
    std::set<unsigned> ports;
    for (int i = 0; i < 4; ++i) {
        clients.emplace_back(program("client_port"), launch);
        ports.insert(accepted.emplace_back(server.accept()).peer().port);
    }
    CHECK(ports.size() == 4);
}

TEST_CASE("a refusal is told with the server's endpoint, on standard error, with status 1") {
    const Client server = bound_socket("127.0.0.1");
    Process client{program("client_port"), {.environment = {{"PORT", std::to_string(server.local().port)}}}};
    CHECK(client.wait_for_exit() == 1);
    CHECK(client.output() == "before connect: 0.0.0.0:0\n");
    CHECK(client.complaints() == "client_port: " + to_string(server.local()) + ": Connection refused\n");
}

TEST_CASE("a PORT that is not a port stops it with status 78 before it opens a socket") {
    Process client{program("client_port"), {.environment = {{"PORT", "80abc"}}, .lacking = Lacking::sockets}};
    CHECK(client.wait_for_exit() == 78);
    CHECK_THAT(client.complaints(), ContainsSubstring("PORT=\"80abc\" is not a port"));
}

TEST_CASE("Enter, end of input, SIGINT and SIGTERM each end it with status 0") {
    const std::string end = GENERATE("Enter", "end of input", "SIGINT", "SIGTERM");
    CAPTURE(end);
    Client server = listening_socket("127.0.0.1");
    Process client{program("client_port"), {.environment = {{"PORT", std::to_string(server.local().port)}}}};
    Client accepted = server.accept();
    accepted.send("21.5 degrees\n");
    client.wait_for_line("21.5 degrees");
    if (end == "Enter")
        client.type("\n");
    else if (end == "end of input")
        client.close_input();
    else
        client.send_signal(end == "SIGINT" ? SIGINT : SIGTERM);
    CHECK(client.wait_for_exit() == 0);
    CHECK(client.complaints().empty());
}

TEST_CASE("one source port serves connections to two destinations") {
    Process client{program("same_port")};
    std::vector<std::string> local, peer, outcome;
    for (int i = 0; i < 3; ++i) {
        std::istringstream words{client.wait_for_line(" -> ")};
        std::string arrow, rest;
        words >> local.emplace_back() >> arrow >> peer.emplace_back();
        std::getline(words, outcome.emplace_back());
    }
    CHECK(outcome == std::vector<std::string>{" connected", " Cannot assign requested address", " connected"});
    CHECK((local[1] == local[0] && local[2] == local[0]));
    CHECK(peer[1] == peer[0]);
    CHECK(peer[2] != peer[0]);
    std::set<std::string> printed{local[0] + " -> " + peer[0], local[2] + " -> " + peer[2]}, real;
    for (const SocketRow& row : client.sockets(Protocol::tcp))
        if (row.state == "ESTAB")
            real.insert(to_string(row.local) + " -> " + to_string(row.peer) + ':');
    CHECK(printed == real);
}

TEST_CASE("when the range is used up, connect, bind and UDP each say so in words of their own") {
    set_range(20000, 20003);
    Process client{program("run_out")};
    CHECK(client.wait_for_exit() == 0);
    CHECK(client.output() == "127.0.0.1:8080: 4 clients, then Cannot assign requested address\n"
                             "127.0.0.1:8081: 4 clients, then Cannot assign requested address\n"
                             "bind to port 0: Address already in use\n"
                             "UDP, 127.0.0.1:8080: 4 clients, then No buffer space available\n");
}

TEST_CASE("the end of a connection: one direction at a time, and TIME-WAIT for whoever closed first") {
    need_private_network();
    Process ends{program("hang_up")};
    CHECK(ends.wait_for_exit() == 0);
    std::istringstream words{ends.output()};
    std::string all;
    for (std::string word; words >> word;)
        all += word + ' ';
    CHECK(all == "thermometer display "
                 "connected ESTAB ESTAB "
                 "thermometer is done FIN-WAIT-2 CLOSE-WAIT "
                 "display reads 5 bytes, then End of file "
                 "display still talks FIN-WAIT-2 CLOSE-WAIT "
                 "display is done TIME-WAIT none ");
    const auto left = common::kernel_sockets(Protocol::tcp);
    REQUIRE(left.size() == 1);
    CHECK(left[0].state == "TIME-WAIT");
    CHECK(left[0].local.port == 8080);
    CHECK(left[0].inode == 0);
}

// How a connection ends, for the text of the chapter.

namespace {

std::string state_of(const Address& local, const Address& peer) {
    const auto row = common::kernel_socket(Protocol::tcp, local, peer);
    return row ? row->state : "none";
}

struct Pair {
    Client listener = listening_socket("127.0.0.1"), client = connect_to(listener.local()), server = listener.accept();
    Address near = server.local(), far = server.peer();
    bool are(const std::string& server_state, const std::string& client_state) const {
        return eventually([&] { return state_of(near, far) == server_state && state_of(far, near) == client_state; });
    }
};

} // namespace

TEST_CASE("kernel: whoever closes first keeps TIME-WAIT, server or client, and the other keeps nothing") {
    const bool server_first = GENERATE(true, false);
    Pair pair;
    (server_first ? pair.server : pair.client).close();
    CHECK((server_first ? pair.are("FIN-WAIT-2", "CLOSE-WAIT") : pair.are("CLOSE-WAIT", "FIN-WAIT-2")));
    (server_first ? pair.client : pair.server).close();
    CHECK((server_first ? pair.are("TIME-WAIT", "none") : pair.are("none", "TIME-WAIT")));
}

TEST_CASE("kernel: CLOSE-WAIT lasts until the program closes its socket, and nothing else ends it") {
    Pair pair;
    pair.client.close();
    CHECK(pair.are("CLOSE-WAIT", "FIN-WAIT-2"));
    CHECK(pair.server.read_to_end().empty());
    CHECK(state_of(pair.near, pair.far) == "CLOSE-WAIT");
    pair.server.close();
    CHECK(pair.are("none", "TIME-WAIT"));
}

TEST_CASE("kernel: FIN-WAIT-2 without a process lasts as long as tcp_fin_timeout says") {
    const std::string seconds = GENERATE("2", "60");
    set_sysctl("net/ipv4/tcp_fin_timeout", seconds);
    Pair pair;
    pair.server.close();
    REQUIRE(pair.are("FIN-WAIT-2", "CLOSE-WAIT"));
    if (seconds == "2") {
        CHECK(pair.are("none", "CLOSE-WAIT"));
    } else {
        const auto begin = std::chrono::steady_clock::now();
        while (std::chrono::steady_clock::now() < begin + std::chrono::seconds{5})
            REQUIRE(state_of(pair.near, pair.far) == "FIN-WAIT-2");
    }
}

TEST_CASE("kernel: a reset leaves nothing of either end, and whoever reads gets what had come, then ECONNRESET") {
    Pair pair;
    pair.server.send("21.5 degrees\n");
    REQUIRE(eventually([&] {
        const auto row = common::kernel_socket(Protocol::tcp, pair.far, pair.near);
        return row && row->received == 13;
    }));
    reset(std::move(pair.server));
    CHECK(pair.are("none", "none"));
    CHECK(pair.client.read(13) == "21.5 degrees\n");
    char byte = 0;
    CHECK(::recv(pair.client.descriptor(), &byte, 1, 0) == -1);
    CHECK(errno == ECONNRESET);
}

TEST_CASE("kernel: TIME-WAIT is over for a new call between the same ends on loopback after a second, not after 60") {
    set_range(20000, 20000);
    set_sysctl("net/ipv4/tcp_tw_reuse", "2"); // Linux's default: on loopback alone
    Client listener = listening_socket("127.0.0.1", 8080);
    Client client = connect_to(listener.local());
    REQUIRE(client.error() == 0);
    Client server = listener.accept();
    client.close();
    server.read_to_end();
    server.close();
    REQUIRE(eventually([] { return state_of({"127.0.0.1", 20000}, {"127.0.0.1", 8080}) == "TIME-WAIT"; }));
    CHECK(connect_to(listener.local()).error() == EADDRNOTAVAIL);
    CHECK(eventually([&] { return connect_to(listener.local()).error() == 0; })); // within 20 s
}

TEST_CASE("kernel: without tcp_tw_reuse, or without time stamps, TIME-WAIT is in the way of a new call for longer than "
          "three seconds") {
    const bool stamps = GENERATE(true, false);
    stamps ? set_range(20000, 20000) : set_range(20001, 20001); // the first one's TIME-WAIT is there yet
    set_sysctl("net/ipv4/tcp_tw_reuse", stamps ? "0" : "2");
    set_sysctl("net/ipv4/tcp_timestamps", stamps ? "1" : "0");
    Client listener = listening_socket("127.0.0.1", stamps ? 8080 : 8081);
    Client client = connect_to(listener.local());
    REQUIRE(client.error() == 0);
    Client server = listener.accept();
    client.close();
    server.read_to_end();
    server.close();
    const auto begin = std::chrono::steady_clock::now();
    while (std::chrono::steady_clock::now() < begin + std::chrono::seconds{3})
        REQUIRE(connect_to(listener.local()).error() == EADDRNOTAVAIL);
}

TEST_CASE("kernel: TIME-WAIT keeps one 4-tuple: another port, or another server, is free") {
    set_range(20000, 20000);
    set_sysctl("net/ipv4/tcp_tw_reuse", "0");
    Client thermometer = listening_socket("127.0.0.1", 8080);
    const Client barometer = listening_socket("127.0.0.1", 8081);
    Client client = connect_to(thermometer.local());
    REQUIRE(client.error() == 0);
    Client server = thermometer.accept();
    client.close();
    server.read_to_end();
    server.close();
    REQUIRE(eventually([] { return state_of({"127.0.0.1", 20000}, {"127.0.0.1", 8080}) == "TIME-WAIT"; }));
    CHECK(connect_to(thermometer.local()).error() == EADDRNOTAVAIL);
    CHECK(connect_to(barometer.local()).error() == 0); // from the same port
    set_range(20000, 20001);
    const Client from_another_port = connect_to(thermometer.local());
    CHECK(from_another_port.error() == 0);
    CHECK(from_another_port.local().port == 20001);
}

TEST_CASE("kernel: tcp_tw_reuse does not help a server that binds") {
    need_private_network();
    set_sysctl("net/ipv4/tcp_tw_reuse", "1");
    {
        Client listener = listening_socket("127.0.0.1", 8080);
        Client client = connect_to(listener.local());
        REQUIRE(client.error() == 0);
        listener.accept().close();
        CHECK(client.read_to_end().empty());
    }
    REQUIRE(eventually([] {
        for (const SocketRow& row : common::kernel_sockets(Protocol::tcp))
            if (row.local.port == 8080 && row.state == "TIME-WAIT")
                return true;
        return false;
    }));
    const auto begin = std::chrono::steady_clock::now();
    while (std::chrono::steady_clock::now() < begin + std::chrono::seconds{2})
        REQUIRE(bound_socket("127.0.0.1", 8080).error() == EADDRINUSE);
}

TEST_CASE("kernel: a reserved port is lent to nobody, and a server may bind it") {
    set_range(20000, 20001);
    set_sysctl("net/ipv4/ip_local_reserved_ports", "20000");
    const Client server = listening_socket("127.0.0.1", 8080);
    const Client client = connect_to(server.local());
    CHECK(client.local().port == 20001);
    CHECK(connect_to(server.local()).error() == EADDRNOTAVAIL);
    CHECK(bound_socket("127.0.0.1").error() == EADDRINUSE); // port 0 is not given it either
    CHECK(bound_socket("127.0.0.1", 20000).error() == 0);
}

TEST_CASE("kernel: SO_REUSEADDR does not help a server to a port that is lent to a client") {
    const Client server = listening_socket("127.0.0.1");
    const Client client = connect_to(server.local());
    REQUIRE(client.error() == 0);
    const Client late{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    const int on = 1;
    REQUIRE(::setsockopt(late.descriptor(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(client.local().port);
    CHECK(::bind(late.descriptor(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == -1);
    CHECK(errno == EADDRINUSE);
}

TEST_CASE("kernel: after a refusal getsockname still tells the port of the call, which is nobody's") {
    const Client nobody = bound_socket("127.0.0.1"); // does not listen
    const Client client{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(nobody.local().port);
    REQUIRE(::connect(client.descriptor(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == -1);
    REQUIRE(errno == ECONNREFUSED);
    CHECK(client.local().port != 0);
    CHECK(bound_socket("127.0.0.1", client.local().port).error() == 0);
}

TEST_CASE("kernel: a UDP socket that finds no port free gets EAGAIN, which Asio calls no_buffer_space") {
    set_range(20000, 20001);
    const auto connect = [] {
        Client socket{::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        address.sin_port = htons(8080);
        errno = 0;
        (void)::connect(socket.descriptor(), reinterpret_cast<const sockaddr*>(&address), sizeof address);
        return std::pair{std::move(socket), errno};
    };
    const auto first = connect(), second = connect(), third = connect();
    CHECK((first.second == 0 && second.second == 0));
    CHECK(third.second == EAGAIN);
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

TEST_CASE("kernel: a client that binds has its port before connect and keeps it") {
    const Client server = listening_socket("127.0.0.1");
    const Client client = bound_socket("127.0.0.1");
    const Address before = client.local();
    CHECK(before.port != 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(server.local().port);
    REQUIRE(::connect(client.descriptor(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
    CHECK(client.local() == before);
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
