#include "tools/harness/network.hpp"
#include "tools/harness/wait.hpp"
#include "tools/judge/demands.hpp"

#include <algorithm>
#include <cerrno>
#include <poll.h>
#include <sys/socket.h>
#include <vector>

using namespace grader;

namespace {

const std::string exercise = "Exercise 2.2: one number twice";

// Without a newline that may end it.
std::string answer_to(Client& client) {
    std::string answer = client.read_datagram();
    if (answer.ends_with('\n'))
        answer.pop_back();
    return answer;
}

void expect_answer(Grader& grader, Client& client) {
    const std::string answer = answer_to(client);
    grader.expect(answer == to_string(client.local()),
                  "the answer to " + to_string(client.local()) + " is " + in_quotes(answer));
}

void ask(Grader& grader, Client& client, const std::string& datagram) {
    client.send_datagram(datagram);
    expect_answer(grader, client);
}

void expect_no_more(Grader& grader, const Program& program, const Client& client) {
    program.settle();
    pollfd more{client.descriptor(), POLLIN, 0};
    grader.expect(::poll(&more, 1, 0) == 0, client.name() + " gets another datagram, after its answer");
}

// Its one UDP socket with a port.
SocketRow datagram_socket(Grader& grader, const Program& program) {
    const auto rows = program.sockets(Protocol::udp);
    grader.expect(rows.size() == 1, rows.empty()
                                        ? "it has no UDP socket with a port"
                                        : "it has " + std::to_string(rows.size()) + " UDP sockets with a port");
    return rows.front();
}

void expect_pair(Grader& grader, const Program& program, const Address& says) {
    const Address local = datagram_socket(grader, program).local;
    grader.expect(local == says, "its UDP socket has " + to_string(local) + ", and its TCP socket " + to_string(says));
}

// For the ready line: both sockets must be there when it comes.
std::string missing(const Program& program) {
    if (const std::string words = no_listener(program); !words.empty())
        return words;
    return program.sockets(Protocol::udp).empty() ? "it has no UDP socket with a port yet" : "";
}

// A network in which the kernel chooses from two hundred numbers, and two of them are free for both protocols: of the
// others, the odd ones are taken for UDP and the even ones for TCP.
class Crowd {
  public:
    explicit Crowd(Grader& grader) : low_{static_cast<std::uint16_t>(2 * grader.draw(5000, 15000))} {
        const unsigned last = low_ + numbers - 1;
        support::set_sysctl("net/ipv4/ip_local_port_range", std::to_string(low_) + " " + std::to_string(last));
        // In the lower half: where SO_REUSEADDR is set, Linux looks there first.
        even_ = static_cast<std::uint16_t>(low_ + 2 * grader.draw(0, numbers / 4 - 1));
        odd_ = static_cast<std::uint16_t>(low_ + 2 * grader.draw(0, numbers / 4 - 1) + 1);
        for (unsigned number = low_; number <= last; ++number)
            if (const auto port = static_cast<std::uint16_t>(number); !is_free(port))
                held_.push_back(port % 2 ? support::udp_socket("127.0.0.1", port)
                                         : support::bound_socket("127.0.0.1", port));
        grader.did("let the kernel choose from " + std::to_string(low_) + " to " + std::to_string(last) +
                   ", and took all of these for UDP or for TCP, but " + words());
    }
    bool is_free(std::uint16_t port) const { return port == even_ || port == odd_; }
    std::string words() const {
        return std::to_string(std::min(even_, odd_)) + " and " + std::to_string(std::max(even_, odd_));
    }
    // What is taken and is neither the grader's nor this one; 127.0.0.1 has nobody else.
    std::string taken_besides(std::uint16_t own) const {
        std::string found;
        unsigned count = 0;
        const auto add = [&](const std::string& protocol, unsigned port) {
            if (++count <= 3)
                found += (found.empty() ? "" : ", ") + protocol + " " + std::to_string(port);
        };
        for (unsigned number = low_; number < low_ + numbers; ++number) {
            const auto port = static_cast<std::uint16_t>(number);
            if (port == own)
                continue;
            if ((port % 2 || is_free(port)) && support::bound_socket("127.0.0.1", port).error() == EADDRINUSE)
                add("TCP", port);
            if ((port % 2 == 0 || is_free(port)) && support::udp_socket("127.0.0.1", port).error() == EADDRINUSE)
                add("UDP", port);
        }
        return count > 3 ? found + " and " + std::to_string(count - 3) + " more" : found;
    }

  private:
    static constexpr unsigned numbers = 200;
    std::uint16_t low_, even_ = 0, odd_ = 0;
    std::vector<support::Client> held_;
};

} // namespace

void grader::judge(Grader& grader) {
    grader.check("it says where it listens",
                 "the line \"listening on 127.0.0.1:PORT\" and no word more, with the port of its TCP listener "
                 "in the kernel's table",
                 "The program");
    Program program = grader.start();
    const Address says = program.ready();
    const Address listens = program.listener().local;
    grader.expect(listens.ip == "127.0.0.1" && listens == says,
                  "it says " + to_string(says) + ", and listens on " + to_string(listens));
    expect_ready_line(grader, program, says);

    grader.check("its UDP socket has the same address and number", "one UDP socket, at " + to_string(says), "Predict");
    expect_pair(grader, program, says);

    grader.check("TCP clients may connect", "five connections at the same time, which stay, though it accepts nobody",
                 exercise);
    std::vector<Client> connected;
    while (connected.size() < 5)
        connected.push_back(grader.connect(says));
    program.settle();
    for (const Client& client : connected) {
        const auto end = support::kernel_socket(Protocol::tcp, client.local(), says);
        grader.expect(end && end->state == "ESTAB", client.name() + " was connected, and now its connection is " +
                                                        (end ? "in the state " + end->state : "no more"));
    }

    grader.check("it answers a datagram with its sender's endpoint",
                 "a datagram with the sender's ADDRESS:PORT, from the number that was asked; clients of TCP do not "
                 "keep it from that",
                 exercise);
    Client one = grader.udp_client(says), two = grader.udp_client(says);
    ask(grader, one, "who am I?");

    grader.check("it answers everybody, again and again", "each sender gets its own ADDRESS:PORT, each time", exercise);
    ask(grader, two, "and I?");
    ask(grader, one, "and now?");
    for (const std::string ip : {"127.0.0.2", "127.1.2.3"}) {
        Client other = grader.udp_client(says, ip);
        ask(grader, other, "and from here?");
    }
    many_times(grader, 200, "times the two asked in turn, each as soon as the other had its answer", [&] {
        ask(grader, one, "and again?");
        ask(grader, two, "and I?");
    });

    grader.check("it answers with one datagram", "nothing more comes to who has its answer", exercise);
    expect_no_more(grader, program, one);
    expect_no_more(grader, program, two);

    grader.check("it answers an empty datagram as well", "the sender's ADDRESS:PORT, and the program runs on",
                 exercise);
    ask(grader, two, "");
    ask(grader, one, "still there?");

    grader.check("it answers whatever the datagram holds", "the sender's ADDRESS:PORT, once, for 65,507 bytes as well",
                 exercise);
    for (const std::size_t size : {std::size_t{1}, std::size_t{2001}, std::size_t{9000}, std::size_t{65507}})
        ask(grader, one, all_values(size));
    ask(grader, two, std::string(3, '\0'));
    ask(grader, two, "quit\n");
    expect_no_more(grader, program, one);

    grader.check("it answers many that come at the same moment",
                 "a hundred senders get their answers, each its own, and those who have gone keep nobody from it",
                 exercise);
    std::vector<Client> many;
    many_times(grader, 50, "clients sent a datagram each, and went at once", [&] {
        Client gone = grader.udp_client(says);
        gone.send_datagram("do not wait for me");
        gone.close();
    });
    many_times(grader, 100, "clients took a UDP port each", [&] { many.push_back(grader.udp_client(says)); });
    grader.as_one_step("each of them sent a datagram, before any read its answer", [&] {
        for (Client& client : many)
            client.send_datagram("me, too");
    });
    grader.as_one_step("read the answers", [&] {
        for (Client& client : many)
            expect_answer(grader, client);
    });
    expect_no_more(grader, program, many.front());

    grader.check("a second copy runs beside it", "another line, with another number", "What goes wrong");
    many.clear();
    Program second = grader.start();
    const Address other = second.ready();
    grader.expect(other != says, "both say " + to_string(says));
    second.settle();
    expect_pair(grader, second, other);

    Program third = check_ready_line(grader, {}, exercise, missing);
    {
        const Address there = third.ready();
        grader.connect(there);
        Client at_once = grader.udp_client(there);
        ask(grader, at_once, "already?");
    }

    check_endings(grader, {}, exercise, [&](Program& ending) {
        const Address there = ending.ready();
        std::vector<Client> clients;
        clients.push_back(grader.connect(there));
        clients.push_back(grader.udp_client(there));
        ask(grader, clients.back(), "goodbye");
        return clients;
    });

    grader.check("it takes another number where one protocol has this one",
                 "a number that is free for both protocols, from those that the kernel chooses from",
                 "What the kernel did");
    grader.where_possible([&] {
        grader.new_scene();
        const Crowd crowd{grader};
        std::string left;
        for (int run = 0; run < 5; ++run) { // the kernel may happen to choose well at once
            Program crowded = grader.start({.full_output = true});
            support::eventually([&] { // before its line, which waits until it is read
                const auto rows = crowded.sockets(Protocol::udp);
                return no_listener(crowded).empty() && !rows.empty() &&
                       (left = crowd.taken_besides(rows.front().local.port)).empty();
            });
            const Address found = crowded.ready();
            grader.expect(crowd.is_free(found.port), "it has number " + std::to_string(found.port) +
                                                         ", and the kernel could choose only " + crowd.words());
            expect_pair(grader, crowded, found);
            if (!left.empty())
                break;
            end(grader, crowded, Ending::sigterm);
        }
        grader.check("it gives back what is of no use",
                     "beside the one number it holds none, of TCP or of UDP, when it says that it is ready",
                     "From outside");
        grader.expect(left.empty(), "while it has its number, these are taken as well, and not by the grader: " + left);
    });
    grader.check_refusal();
}
