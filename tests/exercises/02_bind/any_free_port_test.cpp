#include "tests/support/grader.hpp"

#include <csignal>

using namespace grader;

void grader::judge(Grader& grader) {
    grader.check("it says where it listens", "the line \"listening on 127.0.0.1:PORT\", with the port that it has got",
                 "Run it");
    Program first = grader.start();
    const Address says = first.ready();

    grader.check("it listens", "one TCP socket in the state LISTEN", "From outside");
    const SocketRow row = first.listener();

    grader.check("it listens on loopback alone", "a listener on 127.0.0.1, which no other machine can reach", "Run it");
    grader.expect(row.local.ip == "127.0.0.1", "it listens on " + to_string(row.local));

    grader.check("it says the port that it has", "the number in the ready line is the number in the kernel's table",
                 "Run it");
    grader.expect(says == row.local, "it says " + to_string(says) + ", and the kernel says " + to_string(row.local));

    grader.check("a second copy runs beside it", "another ready line, with another port", "What the kernel did");
    Program second = grader.start();
    second.ready();
    grader.expect(second.listener().local.port != row.local.port,
                  "both listen on port " + std::to_string(row.local.port));

    grader.check("the kernel chooses the port", "a port from the kernel's range, never one from the program",
                 "What the kernel did");
    const auto [low, high] = grader.ephemeral_range();
    for (const Address& address : {row.local, second.listener().local})
        grader.expect(address.port >= low && address.port <= high,
                      "it has port " + std::to_string(address.port) + ", and the kernel chooses from " +
                          std::to_string(low) + " to " + std::to_string(high));

    grader.check("a client reaches it", "a connection, while it waits", "What the kernel did");
    grader.connect(says);

    grader.check("it ends on SIGTERM with status 0", "the port is given back, and the status is 0", "Run it");
    first.send_signal(SIGTERM);
    const int status = first.exit_status();
    grader.expect(status == 0, "it ended with " + status_in_words(status));
}
