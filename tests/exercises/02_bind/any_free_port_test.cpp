#include "tools/judge/demands.hpp"

#include <sys/socket.h>

using namespace grader;

namespace {

const std::string exercise = "Exercises";

// Whether the kernel chose the number of the program's listener. A socket that is disconnected gives its number back,
// unless it was asked for by number.
bool kernel_chose(Grader& grader, const Program& program, const SocketRow& row) {
    const support::Client socket = program.borrow(row);
    const sockaddr nobody{}; // AF_UNSPEC
    ::connect(socket.descriptor(), &nobody, sizeof nobody);
    const int error = support::bound_socket(row.local.ip, row.local.port).error();
    grader.did("disconnected its listener, and bound a socket of the grader's own to " + to_string(row.local) + ": " +
               in_words(error));
    return error == 0;
}

} // namespace

void grader::judge(Grader& grader) {
    grader.check("it says where it listens", "the line \"listening on 127.0.0.1:PORT\", with the port that it has got",
                 "What if any number will do?");
    Program first = grader.start();
    const Address says = first.ready();

    grader.check("it listens", "one TCP socket in the state LISTEN, when the line is there",
                 "What if nobody reads the answer?");
    const SocketRow row = first.listener();

    grader.check("it listens on loopback alone", "a listener on 127.0.0.1, which no other machine can reach",
                 "Who can reach you?");
    grader.expect(row.local.ip == "127.0.0.1", "it listens on " + to_string(row.local));

    grader.check("it says the port that it has",
                 "the line \"listening on 127.0.0.1:PORT\" and no word more, with the number in the kernel's table",
                 "What if any number will do?");
    grader.expect(says == row.local, "it says " + to_string(says) + ", and the kernel says " + to_string(row.local));
    expect_ready_line(grader, first, says);

    grader.check("a second copy runs beside it", "another line \"listening on 127.0.0.1:PORT\", with another port",
                 "What if any number will do?");
    Program second = grader.start();
    second.ready();
    const SocketRow other = second.listener();
    grader.expect(other.local.port != row.local.port, "both listen on port " + std::to_string(row.local.port));

    grader.check("clients reach it", "five connections at the same time, which stay, though it accepts nobody",
                 "What if nobody reads the answer?");
    std::vector<Client> clients;
    while (clients.size() < 5)
        clients.push_back(grader.connect(says));
    first.settle();
    for (const Client& client : clients) {
        const auto end = support::kernel_socket(Protocol::tcp, client.local(), says);
        grader.expect(end && end->state == "ESTAB", client.name() + " was connected, and now its connection is " +
                                                        (end ? "in the state " + end->state : "no more"));
    }

    grader.check("it outlives its clients", "they go, and another one can connect", exercise);
    for (Client& client : clients)
        client.close();
    first.settle();
    grader.connect(says);

    Program third = check_ready_line(grader, {}, exercise);
    grader.connect(third.ready());

    check_endings(grader, {}, exercise, [&](Program& program) {
        std::vector<Client> connected;
        connected.push_back(grader.connect(program.ready()));
        return connected;
    });

    grader.check("the kernel chooses the port", "a port from the kernel's range, and no bind that names its number",
                 "What if any number will do?");
    const auto [low, high] = grader.ephemeral_range();
    for (const std::uint16_t port : {row.local.port, other.local.port})
        grader.expect(port >= low && port <= high, "it has port " + std::to_string(port) +
                                                       ", and the kernel chooses from " + std::to_string(low) + " to " +
                                                       std::to_string(high));
    grader.where_possible([&] {
        // In a network that is not the grader's alone, somebody might take the number in between, but not twice.
        grader.new_scene();
        Program last = grader.start();
        last.ready();
        const SocketRow again = last.listener();
        grader.expect(kernel_chose(grader, second, other) || kernel_chose(grader, last, again),
                      "it asked for port " + std::to_string(again.local.port) +
                          " by number: its listener keeps it when it is disconnected, and a number that the kernel "
                          "chose would be free again");
    });
    grader.check_refusal();
}
