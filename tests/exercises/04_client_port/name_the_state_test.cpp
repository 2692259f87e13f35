#include "tests/support/grader.hpp"
#include "tests/support/wait.hpp"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>

using namespace grader;

namespace {

// A connection of the scene; `here` is the end that is asked about.
struct Connection {
    Client here, there;
    Address local = here.local(), peer = there.local();
};

struct Scene {
    Grader& grader;
    Client server = grader.listen("127.0.0.1");

    // The end that is asked about is the client's or the server's, another one in each run.
    Connection connection() {
        Client client = grader.connect(server.local());
        Client accepted = server.accept();
        if (grader.draw(0, 1) == 0)
            return {std::move(client), std::move(accepted)};
        return {std::move(accepted), std::move(client)};
    }
};

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

void ask(Grader& grader, const Address& local, const Address& peer, const std::string& state) {
    Program program = grader.start({.arguments = {to_string(local), to_string(peer)}});
    const auto lines = program.lines_to_the_end();
    const std::string of = " of " + to_string(local) + " -> " + to_string(peer) + ", and the kernel has ";
    if (lines.empty())
        grader.fail("it says nothing" + of + state);
    grader.expect(lines.front() == state, "it says " + in_quotes(lines.front()) + of + state);
    grader.expect(lines.size() == 1, "it prints " + std::to_string(lines.size()) + " lines");
}

} // namespace

void grader::judge(Grader& grader) {
    grader.check("it names an open connection", "one line, ESTAB, while both ends are held", "What the kernel did");

    // The whole scene is there before the first question.
    Scene scene{grader};
    const Address server = scene.server.local();
    const Client client = grader.connect(server);
    const Client accepted = scene.server.accept();
    const Address source = client.local();

    Connection half = scene.connection();
    half.there.close();
    await(half.local, half.peer, "CLOSE-WAIT");
    await(half.peer, half.local, "FIN-WAIT-2");

    // Two connections with the same two ports.
    const Client one = grader.connect(server);
    const Client one_accepted = scene.server.accept();
    const Address namesake{"127.0.0." + std::to_string(grader.draw(2, 250)), one.local().port};
    Client other = grader.connect(server, namesake);
    const Client other_accepted = scene.server.accept();
    other.shut_down_sending();
    await(server, namesake, "CLOSE-WAIT");
    await(namesake, server, "FIN-WAIT-2");

    Connection over = scene.connection();
    over.here.close();
    over.there.read_to_end();
    over.there.close();
    await(over.local, over.peer, "TIME-WAIT");
    await(over.peer, over.local, "none");

    const support::Client full = support::listening_socket("127.0.0.1", 0, 0);
    const Client only = grader.connect(full.local());
    const support::Client in_vain = call_in_vain(full.local());
    grader.did("called " + to_string(full.local()) + " from " + to_string(in_vain.local()) +
               " once more, where the queue is full");
    await(in_vain.local(), full.local(), "SYN-SENT");

    Connection unread = scene.connection();
    send_too_much(grader, unread);
    unread.here.shut_down_sending();
    await(unread.local, unread.peer, "FIN-WAIT-1");

    Connection last = scene.connection();
    last.there.shut_down_sending();
    await(last.local, last.peer, "CLOSE-WAIT");
    send_too_much(grader, last);
    last.here.shut_down_sending();
    await(last.local, last.peer, "LAST-ACK");

    const Address nobody{"127.0.0.1", grader.fresh_port()};

    ask(grader, source, server, "ESTAB");

    grader.check("it asks for a connection, not for a port",
                 "ESTAB for the server's end too, although the server's port has many rows", "What the kernel did");
    ask(grader, server, source, "ESTAB");

    grader.check("it sees that the peer has closed", "CLOSE-WAIT: the peer has closed, and this end has not",
                 "What the kernel did");
    ask(grader, half.local, half.peer, "CLOSE-WAIT");

    grader.check("it sees that this end has closed",
                 "FIN-WAIT-2: no process holds this end any more, and the peer has not closed", "What the kernel did");
    ask(grader, half.peer, half.local, "FIN-WAIT-2");

    grader.check("it tells addresses apart",
                 "the right state of each of two connections that have the same two ports, and not the same addresses",
                 "Run it");
    ask(grader, one.local(), server, "ESTAB");
    ask(grader, namesake, server, "FIN-WAIT-2");
    ask(grader, server, one.local(), "ESTAB");
    ask(grader, server, namesake, "CLOSE-WAIT");

    grader.check("it sees what is left behind", "TIME-WAIT: both have closed, this end first", "What goes wrong");
    ask(grader, over.local, over.peer, "TIME-WAIT");

    grader.check("it says none of a connection that never was",
                 "none: a server listens at LOCAL, and nobody has called it from PEER", "What the kernel did");
    ask(grader, server, nobody, "none");

    grader.check("it says none of an end that is gone",
                 "none: both have closed, the peer first, and the peer's TIME-WAIT is not this end's state",
                 "What goes wrong");
    ask(grader, over.peer, over.local, "none");

    grader.check("it sees a call that is not answered", "SYN-SENT: connect has not returned yet", "The program");
    ask(grader, in_vain.local(), full.local(), "SYN-SENT");

    grader.check(
        "it sees that bytes are on their way",
        "FIN-WAIT-1 where this end has closed first, LAST-ACK where the peer has, while the peer does not read",
        "What the kernel did");
    ask(grader, unread.local, unread.peer, "FIN-WAIT-1");
    ask(grader, last.local, last.peer, "LAST-ACK");

    grader.check("it names a listener", "LISTEN, whose PEER is 0.0.0.0:0: the number of this state has a letter",
                 "What the kernel did");
    ask(grader, server, {"0.0.0.0", 0}, "LISTEN");

    grader.check("it ends with status 0", "the status is 0, after \"none\" too", "Exercises");
    for (const auto& peer : {source, nobody}) {
        Program program = grader.start({.arguments = {to_string(server), to_string(peer)}});
        const int status = program.exit_status();
        grader.expect(status == 0, "asked for " + to_string(server) + " -> " + to_string(peer) + ", it ended with " +
                                       status_in_words(status));
    }

    grader.check("it refuses what is not two endpoints",
                 "status 1 and a message on standard error, without arguments and where one is no ADDRESS:PORT",
                 "Exercises");
    for (const auto& arguments : {std::vector<std::string>{}, {to_string(server), "127.0.0.1:70000"}}) {
        Program program = grader.start({.arguments = arguments});
        const int status = program.exit_status();
        grader.expect(status == 1, "it ended with " + status_in_words(status));
        grader.expect(!program.complained().empty(), "nothing is on standard error");
    }
}
