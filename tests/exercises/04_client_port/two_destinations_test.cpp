#include "tests/support/grader.hpp"

#include <algorithm>

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

std::string on_standard_error(const Program& program) {
    return program.complained().empty() ? "nothing is on standard error"
                                        : "on standard error is " + in_quotes(program.complained());
}

} // namespace

void grader::judge(Grader& grader) {
    Client one = grader.listen("127.0.0.1");
    Client other = grader.listen("127.0.0.1");
    const support::Client quiet = support::bound_socket("127.0.0.1"); // it does not listen: nobody gets in

    grader.check("it gets to its first line", "\"from ADDRESS:PORT\", as soon as both connections are there",
                 "The program");
    Program program = grader.start(both(one.local(), other.local()));
    const std::string from = program.line();
    grader.expect(from.starts_with("from "), "its first line is " + in_quotes(from));

    grader.check("it connects to both servers", "a connection to each of the two addresses and ports that it was given",
                 "The program");
    const Client to_one = one.accept();
    const Client to_other = other.accept();

    grader.check("both connections have one source", "both servers see the same address and port as their peer's",
                 "The program");
    const Address source = to_one.peer();
    grader.expect(to_other.peer() == source,
                  "one server sees " + to_string(source) + ", the other sees " + to_string(to_other.peer()));

    grader.check("it says the right source", "the endpoint in its first line is the one that the servers see",
                 "Run it");
    grader.expect(from == "from " + to_string(source),
                  "the line is " + in_quotes(from) + ", and the servers see " + to_string(source));

    grader.check("it says where it calls", "two lines \"to ADDRESS:PORT\" follow, in the order of its arguments",
                 "Run it");
    for (const Client* server : {&one, &other}) {
        const std::string to = program.line();
        grader.expect(to == "to " + to_string(server->local()),
                      "the line is " + in_quotes(to) + ", and this server is " + to_string(server->local()));
    }

    grader.check("it holds both at the same time", "while it waits for Enter, two sockets of it are in the state ESTAB",
                 "What the kernel did");
    program.settle();
    const auto held = established(program);
    grader.expect(held.size() == 2, "it holds " + rows_in_words(held));

    grader.check("a second copy runs beside it",
                 "two more connections to the same servers, while the first copy holds its own", "What goes wrong");
    Program copy = grader.start(both(one.local(), other.local()));
    copy.line();
    const Client copy_to_one = one.accept();
    const Client copy_to_other = other.accept();
    grader.expect(copy_to_one.peer() == copy_to_other.peer(), "the copy calls one server from " +
                                                                  to_string(copy_to_one.peer()) + ", the other from " +
                                                                  to_string(copy_to_other.peer()));

    grader.check("the kernel chooses the port", "a port from the kernel's range, never one from the program",
                 "What the kernel did");
    const auto [low, high] = grader.ephemeral_range();
    for (const Address& address : {source, copy_to_one.peer()})
        grader.expect(address.port >= low && address.port <= high,
                      "it calls from port " + std::to_string(address.port) + ", and the kernel chooses from " +
                          std::to_string(low) + " to " + std::to_string(high));

    grader.check("it does not call one server twice",
                 "the status is 1 where both destinations are the same, since the second 4-tuple would be the first",
                 "What the kernel did");
    Program twice = grader.start(both(one.local(), one.local()));
    const int status = twice.exit_status();
    grader.expect(status == 1, "it ended with " + status_in_words(status));

    grader.check("it says why", "the system's words, \"Cannot assign requested address\", on standard error",
                 "The program");
    grader.expect(twice.complained().find("Cannot assign requested address") != std::string::npos,
                  on_standard_error(twice));

    grader.check("it names the server that refuses",
                 "where nobody listens at one of the two, the status is 1, and standard error has that server's "
                 "ADDRESS:PORT and \"Connection refused\"",
                 "Exercises");
    const Address silent = quiet.local();
    grader.did("took " + to_string(silent) + ", and does not listen there");
    const bool first_refuses = grader.draw(0, 1) == 0;
    Program refused = grader.start(first_refuses ? both(silent, other.local()) : both(one.local(), silent));
    const int refused_status = refused.exit_status();
    grader.expect(refused_status == 1, "it ended with " + status_in_words(refused_status));
    for (const std::string& words : {to_string(silent), std::string{"Connection refused"}})
        grader.expect(refused.complained().find(words) != std::string::npos, on_standard_error(refused));

    grader.check("it ends on Enter with status 0", "the status is 0 after an empty line of input", "Exercises");
    program.type("\n");
    const int after_enter = program.exit_status();
    grader.expect(after_enter == 0, "it ended with " + status_in_words(after_enter));

    grader.check("it says how it is called", "status 1 and a message on standard error, without arguments",
                 "Exercises");
    Program uncalled = grader.start();
    const int uncalled_status = uncalled.exit_status();
    grader.expect(uncalled_status == 1, "it ended with " + status_in_words(uncalled_status));
    grader.expect(!uncalled.complained().empty(), "nothing is on standard error");
}
