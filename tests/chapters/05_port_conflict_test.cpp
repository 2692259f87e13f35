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
#include <csignal>
#include <fcntl.h>
#include <fstream>
#include <netinet/in.h>
#include <poll.h>
#include <sstream>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace support;
using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::EndsWith;
using common::Protocol;

namespace {

struct Options {
    bool reuse_address = false, reuse_port = false;
};

Client open_socket(int type, const Options& options) {
    Client socket{::socket(AF_INET, type | SOCK_CLOEXEC, 0)};
    const int address = options.reuse_address, port = options.reuse_port;
    REQUIRE(::setsockopt(socket.descriptor(), SOL_SOCKET, SO_REUSEADDR, &address, sizeof address) == 0);
    REQUIRE(::setsockopt(socket.descriptor(), SOL_SOCKET, SO_REUSEPORT, &port, sizeof port) == 0);
    return socket;
}

/// The errno of a bind of the test's own.
int bind_to(const Client& socket, const Address& address) {
    sockaddr_in local{};
    local.sin_family = AF_INET;
    local.sin_port = htons(address.port);
    REQUIRE(::inet_pton(AF_INET, address.ip.c_str(), &local.sin_addr) == 1);
    return ::bind(socket.descriptor(), reinterpret_cast<const sockaddr*>(&local), sizeof local) == 0 ? 0 : errno;
}

int bind_error(const Address& address, const Options& options = {}) {
    return bind_to(open_socket(SOCK_STREAM, options), address);
}

/// A listener of the test's own on a port that the kernel chooses.
Client listener_with(const Options& options) {
    Client socket = open_socket(SOCK_STREAM, options);
    REQUIRE(bind_to(socket, {"127.0.0.1", 0}) == 0);
    REQUIRE(::listen(socket.descriptor(), 128) == 0);
    return socket;
}

/// Listens as well on a port that is shared by SO_REUSEPORT.
Client second_listener(const Address& address) {
    Client socket = open_socket(SOCK_STREAM, {.reuse_port = true});
    REQUIRE(bind_to(socket, address) == 0);
    REQUIRE(::listen(socket.descriptor(), 128) == 0);
    return socket;
}

bool is_in_state(const Address& local, const std::string& state) {
    return std::ranges::any_of(common::kernel_sockets(Protocol::tcp),
                               [&](const common::SocketRow& row) { return row.local == local && row.state == state; });
}

/// What an old server leaves behind that has closed first, on an address of its own.
Address left_in_time_wait(const Options& options = {}) {
    Client listener = listener_with(options);
    const Address address = listener.local();
    Client client = connect_to(address);
    listener.accept().close();
    listener.close();
    CHECK(client.read_to_end().empty());
    client.close();
    REQUIRE(eventually([&] { return is_in_state(address, "TIME-WAIT"); }));
    return address;
}

struct Run {
    explicit Run(const std::string& program, std::vector<std::string> arguments = {})
        : process{support::program(program), {.arguments = std::move(arguments)}} {
        status = process.wait_for_exit();
        output = process.output();
    }
    Process process;
    int status;
    std::string output;
};

const std::string in_use = "Address already in use";

} // namespace

// ---- restart

TEST_CASE("restart: the new server gets the port only if the old one and the new one have set SO_REUSEADDR") {
    const std::string old_server = GENERATE("none", "reuse_address"), new_server = GENERATE("none", "reuse_address");
    CAPTURE(old_server, new_server);
    Process program{support::program("restart"), {.arguments = {old_server, new_server}}};
    const Address address = address_in(program.wait_for_line("the old server was on "));
    const bool both = old_server == "reuse_address" && new_server == "reuse_address";
    CHECK(program.wait_for_line("the new server's bind: ") == "the new server's bind: " + (both ? "OK" : in_use));
    need_private_network(); // elsewhere the port may be given to somebody else in the meantime
    CHECK(bind_error(address, {.reuse_address = true}) == (old_server == "none" ? EADDRINUSE : 0));
    CHECK(bind_error(address) == EADDRINUSE);
}

TEST_CASE("restart: what is left of the old server is a connection in TIME-WAIT, which no process holds") {
    Process program{support::program("restart"), {.arguments = {"none", "none"}}};
    const Address address = address_in(program.wait_for_line("the old server was on "));
    program.wait_for_line("the new server's bind");
    CHECK(eventually([&] { return !is_in_state(address, "FIN-WAIT-1") && !is_in_state(address, "FIN-WAIT-2"); }));
    std::vector<std::string> states;
    for (const auto& row : common::kernel_sockets(Protocol::tcp))
        if (row.local == address) {
            states.push_back(row.state);
            CHECK(row.inode == 0);
        }
    CHECK(states == std::vector<std::string>{"TIME-WAIT"});
    for (const auto& row : program.sockets(Protocol::tcp))
        CHECK(row.local != address);
}

TEST_CASE("TIME-WAIT lasts 60 seconds, whatever tcp_fin_timeout says") {
    set_sysctl("net/ipv4/tcp_fin_timeout", "5");
    using Clock = std::chrono::steady_clock;
    const auto before = Clock::now();
    left_in_time_wait();
    std::ifstream table{"/proc/net/tcp"};
    std::string line;
    std::getline(table, line); // the titles
    int in_time_wait = 0;
    while (std::getline(table, line)) { // "0: local peer state queues timer:left ...", in hexadecimal
        std::istringstream words{line};
        std::string number, local, peer, state, queues, timer;
        words >> number >> local >> peer >> state >> queues >> timer;
        if (state != "06")
            continue;
        ++in_time_wait;
        using Hundredths = std::chrono::duration<long, std::centi>; // of a second
        const Hundredths left{std::stol(timer.substr(timer.find(':') + 1), nullptr, 16)};
        const auto since = std::chrono::ceil<std::chrono::seconds>(Clock::now() - before);
        CAPTURE(line, left.count(), since.count());
        CHECK(left <= std::chrono::seconds{61}); // the kernel's timers may be a little late
        CHECK(left + since >= std::chrono::seconds{60});
    }
    CHECK(in_time_wait == 1);
}

TEST_CASE("kernel: tcp_tw_reuse does not let a server bind a port in TIME-WAIT") {
    set_sysctl("net/ipv4/tcp_tw_reuse", "1");
    CHECK(bind_error(left_in_time_wait()) == EADDRINUSE);
    CHECK(bind_error(left_in_time_wait(), {.reuse_address = true}) == EADDRINUSE);
}

TEST_CASE("kernel: if the client closes first, the server's port is free at once") {
    need_private_network();
    Client listener = listener_with({});
    const Address address = listener.local();
    Client client = connect_to(address), accepted = listener.accept();
    client.close();
    CHECK(accepted.read_to_end().empty());
    accepted.close();
    listener.close();
    CHECK(eventually([&] { return bind_error(address) == 0; })); // at once: TIME-WAIT would outlast any patience
    CHECK(std::chrono::seconds{60} > patience);
}

TEST_CASE("kernel: a listener that nobody has called frees its port at once") {
    need_private_network();
    Client listener = listener_with({});
    const Address address = listener.local();
    CHECK(bind_error(address) == EADDRINUSE);
    listener.close();
    CHECK(bind_error(address) == 0);
}

TEST_CASE("kernel: a connection that outlives its server is in the way as one in TIME-WAIT is") {
    const std::string state = GENERATE("ESTAB", "CLOSE-WAIT", "FIN-WAIT-2");
    for (const Options& old_server : {Options{}, Options{.reuse_address = true}, Options{.reuse_port = true}})
        for (const Options& new_server : {Options{}, Options{.reuse_address = true}, Options{.reuse_port = true}}) {
            Client listener = listener_with(old_server);
            const Address address = listener.local();
            Client client = connect_to(address), accepted = listener.accept();
            listener.close();
            if (state == "CLOSE-WAIT")
                client.shut_down_sending();
            if (state == "FIN-WAIT-2")
                accepted.close();
            REQUIRE(eventually([&] { return is_in_state(address, state); }));
            const bool both = (old_server.reuse_address && new_server.reuse_address) ||
                              (old_server.reuse_port && new_server.reuse_port);
            CAPTURE(state, old_server.reuse_address, old_server.reuse_port, new_server.reuse_address);
            CHECK(bind_error(address, new_server) == (both ? 0 : EADDRINUSE));
        }
}

TEST_CASE("kernel: SO_REUSEADDR counts when the other socket binds, so the first one may set it after its own bind") {
    const int yes = 1;
    const Client first = bound_socket("127.0.0.1");
    CHECK(bind_error(first.local(), {.reuse_address = true}) == EADDRINUSE);
    REQUIRE(::setsockopt(first.descriptor(), SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) == 0);
    CHECK(bind_error(first.local(), {.reuse_address = true}) == 0);
    CHECK(bind_error(first.local()) == EADDRINUSE);
}

TEST_CASE("kernel: of two sockets bound with SO_REUSEADDR the one that listens second is refused, whichever it is") {
    const bool first_listens_first = GENERATE(true, false);
    const int yes = 1;
    const Client first = bound_socket("127.0.0.1");
    REQUIRE(::setsockopt(first.descriptor(), SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) == 0);
    const Client second{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    REQUIRE(::setsockopt(second.descriptor(), SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) == 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(first.local().port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    REQUIRE(::bind(second.descriptor(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
    const Client &one = first_listens_first ? first : second, &other = first_listens_first ? second : first;
    CHECK(::listen(one.descriptor(), 1) == 0);
    CHECK(::listen(other.descriptor(), 1) == -1);
    CHECK(errno == EADDRINUSE);
    CHECK(connect_to(first.local()).error() == 0); // one serves
}

TEST_CASE("kernel: a listener with SO_REUSEPORT that is closed resets what is in its own queue") {
    const int yes = 1;
    std::array<int, 2> listeners{};
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    for (int& listener : listeners) {
        listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        REQUIRE(::setsockopt(listener, SOL_SOCKET, SO_REUSEPORT, &yes, sizeof yes) == 0);
        REQUIRE(::bind(listener, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
        REQUIRE(::listen(listener, 128) == 0);
        socklen_t size = sizeof address;
        REQUIRE(::getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size) == 0);
    }
    std::vector<Client> clients;
    for (int i = 0; i < 64; ++i) // by a hash of the 4-tuple: that all of them go to one has a chance of 2 to the -63
        clients.push_back(connect_to({"127.0.0.1", ntohs(address.sin_port)}));
    ::close(listeners[0]);
    std::size_t reset = 0;
    for (const Client& client : clients) {
        char byte = 0;
        reset += ::recv(client.descriptor(), &byte, 1, MSG_DONTWAIT) < 0 && errno == ECONNRESET;
    }
    CHECK(reset > 0);
    CHECK(reset < clients.size());
    ::close(listeners[1]);
}

TEST_CASE("asio: an acceptor made with an endpoint has SO_REUSEADDR set, and one that is opened has not") {
    using asio::ip::tcp;
    asio::io_context io;
    const tcp::endpoint endpoint{asio::ip::address_v4::loopback(), 0};
    tcp::acceptor made{io, endpoint}, opened{io, tcp::v4()}, later{io};
    later.open(tcp::v4());
    tcp::acceptor::reuse_address option;
    made.get_option(option);
    CHECK(option.value());
    CHECK(is_in_state({"127.0.0.1", made.local_endpoint().port()}, "LISTEN"));
    for (tcp::acceptor* const acceptor : {&opened, &later}) {
        acceptor->get_option(option);
        CHECK_FALSE(option.value());
        CHECK(acceptor->local_endpoint().port() == 0);
    }
}

// ---- port_conflict

TEST_CASE("port_conflict: which addresses are in each other's way") {
    need_private_network(); // elsewhere somebody may have the port on another address
    need_ipv6();
    const std::string granted = "second bind: OK\nsecond listen: OK\nfirst listen: OK\n";
    const auto [first, second, conflict] =
        GENERATE(table<std::string, std::string, bool>({{"127.0.0.1", "127.0.0.1", true},
                                                        {"127.0.0.1", "127.0.0.2", false},
                                                        {"127.0.0.1", "0.0.0.0", true},
                                                        {"0.0.0.0", "127.0.0.2", true},
                                                        {"::", "127.0.0.1", true},
                                                        {"127.0.0.1", "::", true},
                                                        {"::+v6_only", "127.0.0.1", false},
                                                        {"::+v6_only", "::1", true},
                                                        {"127.0.0.1", "::1", false},
                                                        {"0.0.0.0", "::1", false}}));
    CAPTURE(first, second);
    const Run run{"port_conflict", {first, second}};
    CHECK(run.status == 0);
    CHECK(run.output == (conflict ? "second bind: " + in_use + "\n" : granted));
}

TEST_CASE("port_conflict: which options share a port, and who may listen") {
    const auto [first, second, listening, answer] = GENERATE(table<std::string, std::string, bool, std::string>(
        {{"", "", false, "bind"},
         {"+reuse_address", "", false, "bind"},
         {"", "+reuse_address", false, "bind"},
         {"+reuse_address", "+reuse_address", false, "one listens"},
         {"+reuse_address", "+reuse_address", true, "bind"},
         {"+reuse_address+reuse_port", "+reuse_address", true, "bind"},
         {"+reuse_port", "+reuse_address", false, "bind"},
         {"+reuse_port", "+reuse_port", true, "both"},
         {"+reuse_port", "+reuse_port", false, "both"},
         {"+reuse_port+reuse_address", "+reuse_address+reuse_port", true, "both"}}));
    CAPTURE(first, second, listening);
    std::vector<std::string> arguments{"127.0.0.1" + first, "127.0.0.1" + second};
    if (listening)
        arguments.push_back("listening");
    const Run run{"port_conflict", arguments};
    CHECK(run.status == 0);
    const std::string then = listening ? "" : "first listen: " + (answer == "both" ? "OK" : in_use) + "\n";
    CHECK(run.output ==
          (answer == "bind" ? "second bind: " + in_use + "\n" : "second bind: OK\nsecond listen: OK\n" + then));
}

TEST_CASE("port_conflict: what is no address or no option is named, with status 1") {
    const Run option{"port_conflict", {"127.0.0.1+reuse", "127.0.0.1"}};
    CHECK(option.status == 1);
    CHECK(option.output.empty());
    CHECK(option.process.complaints() == "port_conflict: no such option: reuse\n");
    const Run address{"port_conflict", {"localhost", "127.0.0.1"}};
    CHECK(address.status == 1);
    CHECK(address.output.empty());
}

TEST_CASE("kernel: what a server for both families leaves in TIME-WAIT depends on the family of its client") {
    need_private_network();
    need_ipv6();
    const bool over_v4 = GENERATE(true, false);
    CAPTURE(over_v4);
    Client listener = listening_socket("::");
    const std::uint16_t port = listener.local().port;
    Client client = connect_to({over_v4 ? "127.0.0.1" : "::1", port});
    listener.accept().close();
    listener.close();
    CHECK(client.read_to_end().empty());
    client.close();
    REQUIRE(eventually([&] {
        return std::ranges::any_of(common::kernel_sockets(Protocol::tcp),
                                   [&](const auto& row) { return row.local.port == port && row.state == "TIME-WAIT"; });
    }));
    const int in_the_way = EADDRINUSE;
    CHECK(bind_error({"127.0.0.1", port}) == (over_v4 ? in_the_way : 0));
    CHECK(bind_error({"127.0.0.2", port}) == 0);
    CHECK(bind_error({"0.0.0.0", port}) == in_the_way);
    CHECK(bound_socket("::1", port).error() == (over_v4 ? 0 : in_the_way));
}

// ---- shared

TEST_CASE("shared: each of two listeners gets some of 100 clients, and those of the one that closes are reset") {
    Process program{support::program("shared")};
    const Address address = address_in(program.wait_for_line("listening twice on "));
    const auto queues = [&] {
        std::vector<unsigned> lengths;
        for (const auto& row : program.sockets(Protocol::tcp))
            if (row.local == address && row.state == "LISTEN")
                lengths.push_back(row.received);
        return lengths;
    };
    // A handshake's last packet may still be on its way to the queue when connect returns.
    REQUIRE(eventually([&] { return queues().size() == 2 && queues()[0] + queues()[1] == 100; }));
    const std::vector<unsigned> lengths = queues();
    CHECK(lengths[0] > 0); // that all go one way has a chance of 2 to the power of -99
    CHECK(lengths[1] > 0);
    program.type("\n");
    CHECK(program.wait_for_exit() == 0);
    const auto told = [](unsigned reset) {
        return "the first has closed: " + std::to_string(reset) + " of the 100 clients were reset\n";
    };
    INFO(program.output());
    CHECK((program.output().ends_with(told(lengths[0])) || program.output().ends_with(told(lengths[1]))));
}

TEST_CASE("kernel: SO_REUSEPORT gives the same 4-tuple to the same listener, each time") {
    need_private_network(); // for a source port that nobody else has
    const Client one = listener_with({.reuse_port = true}), other = second_listener(one.local());
    const std::uint16_t source = bound_socket("127.0.0.1").local().port;
    std::array<int, 2> times{};
    for (int i = 0; i < 32;
         ++i) { // that a choice by chance is the same each time has a chance of 2 to the power of -31
        Client client = connect_to(one.local(), {"127.0.0.1", source});
        REQUIRE(client.error() == 0);
        std::array<pollfd, 2> both{{{one.descriptor(), POLLIN, 0}, {other.descriptor(), POLLIN, 0}}};
        REQUIRE(::poll(both.data(), 2, 20'000) == 1);
        const std::size_t chosen = both[0].revents != 0 ? 0 : 1;
        ++times[chosen];
        reset(Client{::accept4(both[chosen].fd, nullptr, nullptr, SOCK_CLOEXEC)}); // leaves nothing in TIME-WAIT
    }
    CHECK((times[0] == 0 || times[1] == 0));
    std::size_t reached = 0; // of other 4-tuples some go to the other one
    for (int i = 0; i < 64; ++i) {
        const Client client = connect_to(one.local());
        std::array<pollfd, 2> both{{{one.descriptor(), POLLIN, 0}, {other.descriptor(), POLLIN, 0}}};
        REQUIRE(::poll(both.data(), 2, 20'000) == 1);
        const std::size_t chosen = both[0].revents != 0 ? 0 : 1;
        reached |= chosen + 1;
        reset(Client{::accept4(both[chosen].fd, nullptr, nullptr, SOCK_CLOEXEC)});
    }
    CHECK(reached == 3);
}

TEST_CASE("kernel: with tcp_migrate_req the clients of a closed listener move to the other one") {
    need_private_network();
    if (::access("/proc/sys/net/ipv4/tcp_migrate_req", F_OK) != 0)
        SKIP("needs Linux 5.14, which has tcp_migrate_req");
    set_sysctl("net/ipv4/tcp_migrate_req", "1");
    Client one = listener_with({.reuse_port = true});
    const Client other = second_listener(one.local());
    std::vector<Client> clients;
    for (int i = 0; i < 64; ++i)
        clients.push_back(connect_to(one.local()));
    const auto waiting = [&] {
        unsigned sum = 0;
        for (const auto& row : common::kernel_sockets(Protocol::tcp))
            sum += row.state == "LISTEN" && row.local == other.local() ? row.received : 0;
        return sum;
    };
    REQUIRE(eventually([&] { return waiting() == clients.size(); }));
    one.close();
    CHECK(eventually([&] { return waiting() == clients.size(); }));
    for (const Client& client : clients) {
        char byte = 0;
        CHECK(::recv(client.descriptor(), &byte, 1, MSG_DONTWAIT) == -1);
        CHECK(errno == EAGAIN);
    }
}

TEST_CASE("kernel: of two UDP sockets with SO_REUSEADDR the one that was bound last gets every datagram") {
    const Client first = open_socket(SOCK_DGRAM, {.reuse_address = true}),
                 last = open_socket(SOCK_DGRAM, {.reuse_address = true});
    REQUIRE(bind_to(first, {"127.0.0.1", 0}) == 0);
    REQUIRE(bind_to(last, first.local()) == 0);
    for (int i = 0; i < 20; ++i) {
        Client sender = udp_socket("127.0.0.1", 0, first.local());
        sender.send("datagram");
        pollfd there{last.descriptor(), POLLIN, 0};
        REQUIRE(::poll(&there, 1, 20'000) == 1);
        std::array<char, 16> bytes{};
        CHECK(::recv(last.descriptor(), bytes.data(), bytes.size(), MSG_DONTWAIT) == 8);
        CHECK(::recv(first.descriptor(), bytes.data(), bytes.size(), MSG_DONTWAIT) == -1);
    }
}

TEST_CASE("kernel: of two UDP sockets with SO_REUSEADDR each gets what is sent to a multicast group of both") {
    need_private_network();
    ip_mreq group{};
    REQUIRE(::inet_pton(AF_INET, "239.1.2.3", &group.imr_multiaddr) == 1);
    group.imr_interface.s_addr = htonl(INADDR_LOOPBACK);
    const Client first = open_socket(SOCK_DGRAM, {.reuse_address = true}),
                 last = open_socket(SOCK_DGRAM, {.reuse_address = true}), sender = open_socket(SOCK_DGRAM, {});
    REQUIRE(bind_to(first, {"0.0.0.0", 0}) == 0);
    REQUIRE(bind_to(last, first.local()) == 0);
    for (const Client* const member : {&first, &last})
        REQUIRE(::setsockopt(member->descriptor(), IPPROTO_IP, IP_ADD_MEMBERSHIP, &group, sizeof group) == 0);
    REQUIRE(::setsockopt(sender.descriptor(), IPPROTO_IP, IP_MULTICAST_IF, &group.imr_interface,
                         sizeof group.imr_interface) == 0);
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(first.local().port);
    to.sin_addr = group.imr_multiaddr;
    REQUIRE(::sendto(sender.descriptor(), "datagram", 8, 0, reinterpret_cast<const sockaddr*>(&to), sizeof to) == 8);
    for (const Client* const member : {&first, &last}) {
        pollfd there{member->descriptor(), POLLIN, 0};
        CHECK(::poll(&there, 1, 20'000) == 1);
    }
}

// ---- helper

TEST_CASE("helper: what it starts keeps the port, unless close-on-exec is set") {
    need_private_network();
    const bool close_on_exec = GENERATE(false, true);
    CAPTURE(close_on_exec);
    std::vector<std::string> arguments{"exec cat <&3"}; // ends with the pipe that is its descriptor 3
    if (close_on_exec)
        arguments.push_back("close_on_exec");
    std::array<int, 2> words{};
    REQUIRE(::pipe2(words.data(), O_CLOEXEC) == 0);
    Process program{support::program("helper"), {.arguments = arguments, .passed = {words[0]}}};
    const Address address = address_in(program.wait_for_line("listening on "));
    program.type("\n");
    CHECK(program.wait_for_exit() == 0);
    CHECK(bind_error(address, {.reuse_address = true}) == (close_on_exec ? 0 : EADDRINUSE));
    ::close(words[0]);
    ::close(words[1]);
    CHECK(eventually([&] { return bind_error(address, {.reuse_address = true}) == 0; }));
}

TEST_CASE("a child that inherits the listening descriptor keeps the port when its parent has ended") {
    Client listener = listening_socket("127.0.0.1"); // without close-on-exec, as Asio makes its sockets
    const Address address = listener.local();
    REQUIRE(::fcntl(listener.descriptor(), F_SETFD, 0) == 0);
    std::array<int, 2> words{}, started{};
    REQUIRE(::pipe2(words.data(), O_CLOEXEC) == 0);
    REQUIRE(::pipe2(started.data(), O_CLOEXEC) == 0); // ends with exec
    const pid_t child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) {
        ::dup2(words[0], 0);
        ::execl("/bin/cat", "cat", nullptr); // until the pipe ends
        ::_exit(127);
    }
    listener.close();
    ::close(started[1]);
    char nothing = 0;
    REQUIRE(::read(started[0], &nothing, 1) == 0);
    ::close(started[0]);
    CHECK(bind_error(address, {.reuse_address = true}) == EADDRINUSE);
    CHECK(connect_to(address).error() == 0);
    ::close(words[1]);
    ::close(words[0]);
    int status = -1;
    REQUIRE(::waitpid(child, &status, 0) == child);
    CHECK(status == 0);
    CHECK(bind_error(address, {.reuse_address = true}) == 0);
}

TEST_CASE("asio: it sets close-on-exec on no socket, opened or accepted") {
    using asio::ip::tcp;
    asio::io_context io;
    tcp::acceptor acceptor{io, {asio::ip::address_v4::loopback(), 0}};
    tcp::socket client{io};
    client.connect(acceptor.local_endpoint());
    tcp::socket accepted = acceptor.accept();
    for (const int descriptor : {acceptor.native_handle(), client.native_handle(), accepted.native_handle()})
        CHECK((::fcntl(descriptor, F_GETFD) & FD_CLOEXEC) == 0);
}

TEST_CASE("kernel: a connection that a child has inherited ends with the child, not with its server") {
    Client listener = listening_socket("127.0.0.1");
    Client client = connect_to(listener.local()), accepted = listener.accept();
    Process child{installed("cat"), {.passed = {accepted.descriptor()}}};
    child.type("inherited\n"); // once it answers, it is no copy of the test any more
    child.wait_for_line("inherited");
    accepted.close();
    CHECK(is_in_state(client.local(), "ESTAB")); // the kernel's table would show a FIN as CLOSE-WAIT
    child.close_input();
    CHECK(child.wait_for_exit() == 0);
    CHECK(client.read_to_end().empty());
}

TEST_CASE("helper: a PORT that is taken ends it with status 1, and one that is none with status 78, without a socket") {
    const Client taken = listening_socket("127.0.0.1");
    Process refused{support::program("helper"), {.environment = {{"PORT", std::to_string(taken.local().port)}}}};
    CHECK(refused.wait_for_exit() == 1);
    CHECK(refused.output().empty());
    CHECK(refused.complaints() == "helper: bind: Address already in use\n");
    Process wrong{support::program("helper"), {.environment = {{"PORT", "80abc"}}, .lacking = Lacking::sockets}};
    CHECK(wrong.wait_for_exit() == 78);
    CHECK(wrong.output().empty());
    CHECK_THAT(wrong.complaints(), ContainsSubstring("PORT=\"80abc\" is not a port"));
}

// ---- what people run into

TEST_CASE("kernel: a suspended program keeps its port") {
    need_private_network();
    Process program{support::program("helper")};
    const Address address = address_in(program.wait_for_line("listening on "));
    program.send_signal(SIGTSTP); // as Ctrl-Z does
    REQUIRE(eventually([&] {
        std::ifstream status{"/proc/" + std::to_string(program.pid()) + "/status"};
        for (std::string line; std::getline(status, line);)
            if (line.starts_with("State:"))
                return line.find("T (stopped)") != line.npos;
        return false;
    }));
    CHECK(bind_error(address, {.reuse_address = true}) == EADDRINUSE);
    program.send_signal(SIGCONT);
    program.type("\n");
    CHECK(program.wait_for_exit() == 0);
    CHECK(bind_error(address) == 0);
}

TEST_CASE("kernel: a port that was closed is given to whoever asks next") {
    set_sysctl("net/ipv4/ip_local_port_range", "40000 40001");
    Client finder = bound_socket("127.0.0.1");
    const Address found = finder.local();
    finder.close();
    const Client somebody = bound_socket("127.0.0.1"), else_ = bound_socket("127.0.0.1");
    CHECK((somebody.local() == found || else_.local() == found));
    CHECK(bind_error(found) == EADDRINUSE);
}

TEST_CASE("Enter, end of input, SIGINT and SIGTERM each end restart, shared and helper with status 0") {
    const std::string name = GENERATE("restart", "shared", "helper"),
                      end = GENERATE("Enter", "end of input", "SIGINT", "SIGTERM");
    CAPTURE(name, end);
    Process program{support::program(name)};
    program.wait_for_line(name == "restart" ? "the new server's bind" : "listening ");
    if (end == "Enter")
        program.type("\n");
    else if (end == "end of input")
        program.close_input();
    else
        program.send_signal(end == "SIGINT" ? SIGINT : SIGTERM);
    CHECK(program.wait_for_exit() == 0);
    CHECK(program.complaints().empty());
}
