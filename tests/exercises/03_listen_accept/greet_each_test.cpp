#include "tests/support/demands.hpp"
#include "tests/support/wait.hpp"

#include <csignal>

using namespace grader;

namespace {

constexpr unsigned crowd = 8;

// The program's end of a connection, by the kernel's word.
std::string state_at(const Address& server, const Address& client) {
    const auto row = grader::kernel_socket(Protocol::tcp, server, client);
    return row ? row->state : "CLOSED";
}

} // namespace

void grader::judge(Grader& grader) {
    grader.check("it says where it listens", "with PORT=0, the line \"listening on 127.0.0.1:PORT\"", "The program");
    Program program = grader.start({.environment = {{"PORT", "0"}}});
    const Address server = program.ready();

    grader.check("it listens on loopback, on the port that it says",
                 "one TCP socket in the state LISTEN, on 127.0.0.1 and with the port of the ready line", "The program");
    const SocketRow listener = program.listener();
    grader.expect(listener.local.ip == "127.0.0.1" && listener.local == server,
                  "it says " + to_string(server) + ", and the kernel says " + to_string(listener.local));

    grader.check("it takes its port from PORT", "with PORT=N in its environment, it listens on 127.0.0.1:N",
                 "The program");
    const auto wanted = grader.fresh_port();
    Program other = grader.start({.environment = {{"PORT", std::to_string(wanted)}}});
    other.ready();
    grader.expect(other.listener().local == Address{"127.0.0.1", wanted},
                  "with PORT=" + std::to_string(wanted) + " it listens on " + to_string(other.listener().local));

    grader.check("it tells a client the endpoint that the client called from",
                 "the line \"you are ADDRESS:PORT\", with the client's own address and port", "The program");
    std::vector<Client> clients;
    const auto greet_one_more = [&] {
        // All of 127.0.0.0/8 is loopback: each client may call from another address.
        clients.push_back(grader.connect(server, {"127.0.0." + std::to_string(grader.draw(2, 250)), 0}));
        const std::string line = clients.back().read_line(), endpoint = to_string(clients.back().local());
        grader.expect(line != "you are " + to_string(server), "it sends the server's own endpoint: " + in_quotes(line) +
                                                                  "; the client called from " + endpoint);
        grader.expect(line == "you are " + endpoint,
                      "the client called from " + endpoint + ", and the line is " + in_quotes(line));
    };
    greet_one_more();

    grader.check("it greets the next client while the first one stays",
                 "a greeting for a second client, while the first one is connected and says nothing", "Run it");
    greet_one_more();

    const auto all_stay = [&] {
        program.settle();
        for (const Client& client : clients)
            if (const std::string state = state_at(server, client.local()); state != "ESTAB")
                grader.fail("it has closed the connection of the client at " + to_string(client.local()) +
                            ", which has not closed: its end is " + state);
        grader.did("asked the kernel for the program's end of each connection: all are ESTAB");
    };
    grader.check("it keeps a client that it has greeted",
                 "the connection stays in the state ESTAB, however many come later, until the client closes it",
                 "The program");
    all_stay();

    grader.check("it keeps many clients at once",
                 std::to_string(crowd) + " clients, each greeted while all the others stay connected", "Run it");
    while (clients.size() < crowd)
        greet_one_more();
    all_stay();

    grader.check("a client that says something stays connected", "the program passes over it, and keeps the connection",
                 "The program");
    clients.front().send("hello\n");
    greet_one_more();
    all_stay();

    const auto meet = [&] {
        greet_one_more();
        Client client = std::move(clients.back());
        clients.pop_back();
        return client;
    };
    check_closing(grader, program, "The program", meet, true);

    grader.check("a client that breaks off in the queue does not stop it",
                 "a client connects and resets its connection before accept: the next one is greeted, and the others "
                 "stay",
                 "What goes wrong");
    grader.reset_in_the_queue(server);
    clients.push_back(grader.connect(server));
    grader.expect(clients.back().read_line() == "you are " + to_string(clients.back().local()),
                  "the client behind it gets another line");
    all_stay();

    check_endings(grader, {.environment = {{"PORT", "0"}}}, "Run it", [&](Program& another) {
        std::vector<Client> connected;
        connected.push_back(grader.connect(another.ready()));
        connected.back().read_line();
        return connected;
    });
}
