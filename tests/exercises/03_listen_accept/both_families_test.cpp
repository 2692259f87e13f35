#include "tools/harness/network.hpp"
#include "tools/harness/wait.hpp"
#include "tools/judge/demands.hpp"

using namespace grader;

void grader::judge(Grader& grader) {
    support::need_ipv6();

    const std::string section = "Which doors does a wildcard open?";
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
    const int at_once = grader.try_to_connect({"::1", says.port});
    take_the_queue(program, says); // what it does after its first client, it has done

    grader.check("one socket listens, on every address",
                 "one TCP socket in the state LISTEN, on [::], which is what the ready line says", section);
    const SocketRow listener = program.listener();
    grader.expect(listener.local.ip == "::", "it listens on " + to_string(listener.local));
    grader.expect(says == listener.local,
                  "it says " + to_string(says) + ", and the kernel says " + to_string(listener.local));

    grader.check("it takes its port from PORT", "with PORT=N in its environment, it listens on port N",
                 "Who talks to the display?");
    grader.expect(listener.local.port == port,
                  "with PORT=" + std::to_string(port) + " it listens on " + to_string(listener.local));

    grader.check("it listens before it says so", "a client that connects as soon as the ready line is there gets in",
                 "Who talks to the display?");
    grader.expect(at_once == 0, "the client that connected as soon as the line was there got " + in_words(at_once));

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
                 "Who talks to the display?");
    const std::string more = first.read_to_end();
    grader.expect(more.empty(), "after the line comes " + in_quotes(more));

    grader.check("it goes on after the first client", "the same for the next client", "Who talks to the display?");
    Client second = grader.connect({"::1", port});
    must_be_told(second);

    grader.check("it takes an IPv4 client", "a connection to 127.0.0.1 on the same port", section);
    // All of 127.0.0.0/8 is this machine's.
    const auto some_loopback = [&] {
        const auto part = [&] { return "." + std::to_string(grader.draw(1, 250)); };
        return "127" + part() + part() + part();
    };
    Client third = grader.connect({"127.0.0.1", port});
    Client fourth = grader.connect({some_loopback(), port}, {some_loopback(), 0});

    grader.check("it shows an IPv4 client as IPv4",
                 "the line \"you are ADDRESS:PORT\" with the address in four numbers, as the client has it", section);
    must_be_told(third);
    must_be_told(fourth);

    grader.check("it goes on, whatever its clients do",
                 "the same for hundreds of clients of both families, silent, talking, or gone before they were served",
                 "Who turned the light off at night?");
    program.settle();
    const std::size_t before = sockets_held(program);
    Client silent = grader.connect({"::1", port});
    unsigned turn = 0;
    many_times(grader, hundreds, "more clients came, were told, and left", [&] {
        Client client = turn++ % 2 == 0 ? grader.connect({"::1", port})
                                        : grader.connect({some_loopback(), port}, {some_loopback(), 0});
        must_be_told(client);
        client.read_to_end();
    });
    for (const std::string ip : {"::1", "127.0.0.1"}) {
        grader.reset_in_the_queue({ip, port});
        take_the_queue(program, {ip, port});
        program.listener(); // it runs, and listens
        Client next = grader.connect({ip, port});
        must_be_told(next);
        next.read_to_end();
    }

    grader.check("it closes each socket", "it holds no more sockets than before those clients came",
                 "Who turned the light off at night?");
    expect_sockets(grader, program, before, "more than " + std::to_string(hundreds) + " clients have gone, and");

    check_endings(grader, {.environment = {{"PORT", "0"}}}, "Who talks to the display?");
}
