#include "tests/support/grader.hpp"
#include "tests/support/wait.hpp"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <string>
#include <vector>

using namespace grader;

namespace {

std::string states_at(const Address& address) {
    std::string states;
    for (const SocketRow& row : grader::kernel_sockets(Protocol::tcp))
        if (row.local == address)
            states += (states.empty() ? "" : " and ") + row.state;
    return states.empty() ? "no socket" : states;
}

void expect_listens_on(Grader& grader, Program& program, const Address& wanted) {
    const Address says = program.ready(), has = program.listener().local;
    grader.expect(has == wanted, "it listens on " + to_string(has) + ", and PORT asks for " + to_string(wanted));
    grader.expect(says == has, "it says " + to_string(says) + ", and listens on " + to_string(has));
}

// A client that waits for the server's end before its own.
void expect_farewell(Grader& grader, const Address& server) {
    Client client = grader.connect(server);
    const std::string got = client.read_to_end();
    grader.expect(got == "goodbye\n", "the client received " + in_quotes(got));
    client.close();
}

void end(Grader& grader, Program& program) {
    program.send_signal(SIGTERM);
    const int status = program.exit_status();
    grader.expect(status == 0, "after SIGTERM it ended with " + status_in_words(status));
}

} // namespace

void grader::judge(Grader& grader) {
    const std::uint16_t port = grader.fresh_port();
    const Address address{"127.0.0.1", port};
    const Launch on_port{.environment = {{"PORT", std::to_string(port)}}};

    grader.check("it listens on the port that PORT names", "the line \"listening on 127.0.0.1:PORT\", and the socket",
                 "Run it");
    Program first = grader.start(on_port);
    expect_listens_on(grader, first, address);

    grader.check("each client gets the whole farewell, and then the server closes",
                 "the line \"goodbye\", and the end of the stream; the server closes first, so "
                 "TIME-WAIT is on its side",
                 "What goes wrong");
    for (int client = 0; client < 3; ++client)
        expect_farewell(grader, address);

    support::eventually([&] { return states_at(address).find("TIME-WAIT") != std::string::npos; });
    grader.did("asked the kernel for the sockets on " + to_string(address) + ": " + states_at(address));
    grader.expect(states_at(address).find("TIME-WAIT") != std::string::npos,
                  "on " + to_string(address) + " the kernel has " + states_at(address));

    grader.check("it ends on SIGTERM with status 0", "status 0", "Run it");
    end(grader, first);

    grader.check(
        "it can be started again at once",
        "the ready line, a listener on the same address and a farewell for a client, while the old connections "
        "are in TIME-WAIT",
        "Run it");
    grader.did("asked the kernel for the sockets on " + to_string(address) + ": " + states_at(address));
    Program second = grader.start(on_port);
    expect_listens_on(grader, second, address);
    expect_farewell(grader, address);
    end(grader, second);
    Program third = grader.start(on_port);
    expect_listens_on(grader, third, address);

    grader.check("a second copy is refused while the first runs",
                 "status 1, no ready line, and the kernel's reason on standard error; the first serves on",
                 "What the kernel did");
    Program copy = grader.start(on_port);
    const auto lines = copy.lines_to_the_end();
    const int status = copy.exit_status();
    grader.expect(status == 1, "the second copy ended with " + status_in_words(status));
    grader.expect(lines.empty(), "the second copy printed " + in_quotes(copy.printed()));
    grader.expect(gives(copy.complained(), EADDRINUSE), "the kernel's answer was " + in_words(EADDRINUSE) +
                                                            ", and on standard error is " +
                                                            in_quotes(copy.complained()));

    expect_farewell(grader, address);
    end(grader, third);
}
