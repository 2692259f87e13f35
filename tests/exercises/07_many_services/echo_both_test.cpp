#include "tests/support/grader.hpp"
#include "tests/support/wait.hpp"

#include <csignal>
#include <sys/socket.h>

using namespace grader;

namespace {

std::vector<Address> udp_addresses(const Program& program) {
    std::vector<Address> all;
    for (const SocketRow& row : program.sockets(Protocol::udp))
        all.push_back(row.local);
    return all;
}

void expect_line(Grader& grader, Client& client, const std::string& expected) {
    const std::string line = client.read_line();
    grader.expect(line == expected, "the client received the line " + in_quotes(line));
}

void expect_datagram(Grader& grader, Client& client, const std::string& expected) {
    const std::string answer = client.read_datagram();
    grader.expect(answer == expected,
                  "the answer is a datagram of " + std::to_string(answer.size()) + " bytes, " + in_quotes(answer));
}

} // namespace

void grader::judge(Grader& grader) {
    const std::uint16_t port = grader.fresh_port();

    grader.check("it says where it listens", "the line \"listening on 127.0.0.1:PORT\", when both services are there",
                 "Run it");
    Program program = grader.start({.environment = {{"PORT", std::to_string(port)}}});
    const Address says = program.ready();

    grader.check("it listens for TCP at PORT on loopback",
                 "one socket that listens, at 127.0.0.1:" + std::to_string(port) + ", which PORT names", "The program");
    const Address tcp = program.listener().local;
    grader.expect(tcp == Address{"127.0.0.1", port}, "it listens on " + to_string(tcp));
    grader.expect(says == tcp, "it listens on " + to_string(tcp) + ", and says " + to_string(says));

    grader.check("it has the same number for UDP", "one UDP socket, bound to " + to_string(tcp) + " as well",
                 "The program");
    const auto udp = udp_addresses(program);
    grader.expect(!udp.empty(), "it holds no UDP socket");
    grader.expect(udp.size() == 1, "it holds " + std::to_string(udp.size()) + " UDP sockets");
    grader.expect(udp.front() == tcp, "its UDP socket is bound to " + to_string(udp.front()));

    grader.check("it answers a line over TCP", "\"hello\" comes back as the line \"tcp: hello\"", "The program");
    Client first = grader.connect(tcp);
    first.send("hello\n");
    expect_line(grader, first, "tcp: hello");

    grader.check("it cuts TCP at the ends of lines, and not at packets",
                 "one answer for each line: where two come in one packet, and where one comes in two", "The program");
    first.send("one\ntwo\nthr");
    expect_line(grader, first, "tcp: one");
    expect_line(grader, first, "tcp: two");
    first.send("ee\n");
    expect_line(grader, first, "tcp: three");

    grader.check("it answers a datagram, while a TCP client says nothing",
                 "\"hello\" comes back to its sender as the datagram \"udp: hello\"", "What the kernel did");
    Client asker = grader.udp_client(tcp);
    asker.send_datagram("hello");
    expect_datagram(grader, asker, "udp: hello");

    grader.check("it answers each datagram to its own sender", "two senders take turns, and each gets its answers",
                 "The program");
    Client other = grader.udp_client(tcp);
    other.send_datagram("and I?");
    expect_datagram(grader, other, "udp: and I?");
    asker.send_datagram("me again");
    expect_datagram(grader, asker, "udp: me again");

    grader.check("it sends a datagram back whole",
                 "the answer has every byte of the question: an end of line is a byte as any other", "The program");
    asker.send_datagram("a\nb\n");
    expect_datagram(grader, asker, "udp: a\nb\n");
    const std::string large(1400, static_cast<char>(grader.draw('a', 'z')));
    asker.send_datagram(large);
    expect_datagram(grader, asker, "udp: " + large);

    grader.check("it answers an empty datagram", "the datagram \"udp: \": with UDP, no bytes are a message too",
                 "The program");
    asker.send_datagram("");
    expect_datagram(grader, asker, "udp: ");

    grader.check("it serves several TCP clients at once",
                 "a second client gets its answer while the first is connected", "What goes wrong");
    Client second = grader.connect(tcp);
    second.send("and me?\n");
    expect_line(grader, second, "tcp: and me?");

    grader.check("it outlives its clients",
                 "when a client ends, even in a line, and another resets its connection, the others are served",
                 "What goes wrong");
    Client third = grader.connect(tcp);
    third.send("no");
    third.shut_down_sending();
    third.read_to_end();
    first.send("still there?\n");
    expect_line(grader, first, "tcp: still there?");
    second.send("no");
    const linger at_once{1, 0};
    ::setsockopt(second.descriptor(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    grader.did("the next close is a reset");
    second.close();
    first.send("and now?\n");
    expect_line(grader, first, "tcp: and now?");
    asker.send_datagram("still there?");
    expect_datagram(grader, asker, "udp: still there?");

    grader.check("it ends with status 1 where the UDP number is taken",
                 "no second number: status 1, and the reason on standard error", "What goes wrong");
    const Address taken{"127.0.0.1", grader.fresh_port()};
    const support::Client holder = support::udp_socket(taken.ip, taken.port);
    if (holder.error() != 0)
        support::leave_out("the grader cannot take the UDP port " + to_string(taken) + ": " + in_words(holder.error()));
    const int yes = 1;
    ::setsockopt(holder.descriptor(), SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    grader.did("took the UDP port " + to_string(taken) + " with SO_REUSEADDR; over TCP it is free");
    Program refused = grader.start({.environment = {{"PORT", std::to_string(taken.port)}}});
    const int failure = refused.exit_status();
    grader.expect(failure == 1, "it ended with " + status_in_words(failure));
    grader.expect(!refused.complained().empty(), "it says nothing on standard error");

    grader.check("without PORT the kernel chooses the number", "one number from the kernel's range, for both",
                 "Exercises");
    Program free = grader.start();
    free.ready();
    const Address chosen = free.listener().local;
    const auto [low, high] = grader.ephemeral_range();
    grader.expect(chosen.port >= low && chosen.port <= high, "it has TCP port " + std::to_string(chosen.port) +
                                                                 ", and the kernel chooses from " +
                                                                 std::to_string(low) + " to " + std::to_string(high));
    const auto beside = udp_addresses(free);
    grader.expect(beside == std::vector{chosen}, "it listens on " + to_string(chosen) + ", and its UDP socket has " +
                                                     (beside.empty() ? "no port" : to_string(beside.front())));

    grader.check("it ends on SIGTERM with status 0", "it waits for no client, and the status is 0", "The program");
    program.send_signal(SIGTERM);
    const int status = program.exit_status();
    grader.expect(status == 0, "it ended with " + status_in_words(status));
    grader.check_restart(tcp);
}
