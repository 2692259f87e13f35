#include "tools/judge/demands.hpp"

#include <cerrno>
#include <vector>

using namespace grader;

namespace {

// What the kernel has at one end of a connection, in words.
std::string end_in_words(const Address& local, const Address& peer) {
    const auto row = grader::kernel_socket(Protocol::tcp, local, peer);
    return "the kernel has " + (row ? "the state " + row->state : "no socket") + " for " + to_string(local) + " -> " +
           to_string(peer);
}

} // namespace

void grader::judge(Grader& grader) {
    // Every address of 127.0.0.0/8 is this machine's, so the one that is meant can be told from the usual one.
    Client server = grader.listen("127.0.0." + std::to_string(grader.draw(2, 250)), grader.fresh_port());
    const Launch launch{.arguments = {server.local().ip, std::to_string(server.local().port)}};
    constexpr unsigned copies = 4;
    const FewPorts few{grader, copies + 4};

    grader.check("it connects to the server that its arguments name",
                 "a connection to the address and the port of the two arguments", "Which port does the display have?");
    Program first = grader.start(launch);
    const Client connection = server.accept();
    const Address own = connection.peer();

    grader.check("it says its own endpoint",
                 "the first line is \"from ADDRESS:PORT\": the endpoint that the server sees as its peer",
                 "Which port does the display have?");
    const std::string from = first.line();
    grader.expect(from == "from " + to_string(own),
                  "the line is " + in_quotes(from) + ", and the server sees " + to_string(own));

    grader.check("it says the server's endpoint",
                 "the second line is \"to ADDRESS:PORT\": the endpoint at which the server listens",
                 "Which port does the display have?");
    const std::string to = first.line();
    grader.expect(to == "to " + to_string(server.local()),
                  "the line is " + in_quotes(to) + ", and the server listens on " + to_string(server.local()));

    grader.check("it holds the connection", "while it waits for Enter, its end of the connection is in the state ESTAB",
                 "Which port does the display have?");
    first.settle();
    bool held = false;
    for (const SocketRow& row : first.sockets(Protocol::tcp))
        held = held || (row.local == own && row.peer == server.local() && row.state == "ESTAB");
    grader.expect(held, end_in_words(own, server.local()));

    grader.check("several copies run at the same time",
                 "a connection to the same server for each, from a port of its own, while the others are there",
                 "Address already in use, from a client that chose its port");
    std::vector<Program> others;
    std::vector<Client> connections;
    for (unsigned copy = 0; copy < copies; ++copy) {
        others.push_back(grader.start(launch));
        others.back().line();
        connections.push_back(server.accept());
    }

    grader.check("the kernel chooses its port", "a port from the kernel's range, never one from the program",
                 "Which port does the display have?");
    const auto [low, high] = grader.ephemeral_range();
    for (const Client& one : connections)
        grader.expect(one.peer().port >= low && one.peer().port <= high,
                      "it calls from port " + std::to_string(one.peer().port) + ", and the kernel chooses from " +
                          std::to_string(low) + " to " + std::to_string(high));

    grader.check("it waits on, whatever the server does", "it runs on when the server has sent something and closed",
                 "Which port does the display have?");
    Program& left = others.front();
    const std::string left_from = "from " + to_string(connections.front().peer());
    connections.front().send("Good morning.\n");
    left.settle();
    connections.front().close();
    left.expect_running();

    grader.check("it ends on Enter with status 0", "the status is 0 after an empty line of input", "Exercises");
    end(grader, first, Ending::enter);
    end(grader, left, Ending::enter);

    grader.check("it prints its two lines, and no more",
                 "nothing else on standard output, from its start to its end, whatever the server sent",
                 "Which port does the display have?");
    expect_output(grader, first, {from, to});
    expect_output(grader, left, {left_from, to});

    grader.check("it ends with status 0 when its input ends", "the status is 0 after the end of its input",
                 "Exercises");
    end(grader, others.back(), Ending::end_of_input);

    grader.check("a refusal ends it with status 1",
                 "the status is 1 if nobody listens on the port, and nothing is printed on standard output",
                 "Exercises");
    const support::Client silent = support::bound_socket("127.0.0.1", grader.fresh_port()); // nobody gets in
    grader.did("took port " + std::to_string(silent.local().port) + " of 127.0.0.1, and does not listen there");
    Program refused = grader.start({.arguments = {"127.0.0.1", std::to_string(silent.local().port)}});
    expect_failure(grader, refused);

    grader.check("it says why", "the system's reason, " + in_words(ECONNREFUSED) + ", on standard error", "Exercises");
    expect_reason(grader, refused, ECONNREFUSED);

    grader.check("it says how it is called", "status 1 and a message on standard error, without arguments",
                 "Exercises");
    Program uncalled = grader.start();
    expect_failure(grader, uncalled);
    grader.expect(!uncalled.complained().empty(), "nothing is on standard error");
}
