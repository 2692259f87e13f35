#include "tests/support/grader.hpp"
#include "tests/support/wait.hpp"

#include "tests/support/network.hpp"

#include <array>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

using namespace grader;

namespace {

// Starts the program with the descriptor as its 3, and reads its one line.
void expect_line(Grader& grader, const std::string& scene, int descriptor, const std::string& line) {
    grader.did("made " + scene + ", for descriptor 3");
    Program program = grader.start({.passed = {descriptor}});
    const auto lines = program.lines_to_the_end();
    const int status = program.exit_status();
    grader.expect(lines.size() == 1, "of " + scene + " it prints " + std::to_string(lines.size()) +
                                         " lines in place of one, and ends with " + status_in_words(status));
    grader.expect(lines.front() == line,
                  "of " + scene + " it says " + in_quotes(lines.front()) + " in place of " + in_quotes(line));
    grader.expect(status == 0, "it ended with " + status_in_words(status));
}

void expect_refusal(Grader& grader, const std::string& scene, const Launch& launch) {
    grader.did("now descriptor 3 is " + scene);
    Program program = grader.start(launch);
    const auto lines = program.lines_to_the_end();
    const int status = program.exit_status();
    grader.expect(status == 1 && lines.empty() && !program.complained().empty(),
                  "where descriptor 3 is " + scene + " it ended with " + status_in_words(status) + ", printed " +
                      (lines.empty() ? "nothing" : in_quotes(lines.front())) + ", and on standard error " +
                      (program.complained().empty() ? "nothing" : in_quotes(program.complained())));
}

support::Client open_socket(int family, int type) { return support::Client{::socket(family, type | SOCK_CLOEXEC, 0)}; }

void wait_readable(const Client& socket) {
    pollfd entry{socket.descriptor(), POLLIN, 0};
    ::poll(&entry, 1, 10'000);
}

// Runs the two in an order that nobody can foresee.
template <class One, class Other>
void in_any_order(Grader& grader, One one, Other other) {
    if (grader.draw(0, 1) == 0)
        one(), other();
    else
        other(), one();
}

} // namespace

void grader::judge(Grader& grader) {
    grader.check("it says what descriptor 3 is", "the one line \"IPv4 TCP, no port\", and the end with status 0",
                 "The program");
    const support::Client fresh_tcp = open_socket(AF_INET, SOCK_STREAM);
    expect_line(grader, "a TCP socket without a port", fresh_tcp.descriptor(), "IPv4 TCP, no port");

    grader.check("it tells UDP from TCP", "the line \"IPv4 UDP, no port\" for a UDP socket", "The program");
    const support::Client fresh_udp = open_socket(AF_INET, SOCK_DGRAM);
    expect_line(grader, "a UDP socket without a port", fresh_udp.descriptor(), "IPv4 UDP, no port");

    grader.check("it says the port of a socket that has one",
                 "\"bound to ADDRESS:PORT\", with the local endpoint that the kernel has for it", "Run it");
    const support::Client bound_tcp = support::bound_socket("127.0.0.1");
    const support::Client bound_udp = support::udp_socket("0.0.0.0");
    in_any_order(
        grader,
        [&] {
            const std::string local = to_string(bound_tcp.local());
            expect_line(grader, "a TCP socket bound to " + local, bound_tcp.descriptor(),
                        "IPv4 TCP, bound to " + local);
        },
        [&] {
            const std::string local = to_string(bound_udp.local());
            expect_line(grader, "a UDP socket bound to " + local, bound_udp.descriptor(),
                        "IPv4 UDP, bound to " + local);
        });

    grader.check("it tells a socket that listens from one that is only bound",
                 "\"listening on ADDRESS:PORT\", by the kernel's answer to SO_ACCEPTCONN", "The program");
    Client listener = grader.listen("127.0.0.1");
    expect_line(grader, "a TCP socket that listens on " + to_string(listener.local()), listener.descriptor(),
                "IPv4 TCP, listening on " + to_string(listener.local()));

    grader.check("it says both ends of a connection",
                 "\"connected from ADDRESS:PORT to ADDRESS:PORT\", its own end first, then the peer's", "Run it");
    Client client = grader.connect(listener.local());
    Client accepted = listener.accept();
    const support::Client talker = support::udp_socket("127.0.0.1", 0, bound_tcp.local());
    const auto expect_connected = [&](const std::string& protocol, const auto& socket) {
        const std::string ends = "connected from " + to_string(socket.local()) + " to " + to_string(socket.peer());
        expect_line(grader, "a " + protocol + " socket " + ends, socket.descriptor(), "IPv4 " + protocol + ", " + ends);
    };
    const auto at_the_server = [&] { expect_connected("TCP", accepted); };
    const auto at_the_client = [&] { expect_connected("TCP", client); };
    in_any_order(grader, at_the_server, at_the_client);
    expect_connected("UDP", talker);

    grader.check("it leaves the socket as it was",
                 "who waits to be accepted waits on, bytes stay unread, and a connection goes on both ways: the socket "
                 "is not the program's alone",
                 "Exercise 1.2: the inherited socket");
    Client waiting = grader.connect(listener.local());
    wait_readable(listener);
    grader.start({.passed = {listener.descriptor()}}).exit_status();
    pollfd queue{listener.descriptor(), POLLIN, 0};
    grader.expect(::poll(&queue, 1, 0) == 1, "descriptor 3 was a listener with one client that waited to be accepted; "
                                             "now the client is no longer in the queue");
    const std::string bytes = "hello\n";
    Client shared = listener.accept();
    waiting.send(bytes);
    wait_readable(shared);
    grader.start({.passed = {shared.descriptor()}}).exit_status();
    grader.did("asked the kernel for the state of the connection");
    if (const auto row = grader::kernel_socket(Protocol::tcp, shared.local(), shared.peer())) {
        grader.expect(row->state == "ESTAB",
                      "descriptor 3 was a connection, in the state ESTAB; now its state is " + row->state);
        grader.expect(row->received == bytes.size(), "descriptor 3 was a connection with 6 bytes to read; now " +
                                                         std::to_string(row->received) + " are left");
    }

    grader.check("it refuses what is no TCP or UDP socket",
                 "nothing on standard output, a reason on standard error, "
                 "and status 1",
                 "What goes wrong");
    expect_refusal(grader, "not open", {});
    std::array<int, 2> pipe{};
    if (::pipe2(pipe.data(), O_CLOEXEC) != 0)
        support::leave_out("the grader can make no pipe");
    const support::Client read_end{pipe[0]}, write_end{pipe[1]};
    expect_refusal(grader, "a pipe", {.passed = {read_end.descriptor()}});
    const support::Client local = open_socket(AF_UNIX, SOCK_STREAM);
    expect_refusal(grader, "a stream socket of the family AF_UNIX", {.passed = {local.descriptor()}});

    grader.check("it does the same over IPv6", "\"IPv6 TCP\" or \"IPv6 UDP\", and addresses in brackets", "Run it");
    support::need_ipv6();
    Client listener6 = grader.listen("::1");
    const support::Client udp6 = support::udp_socket("::");
    in_any_order(
        grader,
        [&] {
            const std::string where = to_string(listener6.local());
            expect_line(grader, "a TCP socket that listens on " + where, listener6.descriptor(),
                        "IPv6 TCP, listening on " + where);
        },
        [&] {
            const std::string where = to_string(udp6.local());
            expect_line(grader, "a UDP socket bound to " + where, udp6.descriptor(), "IPv6 UDP, bound to " + where);
        });
}
