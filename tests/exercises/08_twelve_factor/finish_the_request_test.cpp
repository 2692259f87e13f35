#include "tools/harness/wait.hpp"
#include "tools/judge/demands.hpp"

#include <algorithm>
#include <cerrno>
#include <csignal>

using namespace grader;

namespace {

std::string stars(std::size_t number) { return std::string(number, '*') + '\n'; }

void ask(Grader& grader, Client& client, unsigned number) {
    client.send(std::to_string(number) + '\n');
    if (const std::string line = client.read_line(); line + '\n' != stars(number))
        grader.fail("the answer to " + std::to_string(number) + " is the line " + in_quotes(line));
}

// The end of a scene, for a client that was in flight when the signal came.
void expect_stars(Grader& grader, const Client& client, const std::pair<std::string, int>& end, std::size_t number) {
    const auto& [answer, error] = end;
    grader.expect(answer == stars(number) && error == 0,
                  client.name() + " got " + std::to_string(std::count(answer.begin(), answer.end(), '*')) + " of " +
                      std::to_string(number) + " stars, and then the connection " +
                      (error == 0 ? "was closed" : "ended with " + in_words(error)));
}

} // namespace

void grader::judge(Grader& grader) {
    const std::string port = std::to_string(grader.fresh_port());
    grader.check("it listens on the port of its environment", "one listener, on 127.0.0.1 and the port in PORT",
                 "What do they need to know?");
    Program service = grader.start({.environment = {{"PORT", port}}});
    const Address says = service.ready();
    const int at_once = grader.try_to_connect(says);
    const Address has = service.listener().local;
    grader.expect(to_string(has) == "127.0.0.1:" + port && says == has,
                  "PORT is " + port + "; it listens on " + to_string(has) + ", and says " + to_string(says));

    grader.check("it listens before it says so", "a client that connects as soon as the ready line is there gets in",
                 "What do they need to know?");
    grader.expect(at_once == 0, "the client that connected as soon as the line was there got " + in_words(at_once));

    grader.check("it answers a number with as many stars", "a line of N stars for the line N", "Exercises");
    Client idle = grader.connect(has);
    ask(grader, idle, grader.draw(3, 60));

    grader.check("it keeps a connection for the next request", "an answer to each of two requests on one connection",
                 "Exercises");
    ask(grader, idle, grader.draw(3, 60));

    grader.check("requests come in pieces of any size",
                 "an answer to each of three in one piece, and to one in single bytes", "Exercises");
    idle.send("3\n12\n1");
    for (const unsigned number : {3U, 12U})
        if (const std::string line = idle.read_line(); line + '\n' != stars(number))
            grader.fail("the answer to " + std::to_string(number) + ", which came with others, is " + in_quotes(line));
    send_in_pieces(service, idle, "7\n25\n");
    for (const unsigned number : {17U, 25U})
        if (const std::string line = idle.read_line(); line + '\n' != stars(number))
            grader.fail("the answer to " + std::to_string(number) + ", which came in pieces, is " + in_quotes(line));

    grader.check("a client that is slow, or silent, holds up nobody",
                 "an answer, while one client is silent and another has sent half of its line",
                 "How does it finish what it has begun?");
    Client half = grader.connect(has), reader = grader.connect(has), greedy = grader.connect(has);
    half.send("1");
    service.take_all_of(half);
    reader.send("10000000\n"); // more than the buffers of two sockets hold
    const std::string first = reader.read(1);
    service.take_all_of(reader);
    greedy.send("10000000\n9\n1");
    greedy.read(1);
    service.settle();
    const auto unread = grader::kernel_socket(Protocol::tcp, has, greedy.local());
    const bool all_read = unread && unread->received == 0; // it may read a line at a time
    grader.did(greedy.name() + " reads no further; the service has " + (all_read ? "" : "not ") +
               "read all that it sent");
    Client waiting = grader.connect(has);
    ask(grader, waiting, 8);

    grader.check("it serves hundreds of clients at once",
                 std::to_string(hundreds) + " clients that are all connected get their answers, twice",
                 "How does it finish what it has begun?");
    {
        std::vector<Client> crowd;
        many_times(grader, hundreds, "clients came and were answered", [&] {
            crowd.push_back(grader.connect(has));
            ask(grader, crowd.back(), 3);
        });
        grader.as_one_step("all of them were answered again", [&] {
            for (Client& client : crowd)
                ask(grader, client, 4);
        });
    }

    grader.check("a client that breaks off harms nobody else",
                 "answers for the others, when clients have gone in the middle of a request, and of an answer",
                 "A stranger sends something else");
    for (const std::string said : {"1", "10000000\n", "5000000\n5000000\n5000000\n"})
        for (const bool reset : {true, false}) {
            Client leaving = grader.connect(has);
            leaving.send(said);
            if (said.size() > 1)
                leaving.read(1);
            const Address here = leaving.local();
            reset ? leaving.break_off() : leaving.close();
            support::eventually([&] {
                const auto row = grader::kernel_socket(Protocol::tcp, has, here);
                return !row || row->inode == 0;
            });
            service.listener(); // it runs
        }
    ask(grader, idle, 5);

    grader.check("after SIGTERM new clients are refused",
                 "no listener any more, though two requests are in flight, and ECONNREFUSED",
                 "How does it finish what it has begun?");
    service.send_signal(SIGTERM);
    service.stop_listening_at(has);
    const int refusal = grader.try_to_connect(has);
    grader.expect(refusal == ECONNREFUSED, "a new client gets " + in_words(refusal));

    grader.check(
        "a request that is half sent when SIGTERM comes is answered",
        "the whole answer to a client that sends the rest of its line after the signal, however late, and then the "
        "end",
        "How does it finish what it has begun?");
    take_long(grader, half);
    expect_stars(grader, half, half.send_and_read_to_any_end("2\n"), 12);

    grader.check("an answer that is half read when SIGTERM comes is finished",
                 "the rest of the stars for a client that reads on after the signal, then the end",
                 "How does it finish what it has begun?");
    auto rest = reader.send_and_read_to_any_end("");
    expect_stars(grader, reader, {first + rest.first, rest.second}, 10'000'000);

    grader.check(
        "every request that it has read is finished",
        "answers to the next request of the same client, which had come with the first, and to one that is half sent",
        "How does it finish what it has begun?");
    auto all = greedy.send_and_read_to_any_end(all_read ? "1\n" : "");
    if (all_read) {
        expect_bytes(grader, greedy.name(), all.first, stars(10'000'000).substr(1) + stars(9) + stars(11));
        grader.expect(all.second == 0, "the connection of " + greedy.name() + " ended with " + in_words(all.second));
    }

    grader.check("an idle connection is closed after SIGTERM", "the end of the stream, though the client sends nothing",
                 "How does it finish what it has begun?");
    const auto [nothing, error] = idle.send_and_read_to_any_end("");
    grader.expect(nothing.empty() && error == 0,
                  idle.name() + " received " + in_quotes(nothing) + " and then the end: " + in_words(error));
    const auto [none, end_of_waiting] = waiting.send_and_read_to_any_end("");
    grader.expect(none.empty() && end_of_waiting == 0,
                  waiting.name() + " received " + in_quotes(none) + " and then the end: " + in_words(end_of_waiting));

    grader.check("it ends with status 0 when the last answer is out", "status 0",
                 "How does it finish what it has begun?");
    const int status = service.exit_status();
    grader.expect(status == 0, "it ended with " + status_in_words(status));

    grader.check("SIGINT ends it in the same way", "a half-sent request is answered, and the status is 0",
                 "How does it finish what it has begun?");
    Program again = grader.start({.environment = {{"PORT", "0"}}});
    const Address there = again.ready();
    Client last = grader.connect(there), gone = grader.connect(there);
    last.send("1");
    again.take_all_of(last);
    gone.send("1");
    again.take_all_of(gone);
    again.send_signal(SIGINT);
    again.stop_listening_at(there);
    expect_stars(grader, last, last.send_and_read_to_any_end("1\n"), 11);

    grader.check("it ends when the last client has gone",
                 "status 0, when a client that was in the middle of its line has closed",
                 "How does it finish what it has begun?");
    gone.close();
    const int last_status = again.exit_status();
    grader.expect(last_status == 0, "it ended with " + status_in_words(last_status));
    grader.check_restart(there);
    grader.check_refusal();
}
