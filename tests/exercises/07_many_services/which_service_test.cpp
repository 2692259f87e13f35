#include "tests/support/grader.hpp"
#include "tests/support/process.hpp"
#include "tests/support/wait.hpp"

#include <arpa/inet.h>
#include <cerrno>
#include <netinet/in.h>
#include <set>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

using namespace grader;

namespace {

std::string name_of(Protocol protocol) { return protocol == Protocol::tcp ? "tcp" : "udp"; }

sockaddr_in to_kernel(const Address& at) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(at.port);
    ::inet_pton(AF_INET, at.ip.c_str(), &address.sin_addr);
    return address;
}

// A socket of the scene. It may share its port with others of the scene, as long as no two have the same address.
support::Client socket_at(Protocol protocol, const Address& at) {
    const int type = protocol == Protocol::tcp ? SOCK_STREAM : SOCK_DGRAM, yes = 1;
    const int descriptor = ::socket(AF_INET, type | SOCK_CLOEXEC, 0);
    const sockaddr_in address = to_kernel(at);
    ::setsockopt(descriptor, SOL_SOCKET, SO_REUSEPORT, &yes, sizeof yes);
    if (::bind(descriptor, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
        support::leave_out("the grader cannot bind " + to_string(at) + ": " + in_words(errno));
    return support::Client{descriptor};
}

void connect(const support::Client& socket, const Address& peer) {
    const sockaddr_in address = to_kernel(peer);
    ::connect(socket.descriptor(), reinterpret_cast<const sockaddr*>(&address), sizeof address);
}

unsigned long inode_of(const support::Client& socket) {
    struct stat about = {};
    ::fstat(socket.descriptor(), &about);
    return about.st_ino;
}

struct Holder {
    std::string what;
    unsigned long inode;
    Program program;
};

class Scene {
  public:
    explicit Scene(Grader& grader) : grader_{grader} {}

    // From here on a process holds the socket, and the grader does not.
    void give_away(const std::string& what, support::Client socket) {
        const auto cat = support::installed("cat");
        holders_.push_back({what, inode_of(socket),
                            grader_.start_other("a cat, which holds " + what, cat, {.passed = {socket.descriptor()}})});
    }

    // Asks the program, then lets the arrival happen, and compares.
    void ask(Protocol protocol, const Address& from, const Address& to, const std::string& expected) {
        Program program = start(protocol, from, to);
        const std::string answer = program.line();
        const std::vector<unsigned> before = waiting(protocol);
        happen(protocol, from, to);
        const std::vector<unsigned> after = waiting(protocol);
        std::string truth = "nobody", who = "nobody", said;
        for (std::size_t i = 0; i < holders_.size(); ++i) {
            const std::string process = "process " + std::to_string(holders_[i].program.number());
            if (after[i] > before[i]) {
                truth = process;
                who = holders_[i].what;
            }
            if (answer == process)
                said = ", which holds " + holders_[i].what;
        }
        grader_.did("let it happen, over " + name_of(protocol) + " from " + to_string(from) + " to " + to_string(to) +
                    ": it reached " + (truth == "nobody" ? truth : truth + ", which holds " + who));
        if (who != expected)
            support::leave_out("on this system the arrival reached " + who + ", and not " + expected);
        grader_.expect(answer == truth, "it says " + in_quotes(answer) + said + "; and the arrival reached " +
                                            (truth == "nobody" ? truth : truth + ", which holds " + who));
    }

    Program start(Protocol protocol, const Address& from, const Address& to) {
        return grader_.start({.arguments = {name_of(protocol), to_string(from), to_string(to)}});
    }

    // A client of the grader's, whose next arrival is its second.
    void keep(support::Client client) { clients_.push_back(std::move(client)); }

    // What waits to be read, or to be accepted, at each of the processes.
    std::vector<unsigned> waiting(Protocol protocol) const {
        std::vector<unsigned> all(holders_.size());
        for (const SocketRow& row : grader::kernel_sockets(protocol))
            for (std::size_t i = 0; i < all.size(); ++i)
                if (row.inode == holders_[i].inode)
                    all[i] = row.received;
        return all;
    }

  private:
    void happen(Protocol protocol, const Address& from, const Address& to) {
        for (support::Client& client : clients_)
            if (client.descriptor() >= 0 && client.local() == from && client.peer() == to)
                return client.send("again");
        support::Client client =
            protocol == Protocol::tcp ? support::connect_to(to, from) : support::udp_socket(from.ip, from.port, to);
        if (protocol == Protocol::udp)
            client.send("hello");
        if (client.error() == 0)
            clients_.push_back(std::move(client));
    }

    Grader& grader_;
    std::vector<Holder> holders_;
    std::vector<support::Client> clients_;
};

support::Client listener_at(const Address& at) {
    support::Client socket = socket_at(Protocol::tcp, at);
    ::listen(socket.descriptor(), 16);
    return socket;
}

} // namespace

void grader::judge(Grader& grader) {
    constexpr auto tcp = Protocol::tcp, udp = Protocol::udp;
    const std::string a = "127.0.0.1", b = "127.0.0.2", c = "127.0.0.3", everywhere = "0.0.0.0";
    const auto port = grader.fresh_port();
    Scene scene{grader};
    std::set<std::uint16_t> used{port};
    const auto fresh = [&] {
        Address address{a, grader.fresh_port()};
        while (!used.insert(address.port).second)
            address.port = grader.fresh_port();
        return address;
    };

    // TCP: one address alone; one address and all; one client's connection; and one that does not listen.
    support::Client exact = listener_at({a, port});
    support::Client client = support::connect_to({a, port});
    const Address connected = client.local();
    const std::string connection = "the connection of " + to_string(connected);
    scene.give_away(connection, exact.accept());
    scene.keep(std::move(client));
    const std::string at_one = "the TCP listener at " + to_string(Address{a, port});
    scene.give_away(at_one, std::move(exact));
    const std::string at_all = "the TCP listener at " + to_string(Address{everywhere, port});
    scene.give_away(at_all, listener_at({everywhere, port}));
    const Address alone = fresh(), bound = fresh();
    const std::string plain = "the TCP listener at " + to_string(alone);
    scene.give_away(plain, listener_at(alone));
    scene.give_away("a TCP socket bound to " + to_string(bound), socket_at(tcp, bound));

    // UDP: one address; all; and one that is connected to a peer.
    const std::string udp_at_one = "the UDP socket at " + to_string(Address{b, port});
    scene.give_away(udp_at_one, socket_at(udp, {b, port}));
    const std::string udp_at_all = "the UDP socket at " + to_string(Address{everywhere, port});
    scene.give_away(udp_at_all, socket_at(udp, {everywhere, port}));
    support::Client peer = support::udp_socket(a, 0, {a, port});
    const Address friend_at = peer.local();
    support::Client with_peer = socket_at(udp, {a, port});
    connect(with_peer, friend_at);
    const std::string udp_connected =
        "the UDP socket at " + to_string(Address{a, port}) + ", connected to " + to_string(friend_at);
    scene.give_away(udp_connected, std::move(with_peer));
    scene.keep(std::move(peer));

    const std::string section = "What the kernel did";
    grader.check("it finds the process that listens", "\"process PID\", of the process that holds the listener",
                 section);
    scene.ask(tcp, fresh(), alone, plain);

    grader.check("it sends nothing", "the answer comes from the kernel's table, and no arrival reaches any process",
                 "From outside");
    const auto before = scene.waiting(tcp);
    scene.start(tcp, fresh(), alone).line();
    grader.expect(scene.waiting(tcp) == before,
                  "the listener at " + to_string(alone) + " got a connection, while the program looked for it");

    grader.check("it says nobody where the kernel refuses",
                 "\"nobody\", where no socket has the port, and where one has it and does not listen",
                 "What goes wrong");
    scene.ask(tcp, fresh(), fresh(), "nobody");
    scene.ask(tcp, fresh(), bound, "nobody");

    grader.check("it ends with status 0, found or not", "status 0 where it says \"nobody\", too", "What goes wrong");
    const int status = scene.start(tcp, fresh(), fresh()).exit_status();
    grader.expect(status == 0, "it ended with " + status_in_words(status));

    grader.check("it keeps TCP and UDP apart", "a listener gets no datagram", section);
    scene.ask(udp, fresh(), alone, "nobody");

    grader.check("it looks at the address", "a listener at 127.0.0.1 gets nothing that was sent to 127.0.0.2", section);
    scene.ask(tcp, fresh(), {b, alone.port}, "nobody");

    grader.check("a wildcard takes every address", "what nobody has at its own address reaches 0.0.0.0", section);
    scene.ask(tcp, fresh(), {c, port}, at_all);
    scene.ask(udp, fresh(), {c, port}, udp_at_all);

    grader.check("an address of its own comes before the wildcard", "the socket at the very address gets the arrival",
                 section);
    scene.ask(tcp, fresh(), {a, port}, at_one);
    scene.ask(udp, fresh(), {b, port}, udp_at_one);

    grader.check("a connection gets what belongs to it", "the socket with this very 4-tuple, and not the listener",
                 section);
    scene.ask(tcp, connected, {a, port}, connection);

    grader.check("a connected UDP socket comes before the others", "its peer's datagrams reach it", section);
    scene.ask(udp, friend_at, {a, port}, udp_connected);

    grader.check("a connected UDP socket gets its peer's datagrams alone", "those of others reach the next best socket",
                 section);
    scene.ask(udp, fresh(), {a, port}, udp_at_all);
}
