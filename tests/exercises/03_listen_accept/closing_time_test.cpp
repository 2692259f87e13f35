#include "tools/harness/wait.hpp"
#include "tools/judge/demands.hpp"

#include <algorithm>
#include <sys/socket.h>

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
    const unsigned seats = 6;
    const std::string number = std::to_string(seats);
    grader.check("it says where it listens", "the line \"listening on 127.0.0.1:PORT\"", "Who talks to the display?");
    Program program = grader.start({.arguments = {number}});
    const Address server = program.ready();
    std::vector<Client> guests;
    const int at_once = [&] { // the first seat is taken as soon as the line is there
        support::Client socket = support::connect_to(server);
        const int error = socket.error();
        if (error == 0)
            guests.emplace_back("client 1", std::move(socket));
        return error;
    }();
    grader.did("tried to connect to " + to_string(server) + " as client 1: " + in_words(at_once));

    grader.check("it listens on loopback, on the port that it says",
                 "one TCP socket in the state LISTEN, on 127.0.0.1 and with the port of the ready line",
                 "Who talks to the display?");
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

    grader.check("it listens before it says so", "a client that connects as soon as the ready line is there gets in",
                 "Who talks to the display?");
    grader.expect(at_once == 0, "the client that connected as soon as the line was there got " + in_words(at_once));

    grader.check("the kernel chooses its port", "another one, which is started meanwhile, has a port of its own",
                 "Who talks to the display?");
    Program neighbour = grader.start({.arguments = {"1"}});
    const Address there = neighbour.ready();
    grader.expect(neighbour.listener().local == there, "the other one says " + to_string(there) + ", and listens on " +
                                                           to_string(neighbour.listener().local));
    Client only_one = grader.connect(there);

    grader.check("it serves the first client at once", "its line comes back, while the other seats are free",
                 "Who talks to the display?");
    must_be_served(guests.front());

    grader.check("whatever a client says comes back",
                 "its bytes, all values of a byte among them, and no others, as they come",
                 "Who talks to the display?");
    Client& first = guests.front();
    for (const std::string& said : {std::string{"no end of a line"}, std::string{"a\0b", 3}, std::string{"\r\n \n"}}) {
        first.send(said);
        expect_bytes(grader, first.name(), first.read(said.size()), said);
    }
    const std::string much = all_values(3'000'000);
    expect_bytes(grader, first.name(), exchange(first, much, much.size()), much);
    expect_silence(grader, program, first);

    grader.check("it serves several clients at once",
                 "the lines of a second client come back, while the first one stays", "Who talks to the display?");
    guests.push_back(grader.connect(server));
    must_be_served(guests.back());
    must_be_served(guests.front());

    grader.check("it lets as many clients in as its argument says",
                 "with the argument " + number + ", " + number + " clients come, and none of them is refused",
                 "How many callers can wait?");
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
                 "no socket listens on the port, and a client that comes later gets ECONNREFUSED, while the others are "
                 "still connected",
                 "How many callers can wait?");
    must_close(server, "all " + number + " clients have come");

    grader.check("it serves those that are in after it has stopped listening",
                 "lines come back to each of the clients, also to the one that came last",
                 "How many callers can wait?");
    for (Client& guest : guests)
        must_be_served(guest);

    grader.check("it serves those who stay when one has left",
                 "the client that came last gets its last words back and leaves; lines come back to the others",
                 "Who talks to the display?");
    leave(guests.back());
    guests.pop_back();
    program.settle();
    for (Client& guest : guests)
        must_be_served(guest);

    grader.check("a client that does not read holds up nobody",
                 "lines come back to the others, while one sends and sends and reads nothing",
                 "Who talks to the display?");
    send_until_full(program, guests.back(), all_values(100'000));
    for (Client& guest : guests)
        if (&guest != &guests.back())
            must_be_served(guest);

    grader.check(
        "it serves those who stay when one has broken off",
        "lines come back to the others, when that one has reset its connection, and another one has left before it "
        "had read what came back",
        "Who turned the light off at night?");
    std::size_t held = sockets_held(program);
    const auto see_it_go = [&] { // an answer may keep the socket, if it likes
        support::eventually([&] { return sockets_held(program) < held; });
        held = sockets_held(program);
    };
    guests.back().break_off();
    guests.pop_back();
    see_it_go();
    grader.did(guests.back().name() + " says much, reads nothing, and leaves");
    grader::leave(guests.back(), Leaving::speaks_and_closes, all_values(200'000));
    guests.pop_back();
    see_it_go();
    for (Client& guest : guests)
        must_be_served(guest);

    grader.check("it ends with status 0 when the last one has left", "status 0, with nobody there to serve",
                 "Who talks to the display?");
    for (Client& guest : guests)
        leave(guest);
    guests.clear();
    const int status = program.exit_status();
    grader.expect(status == 0, "it ended with " + status_in_words(status));

    grader.check("a client that leaves gives its seat to nobody",
                 "with the argument 2: one client comes and leaves, a second one comes, and those were the first two",
                 "Who talks to the display?");
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

    late.break_off();
    const int end = next.exit_status();
    grader.expect(end == 0, "it ended with " + status_in_words(end));

    grader.check(
        "it serves the first N, and no others",
        "with the argument 3, of 12 that come at the same moment 3 are served, and the connections of the others "
        "end",
        "How many callers can wait?");
    Program small = grader.start({.arguments = {"3"}});
    const Address entrance = small.ready();
    unsigned served = 0;
    {
        std::vector<support::Client> crowd;
        for (int i = 0; i < 12; ++i)
            crowd.push_back(support::begin_to_connect(entrance));
        grader.did("12 clients connected at the same moment");
        small.stop_listening_at(entrance);
        for (support::Client& one : crowd) {
            if (one.descriptor() < 0)
                continue; // refused
            Client client{"one of the 12", std::move(one)};
            [[maybe_unused]] const auto sent = ::send(client.descriptor(), "x", 1, MSG_NOSIGNAL);
            client.shut_down_sending();
            served += client.send_and_read_to_any_end("").first == "x" ? 1 : 0;
        }
    }
    grader.expect(served == 3, "with the argument 3 it served " + std::to_string(served) + " of 12 clients");
    const int small_end = small.exit_status();
    grader.expect(small_end == 0, "it ended with " + status_in_words(small_end));

    grader.check("N may be hundreds",
                 "with the argument " + std::to_string(hundreds) + " so many clients are served at once",
                 "Who talks to the display?");
    Program large = grader.start({.arguments = {std::to_string(hundreds)}});
    const Address hall = large.ready();
    many_times(grader, hundreds, "clients came and were served", [&] {
        guests.push_back(grader.connect(hall));
        must_be_served(guests.back());
    });
    must_close(hall, "the last of " + std::to_string(hundreds) + " clients has come");
    grader.as_one_step("all of them were served again, and left", [&] {
        for (Client& guest : guests)
            must_be_served(guest);
        for (Client& guest : guests)
            leave(guest);
    });
    const int large_end = large.exit_status();
    grader.expect(large_end == 0, "it ended with " + status_in_words(large_end));
    only_one.close();
    grader.check_refusal({.arguments = {"1"}});
}
