#include "tools/harness/wait.hpp"
#include "tools/judge/demands.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <cerrno>
#include <cstdio>
#include <fcntl.h>
#include <fstream>
#include <netinet/in.h>
#include <optional>
#include <string>
#include <sys/socket.h>
#include <vector>

using namespace grader;

namespace {

// A connection of the scene; `here` is the end that is asked about.
struct Connection {
    Client here, there;
    Address local = here.local(), peer = there.local();
};

// Two connections to the server: the end that is asked about is the client's in one of them, the server's in the other.
std::vector<Connection> connections(Grader& grader, Client& server) {
    std::vector<Connection> two;
    for (const bool swapped : {false, true}) {
        Client client = grader.connect(server.local());
        Client accepted = server.accept();
        if (swapped)
            std::swap(client, accepted);
        two.push_back({std::move(client), std::move(accepted)});
    }
    if (grader.draw(0, 1) == 1)
        std::swap(two[0], two[1]);
    return two;
}

// What the scene is meant to be must be what the kernel has. That the peer acknowledges an end may take it a moment.
void await(const Address& local, const Address& peer, const std::string& state) {
    std::string has;
    const auto as_wanted = [&] {
        const auto row = grader::kernel_socket(Protocol::tcp, local, peer);
        return (has = row ? row->state : "none") == state;
    };
    if (!support::eventually(as_wanted))
        support::leave_out("the grader cannot bring about the state " + state + " here: the kernel has " + has);
}

// Sends more than the peer's kernel takes while the peer does not read.
void send_too_much(Grader& grader, const Connection& connection) {
    const int small = 4096, large = 200'000;
    ::setsockopt(connection.there.descriptor(), SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
    ::setsockopt(connection.here.descriptor(), SOL_SOCKET, SO_SNDBUF, &large, sizeof large);
    const std::string bytes(150'000, 'x');
    const auto sent = ::send(connection.here.descriptor(), bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    grader.did("sent " + std::to_string(sent) + " bytes from " + to_string(connection.local) + " to " +
               to_string(connection.peer) + ", which does not read them");
}

// A call that is not answered: the queue of the listener is full, and the kernel drops the SYN.
support::Client call_in_vain(const Address& server) {
    const int client = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(server.port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    ::connect(client, reinterpret_cast<const sockaddr*>(&address), sizeof address);
    return support::Client{client};
}

// Asks for one end. The status is looked at in the end: it is the same for all.
void ask(Grader& grader, const Address& local, const Address& peer, const std::string& state,
         std::vector<std::string>& failures) {
    Program program = grader.start({.arguments = {to_string(local), to_string(peer)}});
    const auto lines = program.lines_to_the_end();
    const std::string of = " of " + to_string(local) + " -> " + to_string(peer) + ", and the kernel has ";
    if (lines.empty())
        grader.fail("it says nothing" + of + state);
    grader.expect(lines.front() == state, "it says " + in_quotes(lines.front()) + of + state);
    grader.expect(lines.size() == 1, "it prints " + std::to_string(lines.size()) + " lines");
    if (const int status = program.exit_status(); status != 0)
        failures.push_back("it says " + in_quotes(state) + of + "the same, and it ended with " +
                           status_in_words(status));
}

// So many rows that the table comes in many pieces: more than one read(2) gives, and more than an array for a hundred
// takes. The ends of connections that are over need no descriptor.
struct Crowd {
    std::vector<Client> open;
    Crowd(Grader& grader, Client& server) {
        grader.as_one_step("made " + std::to_string(hundreds) + " more connections to " + to_string(server.local()) +
                               ", and closed some of them from that side first",
                           [&] {
                               for (unsigned i = 0; i < hundreds; ++i) {
                                   Client client = grader.connect(server.local());
                                   Client accepted = server.accept();
                                   if (i % 4 == 0) {
                                       open.push_back(std::move(client));
                                       open.push_back(std::move(accepted));
                                   } else {
                                       accepted.close();
                                       client.read_to_end();
                                   }
                               }
                           });
    }

    // The one whose row comes last in the table.
    const Client& last() const {
        std::ifstream table{"/proc/net/tcp"};
        const Client* found = nullptr;
        std::string row;
        std::getline(table, row); // the heading
        while (std::getline(table, row))
            for (const Client& client : open)
                if (row.find(in_the_table(client.local()) + " " + in_the_table(client.peer())) != row.npos)
                    found = &client;
        return found ? *found : open.front();
    }

    // "0100007F:1F90"; proc_pid_net(5).
    static std::string in_the_table(const Address& address) {
        in_addr number{};
        ::inet_pton(AF_INET, address.ip.c_str(), &number);
        char text[] = "0100007F:1F90";
        std::snprintf(text, sizeof text, "%08X:%04X", number.s_addr, address.port);
        return text;
    }
};

// A listener whose port has leading zeros and a letter in hexadecimal digits, and whose address has bytes of one digit
// and bytes above 127.
Client listener_with_an_odd_number(Grader& grader) {
    const std::string ip = "127." + std::to_string(grader.draw(1, 15)) + "." + std::to_string(grader.draw(200, 250)) +
                           "." + std::to_string(grader.draw(128, 254));
    for (unsigned port = 0xA00 + grader.draw(0, 63);; ++port)
        if (support::bound_socket(ip, static_cast<std::uint16_t>(port)).error() == 0)
            return grader.listen(ip, static_cast<std::uint16_t>(port));
}

} // namespace

void grader::judge(Grader& grader) {
    grader.check("it names an open connection", "one line, ESTAB, while both ends are held",
                 "How does a connection end?");

    Client listener = grader.listen("127.0.0.1", grader.fresh_port());
    const Address server = listener.local();
    const Client client = grader.connect(server);
    const Client accepted = listener.accept();
    const Address source = client.local();

    std::vector<std::string> failures;
    const auto expect = [&](const Address& local, const Address& peer, const std::string& state) {
        ask(grader, local, peer, state, failures);
    };

    expect(source, server, "ESTAB");

    grader.check("it asks for a connection, not for a port",
                 "ESTAB for the server's end too, although the server's port has many rows",
                 "How does a connection end?");
    expect(server, source, "ESTAB");

    // The whole scene is there before the next question.
    auto half = connections(grader, listener);
    for (Connection& one : half) {
        one.there.close();
        await(one.local, one.peer, "CLOSE-WAIT");
        await(one.peer, one.local, "FIN-WAIT-2");
    }

    // Two connections with the same two ports.
    const Client one = grader.connect(server);
    const Client one_accepted = listener.accept();
    const Address namesake{"127.0.0." + std::to_string(grader.draw(2, 127)), one.local().port};
    Client other = grader.connect(server, namesake);
    const Client other_accepted = listener.accept();
    other.shut_down_sending();
    await(server, namesake, "CLOSE-WAIT");
    await(namesake, server, "FIN-WAIT-2");

    Client odd = listener_with_an_odd_number(grader);
    const Client odd_client = grader.connect(odd.local());
    const Client odd_accepted = odd.accept();

    auto over = connections(grader, listener);
    for (Connection& each : over) {
        each.here.close();
        each.there.read_to_end();
        each.there.close();
        await(each.local, each.peer, "TIME-WAIT");
        await(each.peer, each.local, "none");
    }

    const support::Client full = support::listening_socket("127.0.0.1", 0, 0);
    const Client only = grader.connect(full.local());
    const support::Client in_vain = call_in_vain(full.local());
    grader.did("called " + to_string(full.local()) + " from " + to_string(in_vain.local()) +
               " once more, if the queue is full");
    await(in_vain.local(), full.local(), "SYN-SENT");

    auto unread = connections(grader, listener);
    for (Connection& each : unread) {
        send_too_much(grader, each);
        each.here.shut_down_sending();
        await(each.local, each.peer, "FIN-WAIT-1");
    }

    auto last = connections(grader, listener);
    for (Connection& each : last) {
        each.there.shut_down_sending();
        await(each.local, each.peer, "CLOSE-WAIT");
        send_too_much(grader, each);
        each.here.shut_down_sending();
        await(each.local, each.peer, "LAST-ACK");
    }

    const Client everywhere = grader.listen("0.0.0.0", grader.fresh_port());
    const Crowd crowd{grader, listener};
    const Address nobody{"127.0.0.1", grader.fresh_port()};

    grader.check("it reads the table to its end", "ESTAB, of the last of hundreds of rows", "Exercises");
    expect(crowd.last().local(), crowd.last().peer(), "ESTAB");

    grader.check("it sees that the peer has closed",
                 "CLOSE-WAIT: the peer has closed, and this end, the client's or the server's, has not",
                 "How does a connection end?");
    for (const Connection& each : half)
        expect(each.local, each.peer, "CLOSE-WAIT");

    grader.check("it sees that this end has closed",
                 "FIN-WAIT-2: no process holds this end any more, and the peer has not closed",
                 "How does a connection end?");
    for (const Connection& each : half)
        expect(each.peer, each.local, "FIN-WAIT-2");

    grader.check("it tells addresses apart",
                 "the right state of each of two connections that have the same two ports, and not the same addresses",
                 "May two connections have the same port?");
    expect(one.local(), server, "ESTAB");
    expect(namesake, server, "FIN-WAIT-2");
    expect(server, one.local(), "ESTAB");
    expect(server, namesake, "CLOSE-WAIT");

    grader.check(
        "it writes each address and port as the table does",
        "ESTAB, with a port below 4096, whose first hexadecimal digit is 0, and an address with bytes above 127",
        "Exercises");
    expect(odd_client.local(), odd.local(), "ESTAB");
    expect(odd.local(), odd_client.local(), "ESTAB");

    grader.check("it sees what is left behind", "TIME-WAIT: both have closed, this end first",
                 "Why does one end stay for a minute?");
    for (const Connection& each : over)
        expect(each.local, each.peer, "TIME-WAIT");

    grader.check("it says none of a connection that never was",
                 "none: a server listens at LOCAL, and nobody has called it from PEER", "How does a connection end?");
    expect(server, nobody, "none");

    grader.check("it says none of an end that is gone",
                 "none: both have closed, the peer first, and the peer's TIME-WAIT is not this end's state",
                 "Why does one end stay for a minute?");
    for (const Connection& each : over)
        expect(each.peer, each.local, "none");

    grader.check("it sees a call that is not answered", "SYN-SENT: connect has not returned yet",
                 "How does a connection end?");
    expect(in_vain.local(), full.local(), "SYN-SENT");

    grader.check("it sees that bytes are on their way",
                 "FIN-WAIT-1 if this end has closed first, LAST-ACK if the peer has, while the peer does not read",
                 "How does a connection end?");
    for (const Connection& each : unread)
        expect(each.local, each.peer, "FIN-WAIT-1");
    for (const Connection& each : last)
        expect(each.local, each.peer, "LAST-ACK");

    grader.check("it names a listener", "LISTEN, whose PEER is 0.0.0.0:0: the number of this state has a letter",
                 "How does a connection end?");
    expect(server, {"0.0.0.0", 0}, "LISTEN");
    expect(everywhere.local(), {"0.0.0.0", 0}, "LISTEN");

    grader.check("it asks for the endpoint that the row has",
                 "none of 127.0.0.1 if the listener is on 0.0.0.0: it would take the call, and it is another row",
                 "Exercises");
    expect({"127.0.0.1", everywhere.local().port}, {"0.0.0.0", 0}, "none");

    grader.check("it ends with status 0", "the status is 0 after each answer, after \"none\" too", "Exercises");
    grader.expect(failures.empty(), failures.empty() ? "" : failures.front());

    grader.check("it refuses what is not two endpoints",
                 "status 1, nothing on standard output and a message on standard error, without arguments and if "
                 "one is no ADDRESS:PORT",
                 "Exercises");
    std::vector<std::vector<std::string>> calls{{}};
    for (const char* const wrong : {"127.0.0.1:70000", "127.0.0.1:80x", "127.0.0.1:-1", "127.0.0.1:", "127.0.0.1",
                                    "here:8080", "127.0.0.256:8080", ""})
        if (calls.size() % 2 == 1)
            calls.push_back({to_string(server), wrong});
        else
            calls.push_back({wrong, to_string(source)});
    for (const auto& arguments : calls) {
        Program program = grader.start({.arguments = arguments});
        expect_failure(grader, program);
        grader.expect(!program.complained().empty(), "nothing is on standard error");
    }
}
