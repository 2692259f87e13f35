#include "tests/support/grader.hpp"
#include "tests/support/wait.hpp"

#include <algorithm>

using namespace grader;

namespace {

// Whether anybody listens there, by the kernel's word: the program or a process that it has started.
bool listens(const Address& server) {
    const auto rows = grader::kernel_sockets(Protocol::tcp);
    return std::ranges::any_of(rows,
                               [&](const SocketRow& row) { return row.state == "LISTEN" && row.local == server; });
}

} // namespace

void grader::judge(Grader& grader) {
    const unsigned seats = grader.draw(4, 6);
    const std::string number = std::to_string(seats);
    grader.check("it says where it listens", "the line \"listening on 127.0.0.1:PORT\"", "The program");
    Program program = grader.start({.arguments = {number}});
    const Address server = program.ready();

    grader.check("it listens on loopback, on the port that it says",
                 "one TCP socket in the state LISTEN, on 127.0.0.1 and with the port of the ready line", "The program");
    const SocketRow listener = program.listener();
    grader.expect(listener.local.ip == "127.0.0.1" && listener.local == server,
                  "it says " + to_string(server) + ", and the kernel says " + to_string(listener.local));

    const auto must_be_served = [&](Client& client) {
        const std::string line = "number " + std::to_string(grader.draw(1000, 9999));
        client.send(line + "\n");
        const std::string back = client.read_line();
        grader.expect(back == line, "a client sent the line " + in_quotes(line) + " and got " + in_quotes(back));
    };
    // The last words, and the end of them, are under way at the same time.
    const auto leave = [&](Client& client) {
        const std::string words = "that was number " + std::to_string(grader.draw(1000, 9999)) + "\n";
        client.send(words);
        client.shut_down_sending();
        const std::string back = client.read_to_end();
        grader.expect(back == words, "a client's last words were " + in_quotes(words) + ", and it got " +
                                         in_quotes(back) + " before the end");
        client.close();
    };
    std::vector<Client> guests;

    grader.check("it serves the first client at once", "its line comes back, while the other seats are free", "Run it");
    guests.push_back(grader.connect(server));
    must_be_served(guests.front());

    grader.check("it serves several clients at once",
                 "the lines of a second client come back, while the first one stays", "Run it");
    guests.push_back(grader.connect(server));
    must_be_served(guests.back());
    must_be_served(guests.front());

    grader.check("it lets as many clients in as its argument says",
                 "with the argument " + number + ", " + number + " clients are connected, and none of them is refused",
                 "What the kernel did");
    while (guests.size() < seats) {
        guests.push_back(grader.connect(server));
        if (guests.size() < seats)
            must_be_served(guests.back());
    }

    const auto must_close = [&](const Address& door, const std::string& when) {
        const bool closed = support::eventually([&] { return !listens(door); });
        grader.did("asked the kernel who listens on " + to_string(door) + (closed ? ": nobody" : ""));
        grader.expect(closed, when + ", and a socket still listens on " + to_string(door) +
                                  ": the kernel goes on connecting clients there");
        const int error = grader.try_to_connect(door);
        grader.expect(error == ECONNREFUSED, "a client that comes later gets " + in_words(error));
    };
    grader.check("it stops listening when the last of the N has come",
                 "no socket listens on the port, and a client that comes later gets ECONNREFUSED, while all " + number +
                     " are still connected",
                 "What the kernel did");
    must_close(server, "all " + number + " clients have come");

    grader.check("it serves those that are in after it has stopped listening",
                 "lines come back to each of the " + number + " clients, also to the one that came last",
                 "What the kernel did");
    for (Client& guest : guests)
        must_be_served(guest);

    grader.check("it serves those who stay when one has left",
                 "the client that came last gets its last words back and leaves; lines come back to the others",
                 "The program");
    leave(guests.back());
    guests.pop_back();
    program.settle();
    for (Client& guest : guests)
        must_be_served(guest);

    grader.check("it ends with status 0 when the last one has left", "status 0, with nobody there to serve", "Run it");
    for (Client& guest : guests)
        leave(guest);
    const int status = program.exit_status();
    grader.expect(status == 0, "it ended with " + status_in_words(status));

    grader.check("a client that leaves gives its seat to nobody",
                 "with the argument 2: one client comes and leaves, a second one comes, and those were the first two",
                 "The program");
    Program next = grader.start({.arguments = {"2"}});
    const Address door = next.ready();
    Client early = grader.connect(door);
    const Address had = early.local();
    must_be_served(early);
    leave(early);
    support::eventually([&] { return !grader::kernel_socket(Protocol::tcp, door, had); });
    Client late = grader.connect(door);
    must_be_served(late);
    must_close(door, "the second of 2 clients has come");

    grader.check("it ends with status 0 when the last one has broken off",
                 "a client that resets its connection has left like any other: status 0", "What goes wrong");
    late.break_off();
    const int end = next.exit_status();
    grader.expect(end == 0, "it ended with " + status_in_words(end));
    grader.check_refusal({.arguments = {"1"}});
}
