#include "tests/support/grader.hpp"

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
    Client server = grader.listen("127.0.0." + std::to_string(grader.draw(2, 250)));
    const Launch launch{.arguments = {server.local().ip, std::to_string(server.local().port)}};

    grader.check("it connects to the server that its arguments name",
                 "a connection to the address and the port of the two arguments", "The program");
    Program first = grader.start(launch);
    const Client connection = server.accept();
    const Address own = connection.peer();

    grader.check("it says its own endpoint",
                 "the first line is \"from ADDRESS:PORT\": the endpoint that the server sees as its peer", "Run it");
    const std::string from = first.line();
    grader.expect(from == "from " + to_string(own),
                  "the line is " + in_quotes(from) + ", and the server sees " + to_string(own));

    grader.check("it says the server's endpoint",
                 "the second line is \"to ADDRESS:PORT\": the endpoint at which the server listens", "Run it");
    const std::string to = first.line();
    grader.expect(to == "to " + to_string(server.local()),
                  "the line is " + in_quotes(to) + ", and the server listens on " + to_string(server.local()));

    grader.check("it holds the connection", "while it waits for Enter, its end of the connection is in the state ESTAB",
                 "From outside");
    first.settle();
    bool held = false;
    for (const SocketRow& row : first.sockets(Protocol::tcp))
        held = held || (row.local == own && row.peer == server.local() && row.state == "ESTAB");
    grader.expect(held, end_in_words(own, server.local()));

    grader.check("a second copy runs beside it",
                 "another connection to the same server, from another port, while the first one is there",
                 "What goes wrong");
    Program second = grader.start(launch);
    second.line();
    const Client other = server.accept();

    grader.check("the kernel chooses its port", "a port from the kernel's range, never one from the program",
                 "What the kernel did");
    const auto [low, high] = grader.ephemeral_range();
    for (const Address& address : {own, other.peer()})
        grader.expect(address.port >= low && address.port <= high,
                      "it calls from port " + std::to_string(address.port) + ", and the kernel chooses from " +
                          std::to_string(low) + " to " + std::to_string(high));

    grader.check("a refusal ends it with status 1",
                 "the status is 1 where nobody listens on the port, and nothing is printed on standard output",
                 "Exercises");
    const support::Client silent = support::bound_socket("127.0.0.1"); // it does not listen: nobody gets in
    grader.did("took port " + std::to_string(silent.local().port) + " of 127.0.0.1, and does not listen there");
    Program refused = grader.start({.arguments = {"127.0.0.1", std::to_string(silent.local().port)}});
    const int status = refused.exit_status();
    grader.expect(status == 1, "it ended with " + status_in_words(status));
    grader.expect(refused.printed().empty(), "it printed " + in_quotes(refused.printed()));

    grader.check("it says why", "the system's words, \"Connection refused\", on standard error", "Exercises");
    grader.expect(refused.complained().find("Connection refused") != std::string::npos,
                  refused.complained().empty() ? "nothing is on standard error"
                                               : "on standard error is " + in_quotes(refused.complained()));

    grader.check("it ends on Enter with status 0", "the status is 0 after an empty line of input", "Exercises");
    first.type("\n");
    const int after_enter = first.exit_status();
    grader.expect(after_enter == 0, "it ended with " + status_in_words(after_enter));

    grader.check("it ends with status 0 when its input ends", "the status is 0 after the end of its input",
                 "Exercises");
    second.close_input();
    const int after_input = second.exit_status();
    grader.expect(after_input == 0, "it ended with " + status_in_words(after_input));

    grader.check("it says how it is called", "status 1 and a message on standard error, without arguments",
                 "Exercises");
    Program uncalled = grader.start();
    const int uncalled_status = uncalled.exit_status();
    grader.expect(uncalled_status == 1, "it ended with " + status_in_words(uncalled_status));
    grader.expect(!uncalled.complained().empty(), "nothing is on standard error");
}
