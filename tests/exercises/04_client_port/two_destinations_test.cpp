#include "tools/judge/demands.hpp"

#include <algorithm>
#include <cerrno>
#include <vector>

using namespace grader;

namespace {

Launch both(const Address& one, const Address& other) {
    return {.arguments = {one.ip, std::to_string(one.port), other.ip, std::to_string(other.port)}};
}

// The connections that the program holds, to a server each.
std::vector<SocketRow> established(const Program& program) {
    auto rows = program.sockets(Protocol::tcp);
    std::erase_if(rows, [](const SocketRow& row) { return row.state != "ESTAB"; });
    return rows;
}

std::string rows_in_words(const std::vector<SocketRow>& rows) {
    std::string text;
    for (const SocketRow& row : rows)
        text += (text.empty() ? "" : " and ") + to_string(row.local) + " -> " + to_string(row.peer);
    return text.empty() ? "no connection" : text;
}

// The two connections of one copy, in the order of its arguments.
struct Pair {
    Client to_one, to_other;
};

void expect_one_source(Grader& grader, const Pair& pair) {
    const Address source = pair.to_one.peer(), seen = pair.to_other.peer();
    grader.expect(seen == source, "one server sees " + to_string(source) + ", the other sees " + to_string(seen));
}

void expect_lines(Grader& grader, Program& program, const std::vector<const Client*>& servers) {
    for (const Client* server : servers) {
        const std::string to = program.line();
        grader.expect(to == "to " + to_string(server->local()),
                      "the line is " + in_quotes(to) + ", and this server is " + to_string(server->local()));
    }
}

} // namespace

void grader::judge(Grader& grader) {
    const auto [low, high] = std::minmax({grader.fresh_port(), grader.fresh_port()});
    Client one = grader.listen("127.0.0.1", high), other = grader.listen("127.0.0.1", low);
    constexpr unsigned copies = 3;
    const FewPorts few{grader, copies + 8};

    grader.check("it gets to its first line", "\"from ADDRESS:PORT\", as soon as both connections are there",
                 "May two connections have the same port?");
    Program program = grader.start(both(one.local(), other.local()));
    const std::string from = program.line();
    grader.expect(from.starts_with("from "), "its first line is " + in_quotes(from));

    grader.check("it connects to both servers", "a connection to each of the two addresses and ports that it was given",
                 "May two connections have the same port?");
    const Pair pair{one.accept(), other.accept()};

    grader.check("both connections have one source", "both servers see the same address and port as their peer's",
                 "May two connections have the same port?");
    expect_one_source(grader, pair);

    grader.check("it says the right source", "the endpoint in its first line is the one that the servers see",
                 "May two connections have the same port?");
    const Address source = pair.to_one.peer();
    grader.expect(from == "from " + to_string(source),
                  "the line is " + in_quotes(from) + ", and the servers see " + to_string(source));

    grader.check("it says where it calls", "two lines \"to ADDRESS:PORT\" follow, in the order of its arguments",
                 "May two connections have the same port?");
    expect_lines(grader, program, {&one, &other});

    grader.check("it holds both at the same time", "while it waits for Enter, two sockets of it are in the state ESTAB",
                 "May two connections have the same port?");
    program.settle();
    const auto held = established(program);
    grader.expect(held.size() == 2, "it holds " + rows_in_words(held));

    grader.check("several copies run at the same time",
                 "two more connections to the same servers for each copy, while the others hold theirs; the lines in "
                 "the order of the arguments, here the other one",
                 "Address already in use, from a client that chose its port");
    std::vector<Program> others;
    std::vector<Pair> pairs;
    for (unsigned copy = 0; copy < copies; ++copy) {
        others.push_back(grader.start(both(other.local(), one.local())));
        others.back().line();
        pairs.push_back({one.accept(), other.accept()});
        expect_one_source(grader, pairs.back());
        expect_lines(grader, others.back(), {&other, &one});
    }

    grader.check("the kernel chooses the port", "a port from the kernel's range, never one from the program",
                 "Which port does the display have?");
    const auto [first, last] = grader.ephemeral_range();
    for (const Pair& each : pairs)
        grader.expect(each.to_one.peer().port >= first && each.to_one.peer().port <= last,
                      "it calls from port " + std::to_string(each.to_one.peer().port) +
                          ", and the kernel chooses from " + std::to_string(first) + " to " + std::to_string(last));

    grader.check("it waits on, whatever a server does", "it runs on when a server has sent something and closed",
                 "May two connections have the same port?");
    Program& left = others.front();
    const std::string left_from = "from " + to_string(pairs.front().to_one.peer());
    pairs.front().to_one.send("Good morning.\n");
    left.settle();
    pairs.front().to_one.close();
    left.expect_running();

    grader.check("it ends on Enter with status 0", "the status is 0 after an empty line of input", "Exercises");
    end(grader, program, Ending::enter);
    end(grader, left, Ending::enter);

    grader.check("it prints its three lines, and no more",
                 "nothing else on standard output, from its start to its end, whatever a server sent",
                 "May two connections have the same port?");
    const std::string to_one = "to " + to_string(one.local()), to_other = "to " + to_string(other.local());
    expect_output(grader, program, {from, to_one, to_other});
    expect_output(grader, left, {left_from, to_other, to_one});

    grader.check("it ends with status 0 when its input ends", "the status is 0 after the end of its input",
                 "Exercises");
    for (Program& copy : others)
        if (&copy != &left)
            end(grader, copy, Ending::end_of_input);

    grader.check("a server is an address and a port",
                 "two connections from one source to two servers that have the same port on two addresses",
                 "May two connections have the same port?");
    const std::string aside = "127.0.0." + std::to_string(grader.draw(2, 250));
    Client namesake = grader.listen(aside, one.local().port);
    for (const bool swapped : {false, true}) {
        const Client &a = swapped ? namesake : one, &b = swapped ? one : namesake;
        Program caller = grader.start(both(a.local(), b.local()));
        const std::string says = caller.line();
        const Pair seen{one.accept(), namesake.accept()};
        expect_one_source(grader, seen);
        grader.expect(says == "from " + to_string(seen.to_one.peer()),
                      "the line is " + in_quotes(says) + ", and the servers see " + to_string(seen.to_one.peer()));
        expect_lines(grader, caller, {&a, &b});
        end(grader, caller, Ending::enter);
    }

    grader.check("it does not call one server twice",
                 "the status is 1 if both destinations are the same, since the second 4-tuple would be the first, "
                 "and nothing is printed on standard output",
                 "May two connections have the same port?");
    Program twice = grader.start(both(one.local(), one.local()));
    expect_failure(grader, twice);

    grader.check("it says why", "the system's reason, " + in_words(EADDRNOTAVAIL) + ", on standard error",
                 "May two connections have the same port?");
    expect_reason(grader, twice, EADDRNOTAVAIL);

    grader.check("it names the server that refuses",
                 "if nobody listens at one of the two, the first or the second, the status is 1, nothing is printed "
                 "on standard output, and standard error has that server's ADDRESS:PORT, not the other's, and "
                 "\"Connection refused\"",
                 "Exercises");
    const support::Client quiet = support::bound_socket("127.0.0.1", grader.fresh_port()); // nobody gets in
    const Address silent = quiet.local();
    grader.did("took " + to_string(silent) + ", and does not listen there");
    std::vector<bool> orders{true, false};
    std::rotate(orders.begin(), orders.begin() + grader.draw(0, 1), orders.end());
    for (const bool first_refuses : orders) {
        Program refused = grader.start(first_refuses ? both(silent, other.local()) : both(one.local(), silent));
        expect_failure(grader, refused);
        expect_reason(grader, refused, ECONNREFUSED);
        const std::string said = "on standard error is " + in_quotes(refused.complained());
        grader.expect(names(refused.complained(), silent), said + ", without " + to_string(silent));
        for (const Client* server : {&one, &other})
            grader.expect(!names(refused.complained(), server->local()),
                          said + ", and " + to_string(server->local()) + " did not refuse");
    }

    grader.check("it says how it is called", "status 1 and a message on standard error, without arguments",
                 "Exercises");
    Program uncalled = grader.start();
    expect_failure(grader, uncalled);
    grader.expect(!uncalled.complained().empty(), "nothing is on standard error");
}
