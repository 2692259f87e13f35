#include "tests/support/grader.hpp"
#include "tests/support/network.hpp"
#include "tests/support/wait.hpp"

#include <csignal>

using namespace grader;

void grader::judge(Grader& grader) {
    support::need_ipv6();

    const std::string section = "One family is left out";
    grader.check("it says where it listens", "the line \"listening on [::]:PORT\": the wildcard of IPv6, and the port",
                 section);
    try {
        support::set_sysctl("net/ipv6/bindv6only", "1");
        grader.did(
            "set net.ipv6.bindv6only to 1, as some systems have it: a new IPv6 socket takes no IPv4 client here");
    } catch (const support::LeftOut& reason) {
        grader.not_here(std::string{"a system with net.ipv6.bindv6only=1: "} + reason.what());
    }
    const auto port = grader.fresh_port();
    Program program = grader.start({.environment = {{"PORT", std::to_string(port)}}});
    const Address says = program.ready();

    grader.check("one socket listens, on every address",
                 "one TCP socket in the state LISTEN, on [::], which is what the ready line says", section);
    const SocketRow listener = program.listener();
    grader.expect(listener.local.ip == "::", "it listens on " + to_string(listener.local));
    grader.expect(says == listener.local,
                  "it says " + to_string(says) + ", and the kernel says " + to_string(listener.local));

    grader.check("it takes its port from PORT", "with PORT=N in its environment, it listens on port N", "The program");
    grader.expect(listener.local.port == port,
                  "with PORT=" + std::to_string(port) + " it listens on " + to_string(listener.local));

    const auto must_be_told = [&](Client& client) {
        const std::string line = client.read_line(), endpoint = to_string(client.local());
        grader.expect(line == "you are " + endpoint,
                      "the client called from " + endpoint + ", and the line is " + in_quotes(line));
    };

    grader.check("it tells an IPv6 client its endpoint", "the line \"you are [ADDRESS]:PORT\" for a client of [::1]",
                 section);
    Client first = grader.connect({"::1", port});
    must_be_told(first);

    grader.check("it closes the connection when it has sent the line", "nothing more, and the end of the stream",
                 "The program");
    const std::string more = first.read_to_end();
    grader.expect(more.empty(), "after the line comes " + in_quotes(more));

    grader.check("it goes on after the first client", "the same for the next client", "The program");
    Client second = grader.connect({"::1", port});
    must_be_told(second);

    grader.check("it takes an IPv4 client", "a connection to 127.0.0.1 on the same port", section);
    // All of 127.0.0.0/8 is this machine's.
    const auto some_loopback = [&] { return "127.0.0." + std::to_string(grader.draw(2, 250)); };
    Client third = grader.connect({"127.0.0.1", port});
    Client fourth = grader.connect({some_loopback(), port}, {some_loopback(), 0});

    grader.check("it shows an IPv4 client as IPv4",
                 "the line \"you are ADDRESS:PORT\" with the address in four numbers, as the client has it", section);
    must_be_told(third);
    must_be_told(fourth);

    grader.check("it ends on SIGTERM with status 0", "status 0, soon", "Run it");
    program.send_signal(SIGTERM);
    const int status = program.exit_status();
    grader.expect(status == 0, "it ended with " + status_in_words(status));
}
