#include "tools/harness/network.hpp"
#include "tools/harness/wait.hpp"
#include "tools/judge/demands.hpp"

#include <algorithm>
#include <array>
#include <fcntl.h>
#include <functional>
#include <netinet/in.h>
#include <poll.h>
#include <random>
#include <sys/socket.h>
#include <tuple>
#include <unistd.h>
#include <vector>

using namespace grader;

namespace {

const std::string exercise = "Exercises";

support::Client open_socket(int family, int type, int protocol = 0) {
    return support::Client{::socket(family, type | SOCK_CLOEXEC, protocol)};
}

// All of a socket that another program could change: what the program finds, it must leave.
std::string look_at(int descriptor) {
    const auto option = [&](int name) {
        int value = -1;
        socklen_t size = sizeof value;
        ::getsockopt(descriptor, SOL_SOCKET, name, &value, &size);
        return std::to_string(value);
    };
    std::string text = ::fcntl(descriptor, F_GETFL) & O_NONBLOCK ? "; O_NONBLOCK is set" : "; O_NONBLOCK is not set";
    text += option(SO_ACCEPTCONN) == "1" ? "; it listens" : "; it does not listen";
    for (const int name : {SO_REUSEADDR, SO_REUSEPORT, SO_KEEPALIVE, SO_RCVBUF, SO_SNDBUF, SO_BROADCAST, SO_OOBINLINE})
        text += "; option " + std::to_string(name) + " is " + option(name);
    const support::Client copy{::fcntl(descriptor, F_DUPFD_CLOEXEC, 0)};
    sockaddr_storage peer{};
    socklen_t size = sizeof peer;
    const bool has_peer = ::getpeername(descriptor, reinterpret_cast<sockaddr*>(&peer), &size) == 0;
    return text + "; it has the local endpoint " + to_string(copy.local()) +
           (has_peer ? "; it has the peer " + to_string(copy.peer()) : "; it has no peer");
}

[[noreturn]] void fail_as_changed(Grader& grader, const std::string& observed) {
    grader.check("it leaves the socket as it was",
                 "no setting changed, no port given, no peer, nothing sent, and no listening if there was none",
                 exercise);
    grader.fail(observed);
}

// Starts the program with the descriptor as its 3, and reads its one line, which may be one of those; then the socket
// must be as it was.
void expect_line(Grader& grader, const std::string& scene, int descriptor, const std::vector<std::string>& right) {
    grader.did("made " + scene + ", for descriptor 3");
    const std::string before = look_at(descriptor);
    Program program = grader.start({.passed = {descriptor}});
    const auto lines = program.lines_to_the_end();
    const int status = program.exit_status();
    grader.expect(lines.size() == 1, "of " + scene + " it prints " + std::to_string(lines.size()) +
                                         " lines in place of one, and ends with " + status_in_words(status));
    grader.expect(std::ranges::find(right, lines.front()) != right.end(),
                  "of " + scene + " it says " + in_quotes(lines.front()) + " in place of " + in_quotes(right.front()));
    grader.expect(status == 0, "it ended with " + status_in_words(status));
    const std::string after = look_at(descriptor);
    const auto [from, to] = std::ranges::mismatch(before, after);
    const auto part = [](const std::string& text, auto at) {
        const auto start = text.rfind("; ", static_cast<std::size_t>(at - text.begin())) + 2;
        return in_quotes(text.substr(start, text.find("; ", start) - start));
    };
    if (before != after)
        fail_as_changed(grader, "before it ran, of " + scene + " this was true: " + part(before, from) +
                                    ", and now: " + part(after, to));
}

void expect_refusal(Grader& grader, const std::string& scene, const Launch& launch) {
    grader.did("now descriptor 3 is " + scene);
    Program program = grader.start(launch);
    const auto lines = program.lines_to_the_end();
    const int status = program.exit_status();
    grader.expect(status == 1 && lines.empty() && !program.complained().empty(),
                  "if descriptor 3 is " + scene + " it ended with " + status_in_words(status) + ", printed " +
                      (lines.empty() ? "nothing" : in_quotes(lines.front())) + ", and on standard error " +
                      (program.complained().empty() ? "nothing" : in_quotes(program.complained())));
}

void wait_readable(int descriptor) {
    pollfd entry{descriptor, POLLIN, 0};
    ::poll(&entry, 1, 10'000);
}

bool has_something_to_read(int descriptor) {
    pollfd entry{descriptor, POLLIN, 0};
    return ::poll(&entry, 1, 0) == 1;
}

// Runs all of them in an order that nobody can foresee.
void in_any_order(Grader& grader, std::vector<std::function<void()>> parts) {
    std::ranges::shuffle(parts, std::minstd_rand{grader.draw(0, 1'000'000)});
    for (const auto& part : parts)
        part();
}

// All that a socket of one family can be, but for its connections.
void expect_alone(Grader& grader, const std::string& kind, int family, int type, const std::string& ip,
                  const std::string& wildcard) {
    const bool tcp = type == SOCK_STREAM;
    const auto bound = [&](const std::string& where) {
        return tcp ? support::bound_socket(where) : support::udp_socket(where);
    };
    std::vector<std::function<void()>> parts{[&] {
        const support::Client socket = open_socket(family, type);
        expect_line(grader, "a new socket, " + kind, socket.descriptor(), {kind + ", no port"});
    }};
    for (const std::string& where : {ip, wildcard})
        parts.emplace_back([&, where] {
            const support::Client socket = bound(where);
            const std::string local = to_string(socket.local());
            expect_line(grader, "a socket, " + kind + ", bound to " + local, socket.descriptor(),
                        {kind + ", bound to " + local});
        });
    in_any_order(grader, parts);
}

void expect_listening(Grader& grader, const std::string& kind, const std::vector<std::string>& ips) {
    for (const std::string& ip : ips) {
        const Client socket = grader.listen(ip);
        const std::string local = to_string(socket.local());
        expect_line(grader, "a socket, " + kind + ", that listens on " + local, socket.descriptor(),
                    {kind + ", listening on " + local});
    }
}

void expect_connected(Grader& grader, const std::string& kind, const support::Client& socket) {
    const std::string ends = "connected from " + to_string(socket.local()) + " to " + to_string(socket.peer());
    expect_line(grader, "a socket, " + kind + ", " + ends, socket.descriptor(), {kind + ", " + ends});
}

// Both ends of a TCP connection, one whose peer has said that it sends no more, and a UDP socket with a peer.
void expect_connections(Grader& grader, const std::string& family, const std::string& ip) {
    const support::Client server = support::listening_socket(ip), receiver = support::udp_socket(ip);
    const support::Client client = support::connect_to(server.local());
    const support::Client accepted{::accept4(server.descriptor(), nullptr, nullptr, SOCK_CLOEXEC)};
    const support::Client talker = support::udp_socket(ip, 0, receiver.local());
    in_any_order(grader, {[&] { expect_connected(grader, family + " TCP", client); },
                          [&] { expect_connected(grader, family + " TCP", accepted); },
                          [&] { expect_connected(grader, family + " UDP", talker); }});
    ::shutdown(client.descriptor(), SHUT_WR);
    wait_readable(accepted.descriptor());
    grader.did("the peer said that it sends no more");
    expect_connected(grader, family + " TCP", accepted);
    if (has_something_to_read(receiver.descriptor()))
        fail_as_changed(grader, "descriptor 3 was a UDP socket with a peer, and the peer got a datagram from it");
}

} // namespace

void grader::judge(Grader& grader) {
    grader.check("it says what descriptor 3 is", "the one line \"IPv4 TCP, no port\", and the end with status 0",
                 "What kind of socket is it?");
    {
        const support::Client fresh = open_socket(AF_INET, SOCK_STREAM);
        expect_line(grader, "a new TCP socket over IPv4", fresh.descriptor(), {"IPv4 TCP, no port"});
    }

    grader.check("it tells UDP from TCP", "the line \"IPv4 UDP, no port\" for a UDP socket",
                 "What kind of socket is it?");
    {
        const support::Client fresh = open_socket(AF_INET, SOCK_DGRAM);
        expect_line(grader, "a new UDP socket over IPv4", fresh.descriptor(), {"IPv4 UDP, no port"});
    }

    grader.check("it says the port of a socket that has one",
                 "\"bound to ADDRESS:PORT\", with the local endpoint that the kernel has for it",
                 "How do you get a socket?");
    expect_alone(grader, "IPv4 TCP", AF_INET, SOCK_STREAM, "127.0.0.1", "0.0.0.0");
    expect_alone(grader, "IPv4 UDP", AF_INET, SOCK_DGRAM, "127.0.0.2", "0.0.0.0");

    grader.check("it tells a socket that listens from one that is only bound",
                 "\"listening on ADDRESS:PORT\", by the kernel's answer to SO_ACCEPTCONN",
                 "What kind of socket is it?");
    expect_listening(grader, "IPv4 TCP", {"127.0.0.1", "0.0.0.0"});

    grader.check("it says both ends of a connection",
                 "\"connected from ADDRESS:PORT to ADDRESS:PORT\", its own end first, then the peer's",
                 "How do you get a socket?");
    expect_connections(grader, "IPv4", "127.0.0.1");

    grader.check("it leaves the socket as it was",
                 "who waits to be accepted waits on, what came stays unread, nothing is sent, and a connection goes on "
                 "both ways: the socket is not the program's alone",
                 exercise);
    grader.new_scene();
    Client listener = grader.listen("127.0.0.1");
    Client waiting = grader.connect(listener.local());
    wait_readable(listener.descriptor());
    grader.start({.passed = {listener.descriptor()}}).exit_status();
    grader.expect(has_something_to_read(listener.descriptor()),
                  "descriptor 3 was a listener with one client that waited to be accepted; now the client is no longer "
                  "in the queue");
    const std::string bytes = "hello\n";
    Client shared = listener.accept();
    waiting.send(bytes);
    wait_readable(shared.descriptor());
    grader.start({.passed = {shared.descriptor()}}).exit_status();
    grader.did("asked the kernel for the state of the connection");
    if (const auto row = common::kernel_socket(Protocol::tcp, shared.local(), shared.peer())) {
        grader.expect(row->state == "ESTAB",
                      "descriptor 3 was a connection, in the state ESTAB; now its state is " + row->state);
        grader.expect(row->received == bytes.size(), "descriptor 3 was a connection with 6 bytes to read; now " +
                                                         std::to_string(row->received) + " are left");
    }
    grader.expect(!has_something_to_read(waiting.descriptor()),
                  "descriptor 3 was a connection, and its peer got something from it");
    const support::Client mailbox = support::udp_socket("127.0.0.1");
    Client sender = grader.udp_client(mailbox.local());
    sender.send_datagram(bytes);
    wait_readable(mailbox.descriptor());
    grader.start({.passed = {mailbox.descriptor()}}).exit_status();
    grader.expect(has_something_to_read(mailbox.descriptor()),
                  "descriptor 3 was a UDP socket with a datagram to read; now there is none");

    grader.check("it refuses what is no TCP or UDP socket",
                 "nothing on standard output, a reason on standard error, "
                 "and status 1",
                 "What people run into");
    grader.new_scene();
    expect_refusal(grader, "not open", {});
    std::array<int, 2> pipe{};
    if (::pipe2(pipe.data(), O_CLOEXEC) != 0)
        support::leave_out("the grader can make no pipe");
    const support::Client read_end{pipe[0]}, write_end{pipe[1]};
    expect_refusal(grader, "a pipe", {.passed = {read_end.descriptor()}});
    const support::Client nothing{::open("/dev/null", O_RDWR | O_CLOEXEC)};
    expect_refusal(grader, "a file", {.passed = {nothing.descriptor()}});
    for (const auto& [type, words] : {std::pair{SOCK_STREAM, "stream"}, {SOCK_DGRAM, "datagram"}}) {
        const support::Client local = open_socket(AF_UNIX, type);
        expect_refusal(grader, std::string{"a "} + words + " socket of the family AF_UNIX",
                       {.passed = {local.descriptor()}});
    }
    bool others = false;
    for (const auto& [type, protocol, words] : {std::tuple{SOCK_STREAM, 262, "MPTCP"}, {SOCK_DGRAM, 136, "UDP-Lite"}})
        if (const support::Client other = open_socket(AF_INET, type, protocol); other.descriptor() >= 0) {
            expect_refusal(grader, std::string{"a socket of the protocol "} + words, {.passed = {other.descriptor()}});
            others = true;
        }
    if (!others)
        grader.not_here("a socket over IPv4 that is neither TCP nor UDP");
    const support::Client neighbour = open_socket(AF_INET, SOCK_STREAM);
    expect_refusal(grader, "a file, and descriptor 4 a TCP socket",
                   {.passed = {nothing.descriptor(), neighbour.descriptor()}});

    grader.check("it does the same over IPv6", "\"IPv6 TCP\" or \"IPv6 UDP\", and addresses in brackets",
                 "What kind of socket is it?");
    grader.new_scene();
    support::need_ipv6();
    expect_alone(grader, "IPv6 TCP", AF_INET6, SOCK_STREAM, "::1", "::");
    expect_alone(grader, "IPv6 UDP", AF_INET6, SOCK_DGRAM, "::1", "::");
    expect_listening(grader, "IPv6 TCP", {"::1", "::"});
    expect_connections(grader, "IPv6", "::1");
    {
        const support::Client both = support::listening_socket("::");
        const support::Client client = support::connect_to({"127.0.0.1", both.local().port});
        const support::Client mapped{::accept4(both.descriptor(), nullptr, nullptr, SOCK_CLOEXEC)};
        const Address here = support::unmapped(mapped.local()), there = support::unmapped(mapped.peer());
        const auto ends = [&](const std::string& open, const std::string& close) {
            return "IPv6 TCP, connected from " + open + here.ip + close + ":" + std::to_string(here.port) + " to " +
                   open + there.ip + close + ":" + std::to_string(there.port);
        };
        if (client.error() == 0 && mapped.descriptor() >= 0)
            expect_line(grader, "a TCP socket over IPv6 with a peer over IPv4", mapped.descriptor(),
                        {ends("[::ffff:", "]"), ends("", "")});
    }
}
