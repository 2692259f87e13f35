#include "tools/harness/wait.hpp"
#include "tools/judge/demands.hpp"

#include <algorithm>
#include <cerrno>
#include <string>
#include <vector>

using namespace grader;

namespace {

std::string states_at(const Address& address) {
    std::string states;
    for (const SocketRow& row : grader::kernel_sockets(Protocol::tcp))
        if (row.local == address && states.find(row.state) == states.npos)
            states += (states.empty() ? "" : " and ") + row.state;
    return states.empty() ? "no socket" : states;
}

void expect_listens_on(Grader& grader, Program& program, const Address& wanted) {
    const Address says = program.ready(), has = program.listener().local;
    grader.expect(has == wanted, "it listens on " + to_string(has) + ", and PORT asks for " + to_string(wanted));
    grader.expect(says == has, "it says " + to_string(says) + ", and listens on " + to_string(has));
}

// A client that has been told goodbye; it waits for the server's end before its own.
Client dismissed(Grader& grader, const Address& server) {
    Client client = grader.connect(server);
    const std::string got = client.read_to_end();
    grader.expect(got == "goodbye\n", "the client received " + in_quotes(got));
    return client;
}

void await(Grader& grader, const Address& address, const std::string& state) {
    support::eventually([&] { return states_at(address).find(state) != std::string::npos; });
    grader.did("asked the kernel for the sockets on " + to_string(address) + ": " + states_at(address));
    grader.expect(states_at(address).find(state) != std::string::npos,
                  "on " + to_string(address) + " the kernel has " + states_at(address) + ", and no " + state);
}

} // namespace

void grader::judge(Grader& grader) {
    const std::uint16_t port = grader.fresh_port();
    const Address address{"127.0.0.1", port};
    const Launch on_port{.environment = {{"PORT", std::to_string(port)}}};

    grader.check("it listens on the port that PORT names", "the line \"listening on 127.0.0.1:PORT\", and the socket",
                 "Exercises");
    Program first = grader.start(on_port);
    expect_listens_on(grader, first, address);

    check_ready_line(grader, {.environment = {{"PORT", std::to_string(grader.fresh_port())}}}, "Exercises");

    grader.check("each client gets the whole farewell, and then the server closes",
                 "the line \"goodbye\", and the end of the stream; the server closes first, so "
                 "TIME-WAIT is on its side",
                 "Who has the port when the server has gone?");
    for (int client = 0; client < 3; ++client)
        dismissed(grader, address).close();
    await(grader, address, "TIME-WAIT");

    check_endings(grader, {.environment = {{"PORT", std::to_string(grader.fresh_port())}}}, "Exercises");

    grader.check("a PORT that is no port stops it",
                 "status 78, nothing on standard output and a message on standard error", "Exercises");
    for (const char* const text : {"http", "70000", "80x", ""}) {
        Program stopped = grader.start({.environment = {{"PORT", text}}});
        const int status = stopped.exit_status();
        grader.expect(status == 78, "it ended with " + status_in_words(status));
        grader.expect(stopped.printed().empty(), "it printed " + in_quotes(stopped.printed()));
        grader.expect(!stopped.complained().empty(), "it said nothing on standard error");
    }

    grader.check("it closes each connection, and waits for no client",
                 "farewells for hundreds of clients that do not close, and no socket of theirs left with the program",
                 "Who has the port when the server has gone?");
    first.settle();
    const std::size_t before = sockets_held(first);
    std::vector<Client> lingering;
    many_times(grader, hundreds, "clients were told goodbye, and did not close",
               [&] { lingering.push_back(dismissed(grader, address)); });
    expect_sockets(grader, first, before, "all clients have been told goodbye, and");

    grader.check("it serves on when a client breaks off", "a farewell for the next client", "Exercises");
    break_off_in_the_queue(grader, address);
    take_the_queue(first, address);
    first.expect_running();
    lingering.push_back(dismissed(grader, address));
    await(grader, address, "FIN-WAIT-2");

    grader.check("it can be started again at once",
                 "each time the ready line, a listener on the same address and a farewell for a client, while the old "
                 "connections are in TIME-WAIT, and in FIN-WAIT-2 if a client has not closed",
                 "What must the old server have done?");
    end(grader, first, Ending::sigterm);
    for (const Ending how : {Ending::enter, Ending::sigterm}) {
        grader.did("asked the kernel for the sockets on " + to_string(address) + ": " + states_at(address));
        Program again = grader.start(on_port);
        expect_listens_on(grader, again, address);
        dismissed(grader, address).close();
        lingering.push_back(dismissed(grader, address));
        end(grader, again, how);
    }
    Program last = grader.start(on_port);
    expect_listens_on(grader, last, address);

    grader.check("a second copy is refused while the first runs",
                 "status 1, no ready line, and the kernel's reason on standard error; the first serves on",
                 "When may two sockets have one port?");
    Program copy = grader.start(on_port);
    const auto ready = copy.line_or_end("listening on ");
    grader.expect(!ready, "the second copy says " + in_quotes(ready.value_or("")));
    expect_failure(grader, copy);
    expect_reason(grader, copy, EADDRINUSE);
    dismissed(grader, address).close();
    end(grader, last, Ending::sigterm);
}
