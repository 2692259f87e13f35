#include "tools/harness/wait.hpp"
#include "tools/judge/demands.hpp"

#include <arpa/inet.h>
#include <cerrno>
#include <netinet/in.h>
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

// A socket bound there with this option of SOL_SOCKET, which shares the address with others that have it too; its
// error() says why not.
support::Client sharing(int type, const Address& at, int option) {
    const int descriptor = ::socket(AF_INET, type | SOCK_CLOEXEC, 0), yes = 1;
    ::setsockopt(descriptor, SOL_SOCKET, option, &yes, sizeof yes);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(at.port);
    ::inet_pton(AF_INET, at.ip.c_str(), &address.sin_addr);
    const bool bound = ::bind(descriptor, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
    return support::Client{descriptor, bound ? 0 : errno};
}

struct Option {
    int number;
    const char* name;
};
constexpr Option options[] = {{SO_REUSEADDR, "SO_REUSEADDR"}, {SO_REUSEPORT, "SO_REUSEPORT"}};

// It sends and does not read, until the program takes no more.
Client deaf_client(Grader& grader, const Program& program, const Address& server) {
    Client client = grader.connect(server);
    const int little = 4096;
    ::setsockopt(client.descriptor(), SOL_SOCKET, SO_RCVBUF, &little, sizeof little);
    ::setsockopt(client.descriptor(), SOL_SOCKET, SO_SNDBUF, &little, sizeof little);
    send_until_full(program, client, long_line(1000));
    return client;
}

void must_end_with_status_1(Grader& grader, const Address& taken) {
    Program refused = grader.start({.environment = {{"PORT", std::to_string(taken.port)}}});
    if (const auto line = refused.line_or_end("listening on"))
        grader.fail("the grader holds " + to_string(taken) + ", and it says " + in_quotes(*line));
    const int failure = refused.exit_status();
    grader.expect(failure == 1, "it ended with " + status_in_words(failure));
    grader.expect(!refused.complained().empty(), "it says nothing on standard error");
}

} // namespace

void grader::judge(Grader& grader) {
    const std::uint16_t port = grader.fresh_port();

    grader.check("it says where it listens", "the line \"listening on 127.0.0.1:PORT\", when both services are there",
                 "How does each client get its own wait?");
    Program program = grader.start({.environment = {{"PORT", std::to_string(port)}}});
    const Address says = program.ready();

    grader.check("it listens for TCP at PORT on loopback",
                 "one socket that listens, at 127.0.0.1:" + std::to_string(port) + ", which PORT names",
                 "How does each client get its own wait?");
    const Address tcp = program.listener().local;
    grader.expect(tcp == Address{"127.0.0.1", port}, "it listens on " + to_string(tcp));
    grader.expect(says == tcp, "it listens on " + to_string(tcp) + ", and says " + to_string(says));

    grader.check("it has the same number for UDP", "one UDP socket, bound to " + to_string(tcp) + " as well",
                 "How does each client get its own wait?");
    const auto udp = udp_addresses(program);
    grader.expect(!udp.empty(), "it holds no UDP socket");
    grader.expect(udp.size() == 1, "it holds " + std::to_string(udp.size()) + " UDP sockets");
    grader.expect(udp.front() == tcp, "its UDP socket is bound to " + to_string(udp.front()));

    grader.check("it answers a line over TCP", "\"hello\" comes back as the line \"tcp: hello\"",
                 "How does each client get its own wait?");
    Client first = grader.connect(tcp);
    first.send("hello\n");
    expect_line(grader, first, "tcp: hello");

    grader.check("it cuts TCP at the ends of lines, and not at packets",
                 "one answer for each line, if two come in one packet, and if one comes in two",
                 "How does each client get its own wait?");
    first.send("one\ntwo\nthr");
    expect_line(grader, first, "tcp: one");
    expect_line(grader, first, "tcp: two");
    first.send("ee\n");
    expect_line(grader, first, "tcp: three");

    grader.check("it sends a line back whole, whatever its bytes are",
                 "up to 8000 bytes of any value: a carriage return, a zero, a percent sign are bytes as any other",
                 "How does each client get its own wait?");
    for (const std::string& line :
         {std::string{"a line of a web client\r\n"}, std::string{"\n"}, std::string("a\0b\0\n", 5),
          std::string{"100% of %s %d %n\n"}, std::string{"  spaces  \n"}, long_line(300), long_line(8001)}) {
        first.send(line);
        expect_bytes(grader, first.name(), first.read(5 + line.size()), "tcp: " + line);
    }
    const std::string slow = long_line(3000);
    send_in_pieces(program, first, slow, {1, 1, 510, 1, 1023, 1});
    expect_bytes(grader, first.name(), first.read(5 + slow.size()), "tcp: " + slow);

    grader.check("it answers each of many lines", "one answer for each, in their order, when thousands come at once",
                 "How does each client get its own wait?");
    std::string lines, answers;
    for (unsigned i = 0; i < 5000; ++i) {
        const std::string line = std::to_string(i) + std::string(i % 300, '.') + "\n";
        lines += line;
        answers += "tcp: " + line;
    }
    expect_bytes(grader, first.name(), exchange(first, lines, answers.size()), answers);

    grader.check("it answers a datagram, while a TCP client says nothing",
                 "\"hello\" comes back to its sender as the datagram \"udp: hello\"", "Who gets what arrives?");
    Client asker = grader.udp_client(tcp);
    asker.send_datagram("hello");
    expect_datagram(grader, asker, "udp: hello");

    grader.check("it answers each datagram to its own sender", "two senders take turns, and each gets its answers",
                 "How does each client get its own wait?");
    Client other = grader.udp_client(tcp);
    other.send_datagram("and I?");
    expect_datagram(grader, other, "udp: and I?");
    asker.send_datagram("me again");
    expect_datagram(grader, asker, "udp: me again");
    Client elsewhere = grader.udp_client(tcp, "127.0.0." + std::to_string(grader.draw(2, 250)));
    elsewhere.send_datagram("from another address");
    expect_datagram(grader, elsewhere, "udp: from another address");
    std::vector<Client> senders;
    for (unsigned i = 0; i < 100; ++i) {
        senders.push_back(grader.udp_client(tcp));
        senders.back().send_datagram("I am " + std::to_string(i));
    }
    for (unsigned i = 0; i < 100; ++i)
        expect_datagram(grader, senders[i], "udp: I am " + std::to_string(i));
    senders.clear(); // their numbers are in nobody's way any more

    grader.check("it sends a datagram back whole",
                 "the answer has every byte of the question: an end of line is a byte as any other",
                 "How does each client get its own wait?");
    asker.send_datagram("a\nb\n");
    expect_datagram(grader, asker, "udp: a\nb\n");
    for (const std::size_t size : {1u, 3u, 255u, 256u, 1400u, 1500u, 2001u, 4097u, 9000u, 32769u, 65502u}) {
        const std::string large = all_values(size);
        asker.send_datagram(large);
        expect_bytes(grader, asker.name(), asker.read_datagram(), "udp: " + large);
    }

    grader.check("it answers an empty datagram", "the datagram \"udp: \": with UDP, no bytes are a message too",
                 "How does each client get its own wait?");
    asker.send_datagram("");
    expect_datagram(grader, asker, "udp: ");

    grader.check("a datagram that is too long for an answer ends nothing",
                 "no answer is needed, for it would have more than 65507 bytes; the next datagram is answered",
                 "How does each client get its own wait?");
    asker.send_datagram(all_values(65507));
    asker.send_datagram("and now?");
    std::string next = asker.read_datagram();
    if (next.size() > 1000) // as much of an answer as there is room for
        next = asker.read_datagram();
    grader.expect(next == "udp: and now?", "the answer is " + in_quotes(next));

    grader.check("it serves several TCP clients at once",
                 "a second client gets its answer while the first is connected", "What breaks it?");
    Client second = grader.connect(tcp);
    second.send("and me?\n");
    expect_line(grader, second, "tcp: and me?");

    grader.check("it answers what a client said before its end",
                 "the client says lines and that it sends no more; it gets all the answers, and then the end",
                 "How does each client get its own wait?");
    Client brief = grader.connect(tcp);
    std::string said, echoed;
    for (unsigned i = 0; i < 3000; ++i) { // it is still at the first ones when the end comes
        said += std::to_string(i) + '\n';
        echoed += "tcp: " + std::to_string(i) + '\n';
    }
    brief.send(said);
    brief.shut_down_sending();
    expect_bytes(grader, brief.name(), brief.read_to_end(), echoed);

    grader.check("a client that does not read keeps nobody waiting",
                 "it sends lines and reads no answer, until it can send no more; the others are served",
                 "What breaks it?");
    Client deaf = deaf_client(grader, program, tcp);
    first.send("am I heard?\n");
    expect_line(grader, first, "tcp: am I heard?");
    Client newcomer = grader.connect(tcp);
    newcomer.send("and I?\n");
    expect_line(grader, newcomer, "tcp: and I?");
    asker.send_datagram("and I?");
    expect_datagram(grader, asker, "udp: and I?");
    deaf.break_off();

    // No wrong answer fails: it outlives its clients: the client that does not read has broken off by then, too.
    grader.check("it outlives its clients",
                 "when a client ends, even in a line, and another resets its connection, the others are served",
                 "What breaks it?");
    Client third = grader.connect(tcp);
    third.send("no");
    third.shut_down_sending();
    third.read_to_end();
    first.send("still there?\n");
    expect_line(grader, first, "tcp: still there?");
    second.send("no");
    second.break_off();
    first.send("and now?\n");
    expect_line(grader, first, "tcp: and now?");
    asker.send_datagram("still there?");
    expect_datagram(grader, asker, "udp: still there?");

    grader.check("it serves hundreds of TCP clients at once", "each gets its answer while all are connected",
                 "What breaks it?");
    {
        std::vector<Client> crowd;
        many_times(grader, hundreds, "more clients connected", [&] { crowd.push_back(grader.connect(tcp)); });
        many_times(grader, hundreds, "times the client that had come last said a line, got its answer, and went", [&] {
            crowd.back().send("me too\n");
            expect_line(grader, crowd.back(), "tcp: me too");
            crowd.pop_back();
        });
    }

    check_closing(grader, program, "What breaks it?", [&] {
        Client client = grader.connect(tcp);
        client.send("hello\n");
        expect_line(grader, client, "tcp: hello");
        return client;
    });

    grader.check("without PORT the kernel chooses the number",
                 "one number from the kernel's range, for both; with PORT=0 too", "Exercises");
    for (const std::optional<std::string>& value : {std::optional<std::string>{}, std::optional<std::string>{"0"}}) {
        Program free = grader.start({.environment = {{"PORT", value}}});
        free.ready();
        const Address chosen = free.listener().local;
        const auto [low, high] = grader.ephemeral_range();
        grader.expect(chosen.port >= low && chosen.port <= high,
                      "it has TCP port " + std::to_string(chosen.port) + ", and the kernel chooses from " +
                          std::to_string(low) + " to " + std::to_string(high));
        const auto beside = udp_addresses(free);
        grader.expect(beside == std::vector{chosen}, "it listens on " + to_string(chosen) +
                                                         ", and its UDP socket has " +
                                                         (beside.empty() ? "no port" : to_string(beside.front())));
    }

    grader.check("both services can be reached when it says so",
                 "a client of each that comes as soon as the ready line is there is not refused",
                 "How does each client get its own wait?");
    {
        Program early = grader.start();
        const Address at = early.ready();
        const int at_once = grader.try_to_connect(at);
        Client sender = grader.udp_client(at);
        sender.send_datagram("early");
        const bool refused =
            ::recv(sender.descriptor(), nullptr, 0, MSG_PEEK | MSG_DONTWAIT) < 0 && errno == ECONNREFUSED;
        grader.expect(at_once == 0, "the TCP client got " + in_words(at_once));
        grader.expect(!refused, "the UDP client got " + in_words(ECONNREFUSED));
        expect_datagram(grader, sender, "udp: early");
    }

    check_endings(grader, {}, "How does each client get its own wait?", [&](Program& another) {
        const Address at = another.ready();
        std::vector<Client> clients;
        clients.push_back(grader.connect(at)); // silent
        clients.push_back(grader.connect(at));
        clients.back().send("in the middle of a li");
        clients.push_back(deaf_client(grader, another, at));
        return clients;
    });

    grader.check("nobody else can have its number", "who binds the same number, ready to share it, gets EADDRINUSE",
                 "What breaks it?");
    for (const auto& [number, name] : options)
        for (const auto& [type, protocol] : {std::pair{SOCK_STREAM, "TCP"}, {SOCK_DGRAM, "UDP"}}) {
            const support::Client rival = sharing(type, tcp, number);
            grader.did(std::string{"tried to bind "} + to_string(tcp) + " over " + protocol + " with " + name + ": " +
                       in_words(rival.error()));
            grader.expect(rival.error() == EADDRINUSE, std::string{"another socket with "} + name + " can have its " +
                                                           protocol + " number as well: " + in_words(rival.error()));
        }

    grader.check("it ends with status 1 if the UDP number is taken",
                 "no second number: status 1, and the reason on standard error", "What breaks it?");
    for (const auto& [number, name] : options) {
        const Address taken{"127.0.0.1", grader.fresh_port()};
        const support::Client holder = sharing(SOCK_DGRAM, taken, number);
        if (holder.error() != 0)
            support::leave_out("the grader cannot take the UDP port " + to_string(taken) + ": " +
                               in_words(holder.error()));
        grader.did("took the UDP port " + to_string(taken) + " with " + name + "; over TCP it is free");
        must_end_with_status_1(grader, taken);
    }

    grader.check("it ends with status 1 if the TCP number is taken",
                 "no second number: status 1, and the reason on standard error", "What breaks it?");
    for (const auto& [number, name] : options) {
        const Address taken{"127.0.0.1", grader.fresh_port()};
        const support::Client holder = sharing(SOCK_STREAM, taken, number);
        if (holder.error() != 0 || ::listen(holder.descriptor(), 1) != 0)
            support::leave_out("the grader cannot listen on " + to_string(taken));
        grader.did("listened on " + to_string(taken) + " with " + name + "; over UDP it is free");
        must_end_with_status_1(grader, taken);
    }

    grader.check("it prints the ready line, and nothing else", "one line on standard output, whatever its clients do",
                 "How does each client get its own wait?");
    end(grader, program, Ending::sigterm);
    expect_output(grader, program, {"listening on " + to_string(tcp)});
    grader.check_restart(tcp);
}
