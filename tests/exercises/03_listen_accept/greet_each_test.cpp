#include "tools/harness/wait.hpp"
#include "tools/judge/demands.hpp"

using namespace grader;

namespace {

// The program's end of a connection, by the kernel's word.
std::string state_at(const Address& server, const Address& client) {
    const auto row = grader::kernel_socket(Protocol::tcp, server, client);
    return row ? row->state : "CLOSED";
}

} // namespace

void grader::judge(Grader& grader) {
    const Launch any_port{.environment = {{"PORT", "0"}}};
    grader.check("it says where it listens", "with PORT=0, the line \"listening on 127.0.0.1:PORT\"",
                 "Who talks to the display?");
    Program program = grader.start(any_port);
    const Address server = program.ready();

    const int at_once = grader.try_to_connect(server);

    grader.check("it listens on loopback, on the port that it says",
                 "one TCP socket in the state LISTEN, on 127.0.0.1 and with the port of the ready line",
                 "Who talks to the display?");
    const SocketRow listener = program.listener();
    grader.expect(listener.local.ip == "127.0.0.1" && listener.local == server,
                  "it says " + to_string(server) + ", and the kernel says " + to_string(listener.local));

    grader.check("it listens before it says so", "a client that connects as soon as the ready line is there gets in",
                 "Who talks to the display?");
    grader.expect(at_once == 0, "the client that connected as soon as the line was there got " + in_words(at_once));

    grader.check("it tells a client the endpoint that the client called from",
                 "the line \"you are ADDRESS:PORT\", with the client's own address and port",
                 "Who talks to the display?");
    const auto be_greeted = [&](Client& client) {
        const std::string line = client.read_line(), endpoint = to_string(client.local());
        grader.expect(line != "you are " + to_string(server), "it sends the server's own endpoint: " + in_quotes(line) +
                                                                  "; the client called from " + endpoint);
        grader.expect(line == "you are " + endpoint,
                      "the client called from " + endpoint + ", and the line is " + in_quotes(line));
    };
    const auto meet = [&] {
        // All of 127.0.0.0/8 is loopback: each client may call from another address.
        Client client = grader.connect(server, {"127.0.0." + std::to_string(grader.draw(2, 250)), 0});
        be_greeted(client);
        return client;
    };
    std::vector<Client> clients;
    clients.push_back(meet());

    grader.check("it greets the next client while the first one stays",
                 "a greeting for a second client, while the first one is connected and says nothing",
                 "Who talks to the display?");
    clients.push_back(meet());

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
                 "Who talks to the display?");
    all_stay();

    grader.check("it takes its port from PORT",
                 "with PORT=N it listens on 127.0.0.1:N, and with PORT=0 each start has a port of its own",
                 "Who talks to the display?");
    const auto wanted = grader.fresh_port();
    Program other = grader.start({.environment = {{"PORT", std::to_string(wanted)}}});
    other.ready();
    grader.expect(other.listener().local == Address{"127.0.0.1", wanted},
                  "with PORT=" + std::to_string(wanted) + " it listens on " + to_string(other.listener().local));
    Program third = grader.start(any_port);
    const Address elsewhere = third.ready();
    grader.expect(third.listener().local == elsewhere, "with PORT=0, while another one runs, it says " +
                                                           to_string(elsewhere) + " and listens on " +
                                                           to_string(third.listener().local));

    grader.check("a client that says something stays connected",
                 "what it says is passed over, a word or a megabyte, and the connection is kept",
                 "Who talks to the display?");
    clients.front().send("hello\n");
    clients.push_back(meet());
    all_stay();
    send_until_full(program, clients.back(), all_values(100'000), 2'000'000);
    clients.push_back(meet());
    all_stay();

    grader.check("it sends one line, and nothing else", "nothing comes after the line, whatever the client says",
                 "Who talks to the display?");
    for (Client& client : clients)
        expect_silence(grader, program, client);

    grader.check("it keeps hundreds of clients at once",
                 std::to_string(hundreds) + " clients, each greeted while all the others stay connected",
                 "Who turned the light off at night?");
    many_times(grader, hundreds, "more clients came and were greeted", [&] { clients.push_back(meet()); });
    all_stay();

    check_closing(grader, program, "Who turned the light off at night?", meet, true);
    all_stay();

    grader.check("a client that breaks off in the queue does not stop it",
                 "a client connects and resets its connection before accept: the next one is greeted, and the others "
                 "stay",
                 "Who turned the light off at night?");
    grader.reset_in_the_queue(server);
    take_the_queue(program, server);
    program.listener(); // it runs, and listens
    clients.push_back(grader.connect(server));
    be_greeted(clients.back());
    all_stay();

    check_endings(grader, any_port, "Who talks to the display?", [&](Program& another) {
        std::vector<Client> connected;
        const Address there = another.ready();
        for (int i = 0; i < 3; ++i) {
            connected.push_back(grader.connect(there));
            connected.back().read_line();
        }
        return connected;
    });
}
