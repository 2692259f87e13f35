#include "tools/harness/process.hpp"
#include "tools/harness/wait.hpp"
#include "tools/judge/demands.hpp"

#include <arpa/inet.h>
#include <cerrno>
#include <filesystem>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

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
    // Of UDP sockets with SO_REUSEPORT the kernel makes a group, in which it chooses by a hash.
    ::setsockopt(descriptor, SOL_SOCKET, protocol == Protocol::tcp ? SO_REUSEPORT : SO_REUSEADDR, &yes, sizeof yes);
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

// A program with a name that is hard to read in a table, gone when the verdict is there. It is a copy: in a class's
// sandbox no link is followed there.
class OddName {
  public:
    explicit OddName(const std::string& program) {
        std::filesystem::create_directory(folder_);
        const std::string name = std::filesystem::canonical(program).filename();
        if (name != "busybox" && name != "coreutils") // which look at their name
            std::filesystem::copy_file(program, path_ = folder_ + "/a cat) (1");
        else
            path_ = program;
    }
    ~OddName() { std::filesystem::remove_all(folder_); }
    OddName(const OddName&) = delete;
    OddName& operator=(const OddName&) = delete;
    const std::string& path() const { return path_; }

  private:
    std::string folder_ = std::filesystem::temp_directory_path() / ("which_service." + std::to_string(::getpid()));
    std::string path_;
};

class Scene {
  public:
    explicit Scene(Grader& grader) : grader_{grader} {}

    // From here on one process holds the sockets, and the grader does not.
    void give_away(std::vector<std::pair<std::string, support::Client>> sockets) {
        std::string all;
        Launch launch;
        for (const auto& [what, socket] : sockets) {
            all += (all.empty() ? "" : ", and ") + what;
            launch.passed.push_back(socket.descriptor());
        }
        const Program program = grader_.start_other("a cat, which holds " + all, cat_.path(), launch);
        for (const auto& [what, socket] : sockets)
            holders_.push_back({what, inode_of(socket), program});
    }
    void give_away(const std::string& what, support::Client socket) {
        std::vector<std::pair<std::string, support::Client>> one;
        one.emplace_back(what, std::move(socket));
        give_away(std::move(one));
    }

    // Asks the program, then lets the arrival happen, and compares.
    void ask(Protocol protocol, const Address& from, const Address& to, const std::string& expected) {
        Program program = start(protocol, from, to);
        const std::string answer = program.line();
        program.exit_status();
        asked_.push_back(program);
        const std::vector<unsigned> before = waiting(protocol);
        happen(protocol, from, to, before);
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

    // A socket of the grader's at the other end of a connection, through which a further arrival comes.
    void keep(support::Client client) { clients_.push_back(std::move(client)); }

    // What waits to be read, or to be accepted, at each of the processes.
    std::vector<unsigned> waiting(Protocol protocol) const {
        std::vector<unsigned> all(holders_.size());
        for (const SocketRow& row : support::kernel_sockets(protocol))
            for (std::size_t i = 0; i < all.size(); ++i)
                if (row.inode == holders_[i].inode)
                    all[i] = row.received;
        return all;
    }

    const std::vector<Program>& asked() const { return asked_; } // the runs that have ended

  private:
    // Returns when it has reached somebody, or has been refused.
    void happen(Protocol protocol, const Address& from, const Address& to, const std::vector<unsigned>& before) {
        const auto there = [&](const support::Client& client) {
            pollfd refused{client.descriptor(), 0, 0}; // POLLERR: an answer of ICMP
            return waiting(protocol) != before || ::poll(&refused, 1, 0) > 0;
        };
        for (support::Client& client : clients_)
            if (client.descriptor() >= 0 && client.local() == from && client.peer() == to) {
                client.send("again");
                support::eventually([&] { return there(client); });
                return;
            }
        support::Client client =
            protocol == Protocol::tcp ? support::connect_to(to, from) : support::udp_socket(from.ip, from.port, to);
        if (client.error() != 0)
            return;
        if (protocol == Protocol::udp)
            client.send("hello");
        support::eventually([&] { return there(client); });
        clients_.push_back(std::move(client));
    }

    Grader& grader_;
    const OddName cat_{support::installed("cat")};
    std::vector<Holder> holders_;
    std::vector<support::Client> clients_;
    std::vector<Program> asked_;
};

support::Client listener_at(const Address& at) {
    support::Client socket = socket_at(Protocol::tcp, at);
    ::listen(socket.descriptor(), 16);
    return socket;
}

std::string tcp_listener(const Address& at) { return "the TCP listener at " + to_string(at); }
std::string udp_socket_at(const Address& at) { return "the UDP socket at " + to_string(at); }
std::string connection_with(const Address& peer) { return "the connection of " + to_string(peer); }
std::string udp_connection(const Address& at, const Address& peer) {
    return "the UDP socket at " + to_string(at) + ", connected to " + to_string(peer);
}

} // namespace

void grader::judge(Grader& grader) {
    constexpr auto tcp = Protocol::tcp, udp = Protocol::udp;
    const std::string a = "127.0.0.1", b = "127.0.0.2", c = "127.0.0.3", everywhere = "0.0.0.0";
    Scene scene{grader};
    const auto fresh = [&] { return Address{a, grader.fresh_port()}; };
    const auto stranger = [&] {
        return Address{"127.0.0." + std::to_string(grader.draw(4, 250)), grader.fresh_port()};
    };
    // Two numbers: at `early` the socket at one address was there before the one at all, at `late` after it.
    const std::uint16_t early = fresh().port, late = fresh().port;

    // TCP listeners: one address and all; connections with a client, of a listener that is there, and of one that has
    // gone; a client's end of a connection; and one that does not listen.
    support::Client exact = listener_at({a, early});
    support::Client client = support::connect_to({a, early}, stranger());
    const Address connected = client.local();
    scene.give_away(connection_with(connected), exact.accept());
    scene.keep(std::move(client));
    scene.give_away(tcp_listener({a, early}), std::move(exact));
    scene.give_away(tcp_listener({everywhere, early}), listener_at({everywhere, early}));
    scene.give_away(tcp_listener({everywhere, late}), listener_at({everywhere, late}));
    scene.give_away(tcp_listener({b, late}), listener_at({b, late}));

    const Address orphaned = fresh();
    support::Client short_lived = listener_at(orphaned);
    support::Client last = support::connect_to(orphaned);
    const Address last_client = last.local();
    scene.give_away(connection_with(last_client), short_lived.accept());
    scene.keep(std::move(last));
    short_lived.close();

    const Address far = fresh(), near = stranger();
    support::Client of_client = listener_at(far);
    support::Client its_client = support::connect_to(far, near);
    scene.keep(of_client.accept());
    scene.give_away(tcp_listener(far), std::move(of_client));
    scene.give_away("the client " + to_string(near), std::move(its_client));

    const Address bound = fresh();
    scene.give_away("a TCP socket bound to " + to_string(bound), socket_at(tcp, bound));

    // One process with several sockets.
    const Address alone = fresh(), beside = fresh(), datagrams_alone = fresh();
    std::vector<std::pair<std::string, support::Client>> several;
    several.emplace_back(udp_socket_at(datagrams_alone), socket_at(udp, datagrams_alone));
    several.emplace_back(tcp_listener(beside), listener_at(beside));
    several.emplace_back(tcp_listener(alone), listener_at(alone));
    scene.give_away(std::move(several));

    // UDP: one address; all; and connected to a peer, with and without others on the port.
    const auto befriend = [&](const Address& at) {
        support::Client peer = support::udp_socket(stranger().ip, 0, at);
        const Address friend_at = peer.local();
        support::Client with_peer = socket_at(udp, at);
        connect(with_peer, friend_at);
        scene.give_away(udp_connection(at, friend_at), std::move(with_peer));
        scene.keep(std::move(peer));
        return friend_at;
    };
    scene.give_away(udp_socket_at({b, early}), socket_at(udp, {b, early}));
    scene.give_away(udp_socket_at({everywhere, early}), socket_at(udp, {everywhere, early}));
    const Address early_friend = befriend({a, early});
    scene.give_away(udp_socket_at({everywhere, late}), socket_at(udp, {everywhere, late}));
    const Address late_friend = befriend({b, late});
    scene.give_away(udp_socket_at({b, late}), socket_at(udp, {b, late}));
    const Address closed_to_others = fresh(), only_friend = befriend(closed_to_others);

    const std::string section = "Who gets what arrives?";
    grader.check("it finds the process that listens", "\"process PID\", of the process that holds the listener",
                 section);
    scene.ask(tcp, stranger(), far, tcp_listener(far));

    grader.check("it sends nothing", "the answer comes from the kernel's table, and no arrival reaches any process",
                 "Who gets what arrives?");
    for (const auto& [protocol, to] : {std::pair{tcp, far}, {udp, datagrams_alone}}) {
        const auto before = scene.waiting(protocol);
        Program program = scene.start(protocol, stranger(), to);
        program.line();
        program.exit_status();
        grader.expect(scene.waiting(protocol) == before, "the process at " + to_string(to) + " got " +
                                                             (protocol == tcp ? "a connection" : "a datagram") +
                                                             ", while the program looked for it");
    }

    grader.check("it says nobody if the kernel refuses",
                 "\"nobody\" if no socket has the port, and if one has it and does not listen",
                 "What if nobody has the port?");
    scene.ask(tcp, stranger(), fresh(), "nobody");
    scene.ask(tcp, stranger(), bound, "nobody");
    scene.ask(udp, stranger(), fresh(), "nobody");

    grader.check("it ends with status 0, found or not", "status 0 if it says \"nobody\", too",
                 "What if nobody has the port?");
    for (const Address& to : {alone, fresh()}) {
        const int status = scene.start(tcp, stranger(), to).exit_status();
        grader.expect(status == 0, "it ended with " + status_in_words(status));
    }

    grader.check("it finds each of several sockets of one process", "the process, whichever of its sockets it is",
                 section);
    scene.ask(tcp, stranger(), alone, tcp_listener(alone));
    scene.ask(tcp, stranger(), beside, tcp_listener(beside));
    scene.ask(udp, stranger(), datagrams_alone, udp_socket_at(datagrams_alone));

    grader.check("it keeps TCP and UDP apart", "a listener gets no datagram, and a UDP socket no connection", section);
    scene.ask(udp, stranger(), alone, "nobody");
    scene.ask(tcp, stranger(), datagrams_alone, "nobody");

    grader.check("it looks at the address", "a listener at 127.0.0.1 gets nothing that was sent to 127.0.0.2", section);
    scene.ask(tcp, stranger(), {b, alone.port}, "nobody");
    scene.ask(udp, stranger(), {b, datagrams_alone.port}, "nobody");

    grader.check("a wildcard takes every address", "what nobody has at its own address reaches 0.0.0.0", section);
    for (const std::uint16_t port : {early, late}) {
        scene.ask(tcp, stranger(), {c, port}, tcp_listener({everywhere, port}));
        scene.ask(udp, stranger(), {c, port}, udp_socket_at({everywhere, port}));
    }

    grader.check("an address of its own comes before the wildcard", "the socket at the very address gets the arrival",
                 section);
    scene.ask(tcp, stranger(), {a, early}, tcp_listener({a, early}));
    scene.ask(tcp, stranger(), {b, late}, tcp_listener({b, late}));
    scene.ask(udp, stranger(), {b, early}, udp_socket_at({b, early}));
    scene.ask(udp, stranger(), {b, late}, udp_socket_at({b, late}));

    grader.check("a connection gets what belongs to it", "the socket with this very 4-tuple, and not the listener",
                 section);
    scene.ask(tcp, connected, {a, early}, connection_with(connected));
    scene.ask(tcp, last_client, orphaned, connection_with(last_client));
    scene.ask(tcp, far, near, "the client " + to_string(near));

    grader.check("a connection gets nothing from others",
                 "the listener gets it, if there is one, from whatever address and port it comes; or else nobody",
                 section);
    scene.ask(tcp, {c, connected.port}, {a, early}, tcp_listener({a, early}));
    scene.ask(tcp, {connected.ip, grader.fresh_port()}, {a, early}, tcp_listener({a, early}));
    scene.ask(tcp, stranger(), orphaned, "nobody");
    scene.ask(tcp, stranger(), near, "nobody");

    grader.check("a connected UDP socket comes before the others", "its peer's datagrams reach it", section);
    scene.ask(udp, early_friend, {a, early}, udp_connection({a, early}, early_friend));
    scene.ask(udp, late_friend, {b, late}, udp_connection({b, late}, late_friend));
    scene.ask(udp, only_friend, closed_to_others, udp_connection(closed_to_others, only_friend));

    grader.check("a connected UDP socket gets its peer's datagrams alone", "those of others reach the next best socket",
                 section);
    scene.ask(udp, stranger(), {a, early}, udp_socket_at({everywhere, early}));
    scene.ask(udp, {c, late_friend.port}, {b, late}, udp_socket_at({b, late}));
    scene.ask(udp, stranger(), closed_to_others, "nobody");

    grader.check("it prints one line, and nothing else", "\"process PID\" or \"nobody\" on standard output", section);
    for (const Program& program : scene.asked())
        grader.expect(program.printed().find('\n') + 1 == program.printed().size(),
                      "on standard output it printed " + in_quotes(program.printed()));
}
