#include "tools/harness/process.hpp"
#include "tools/harness/wait.hpp"
#include "tools/judge/demands.hpp"

#include <algorithm>
#include <fstream>
#include <netinet/in.h>
#include <string>
#include <sys/socket.h>
#include <unistd.h>
#include <utility>
#include <vector>

using namespace grader;

namespace {

std::string command_of(pid_t pid) {
    std::ifstream file{"/proc/" + std::to_string(pid) + "/comm"};
    std::string name;
    std::getline(file, name);
    return name;
}

// Sorted lines; equal ones are counted.
std::string in_words(const std::vector<std::string>& lines) {
    std::string text;
    for (auto line = lines.begin(); line != lines.end();) {
        const auto next = std::upper_bound(line, lines.end(), *line);
        text += (text.empty() ? "" : " and ") + in_quotes(*line) +
                (next - line > 1 ? " " + std::to_string(next - line) + " times" : "");
        line = next;
    }
    return text.empty() ? "nothing" : text;
}

// An address may be written in two ways: a mapped one as the IPv4 address, and [::] as ss writes it.
std::string one_way(std::string line) {
    if (const auto at = line.rfind("[::ffff:"); at != line.npos && line.find(']', at) != line.npos)
        line.erase(line.find(']', at), 1).erase(at, std::string{"[::ffff:"}.size());
    if (const auto at = line.rfind(" *:"); at != line.npos)
        line.replace(at + 1, 1, "[::]");
    return line;
}

// Asks the program, and compares its lines with the right ones, in any order.
void expect_answer(Grader& grader, const std::string& ip, std::uint16_t port, std::vector<std::string> right) {
    Program program = grader.start({.arguments = {ip, std::to_string(port)}});
    auto lines = program.lines_to_the_end();
    const int status = program.exit_status();
    std::ranges::transform(lines, lines.begin(), one_way);
    std::ranges::sort(lines);
    std::ranges::sort(right);
    grader.expect(lines == right, "asked about " + ip + " and port " + std::to_string(port) + " it printed " +
                                      in_words(lines) + ", and the kernel has " + in_words(right));
    grader.expect(status == 0, "it ended with " + status_in_words(status));
}

// A program that inherits sockets and does nothing. "PID COMMAND"
std::string hold(Grader& grader, const std::vector<const support::Client*>& sockets, const std::string& name = {}) {
    const std::vector<std::string> tools{"cat", "sort", "tee", "wc"}; // each waits for the end of its input
    const std::string tool =
        name.empty() ? tools[grader.draw(0, static_cast<unsigned>(tools.size()) - 1)] : std::string{"bash"};
    Launch launch;
    for (const support::Client* socket : sockets)
        launch.passed.push_back(socket->descriptor());
    if (!name.empty())
        launch.arguments = {"-c", "printf %s \"$0\" >/proc/self/comm; read -r", name};
    const Program holder = grader.start_other(tool, support::installed(tool), launch);
    const std::string own = command_of(::getpid());
    support::eventually([&] { // until then it has all that the grader has
        const std::string command = command_of(holder.pid());
        return name.empty() ? command != own : command == name;
    });
    return std::to_string(holder.number()) + " " + command_of(holder.pid());
}

std::string line(const std::string& holder, const std::string& state, const Address& address) {
    return holder + " " + state + " " + to_string(address);
}

// Has another program inherit the socket and hold it, as the only one. The line that names it.
std::string hand_over(Grader& grader, support::Client socket, const std::string& state, const std::string& name = {}) {
    const std::string named = line(hold(grader, {&socket}, name), state, socket.local());
    grader.did("it has inherited a socket: " + state + " " + to_string(socket.local()));
    socket.close();
    return named;
}

bool kernel_has(const Address& local, const std::string& state) {
    return std::ranges::any_of(grader::kernel_sockets(Protocol::tcp),
                               [&](const SocketRow& row) { return row.local == local && row.state == state; });
}

void await(Grader& grader, const Address& local, const std::string& state) {
    if (!support::eventually([&] { return kernel_has(local, state); }))
        support::leave_out("the grader cannot bring about the state " + state + " here");
    grader.did("brought a socket on " + to_string(local) + " into the state " + state);
}

struct Connection {
    support::Client server, client;
};

// A connection to 127.0.0.1:PORT, whose listener is closed.
Connection connection_to(std::uint16_t port, support::Client listener) {
    support::Client client = support::connect_to({"127.0.0.1", port});
    return {listener.accept(), std::move(client)};
}

Connection connection_to(std::uint16_t port) {
    return connection_to(port, support::listening_socket("127.0.0.1", port));
}

// A listener on [::] that takes IPv6 alone.
support::Client listener_for_ipv6_alone(std::uint16_t port) {
    support::Client socket{::socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    const int on = 1;
    ::setsockopt(socket.descriptor(), IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
    sockaddr_in6 address{};
    address.sin6_family = AF_INET6;
    address.sin6_port = htons(port);
    if (::bind(socket.descriptor(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
        ::listen(socket.descriptor(), 1) != 0)
        support::leave_out("the grader cannot listen on [::] for IPv6 alone");
    return socket;
}

} // namespace

void grader::judge(Grader& grader) {
    const std::string form = "a line PID COMMAND STATE ADDRESS:PORT for each socket in the way, and no other line";
    const std::string kernel = "Which addresses are in each other's way?",
                      gone_server = "Who has the port when the server has gone?";
    const auto listener = [](const std::string& ip, std::uint16_t port) { return support::listening_socket(ip, port); };

    grader.check("it names a listening socket and the process that holds it", form + "; status 0", kernel);
    const std::uint16_t port = grader.fresh_port();
    const std::string first = hand_over(grader, listener("127.0.0.1", port), "LISTEN");
    expect_answer(grader, "127.0.0.1", port, {first});

    grader.check("of a free port it prints nothing", "no line; status 0", kernel);
    expect_answer(grader, "127.0.0.1", grader.fresh_port(), {});

    grader.check("it looks at TCP alone", "no line, if the one socket on the port is a UDP socket", kernel);
    const std::uint16_t datagrams = grader.fresh_port();
    const support::Client udp = support::udp_socket("127.0.0.1", datagrams);
    grader.did("bound a UDP socket to " + to_string(udp.local()));
    expect_answer(grader, "127.0.0.1", datagrams, {});

    grader.check("a socket on another specific address is not in the way",
                 "a line for 127.0.0.12 if 127.0.0.12 is asked about, and none if 127.0.0.1 is", kernel);
    const std::uint16_t aside = grader.fresh_port();
    const std::string second = hand_over(grader, listener("127.0.0.12", aside), "LISTEN");
    expect_answer(grader, "127.0.0.12", aside, {second});
    expect_answer(grader, "127.0.0.1", aside, {});

    grader.check("it compares the whole port", "no line, if the port of a socket only begins with the digits of PORT",
                 kernel);
    std::uint16_t stem = 0;
    for (support::Client longer{-1, -1}; longer.error() != 0;) {
        stem = static_cast<std::uint16_t>(grader.draw(1024, 2999));
        longer = listener("127.0.0.1", static_cast<std::uint16_t>(stem * 10 + grader.draw(0, 9)));
        if (longer.error() == 0 && support::bound_socket("0.0.0.0", stem).error() == 0)
            hand_over(grader, std::move(longer), "LISTEN");
    }
    expect_answer(grader, "127.0.0.1", stem, {});

    grader.check("a socket on 0.0.0.0 is in everybody's way", form, kernel);
    const std::uint16_t wide = grader.fresh_port();
    const std::string third = hand_over(grader, listener("0.0.0.0", wide), "LISTEN");
    expect_answer(grader, "127.0.0." + std::to_string(grader.draw(1, 254)), wide, {third});

    grader.check("in the way of 0.0.0.0 is every address, and it names all", form, kernel);
    const std::string fourth = hand_over(grader, listener("127.0.0.2", port), "LISTEN");
    expect_answer(grader, "0.0.0.0", port, {first, fourth});

    grader.check("it names a connection whose listener is gone", form + ", whatever the socket's state", gone_server);
    const std::uint16_t old = grader.fresh_port(), half = grader.fresh_port();
    Connection open = connection_to(old), closed = connection_to(half);
    grader.did("connected two clients with servers on " + to_string(open.client.peer()) + " and " +
               to_string(closed.client.peer()) + ", and closed the servers' listeners");
    closed.client.shut_down_sending();
    await(grader, closed.server.local(), "CLOSE-WAIT");
    const std::string open_line = hand_over(grader, std::move(open.server), "ESTAB"),
                      half_line = hand_over(grader, std::move(closed.server), "CLOSE-WAIT");
    expect_answer(grader, "127.0.0.1", old, {open_line});
    expect_answer(grader, "127.0.0.1", half, {half_line});

    grader.check("it names a connection that no process holds",
                 "a line \"- - TIME-WAIT 127.0.0.1:PORT\" for each of hundreds, and \"- - FIN-WAIT-2 127.0.0.1:PORT\"",
                 gone_server);
    const std::uint16_t gone = grader.fresh_port(), waiting = grader.fresh_port();
    const Address gone_from{"127.0.0.1", gone}, waits_at{"127.0.0.1", waiting};
    std::vector<std::string> many;
    {
        const support::Client old_listener = support::listening_socket("127.0.0.1", gone);
        many_times(grader, hundreds, "connections to " + to_string(gone_from) + " were closed from that side first",
                   [&] {
                       Connection over = connection_to(gone, support::Client{::dup(old_listener.descriptor())});
                       over.server.close();
                       over.client.read_to_end();
                       over.client.close();
                       many.push_back("- - TIME-WAIT " + to_string(gone_from));
                   });
    }
    await(grader, gone_from, "TIME-WAIT");
    Connection half_gone = connection_to(waiting);
    half_gone.server.close();
    await(grader, waits_at, "FIN-WAIT-2");
    many.push_back(hand_over(grader, listener("127.0.0.2", gone), "LISTEN"));
    expect_answer(grader, "0.0.0.0", gone, many);
    expect_answer(grader, "127.0.0.1", waiting, {"- - FIN-WAIT-2 " + to_string(waits_at)});

    grader.check("it names a client's own port",
                 form + ": a client's end of a connection is in the way as well, from the call on", kernel);
    const std::uint16_t own = grader.fresh_port(), far = grader.fresh_port();
    {
        const support::Client server = support::listening_socket("127.0.0.1", far);
        support::Client client = support::connect_to({"127.0.0.1", far}, {"127.0.0.1", own});
        grader.did("connected from " + to_string(client.local()) + " to " + to_string(server.local()));
        expect_answer(grader, "127.0.0.1", own, {hand_over(grader, std::move(client), "ESTAB")});
    }
    const std::uint16_t calling = grader.fresh_port();
    const support::Client full = support::listening_socket("127.0.0.1", grader.fresh_port(), 0);
    const Client only = grader.connect(full.local());
    support::Client in_vain = support::begin_to_connect(full.local(), {"127.0.0.1", calling});
    await(grader, in_vain.local(), "SYN-SENT"); // the queue is full: nobody answers
    expect_answer(grader, "127.0.0.1", calling, {hand_over(grader, std::move(in_vain), "SYN-SENT")});

    grader.check("it names each of the sockets of one process",
                 form + ": two lines that begin alike, if one process has two sockets, and two that are alike, if "
                        "it has two connections",
                 kernel);
    const std::uint16_t twice = grader.fresh_port();
    {
        support::Client one = listener("127.0.0.1", twice), other = listener("127.0.0.2", twice);
        auto [server, client] = connection_to(twice, support::Client{::dup(one.descriptor())});
        auto [next_server, next_client] = connection_to(twice, support::Client{::dup(one.descriptor())});
        const std::string both = hold(grader, {&one, &other, &server, &next_server});
        grader.did("it has inherited two listeners and two connections on port " + std::to_string(twice));
        const Address here = one.local(), there = other.local();
        for (support::Client* socket : {&one, &other, &server, &next_server})
            socket->close();
        expect_answer(grader, "0.0.0.0", twice,
                      {line(both, "LISTEN", here), line(both, "LISTEN", there), line(both, "ESTAB", here),
                       line(both, "ESTAB", here)});
    }

    grader.check("it names each of the processes that hold a socket",
                 form + ", and for each process that holds it: a server and a child that has inherited its socket",
                 "What does a helper keep?");
    const std::uint16_t common_port = grader.fresh_port();
    {
        support::Client inherited = listener("127.0.0.1", common_port);
        const std::string parent = hold(grader, {&inherited}), child = hold(grader, {&inherited});
        grader.did("both have inherited the socket that listens on " + to_string(inherited.local()));
        const Address here = inherited.local();
        inherited.close();
        expect_answer(grader, "127.0.0.1", common_port, {line(parent, "LISTEN", here), line(child, "LISTEN", here)});
    }

    grader.check("it prints the name of the process as it is",
                 form + ": the whole name from /proc/PID/comm, which may have spaces and brackets", kernel);
    const std::uint16_t odd = grader.fresh_port();
    const std::string odd_line = hand_over(grader, listener("127.0.0.1", odd), "LISTEN", "a b) R (c");
    expect_answer(grader, "127.0.0.1", odd, {odd_line});

    grader.check("it names a socket that is bound and does not listen", form + "; the state is BOUND", kernel);
    const std::uint16_t quiet = grader.fresh_port();
    support::Client bound = support::bound_socket("127.0.0.1", quiet);
    if (kernel_has(bound.local(), "BOUND"))
        expect_answer(grader, "127.0.0.1", quiet, {hand_over(grader, std::move(bound), "BOUND")});
    else
        grader.not_here("this kernel's table does not show a socket that is bound and does not listen");

    grader.check(
        "of IPv6 sockets those are in the way that take IPv4 as well",
        "a line for a listener on [::], and for a connection with a mapped address, [::ffff:127.0.0.1]; none for "
        "one on [::1], and none for one on [::] that takes IPv6 alone",
        kernel);
    const std::uint16_t both = grader.fresh_port(), other = grader.fresh_port(), mapped = grader.fresh_port(),
                        alone = grader.fresh_port();
    support::Client any = listener("::", both), loopback = listener("::1", other), dual = listener("::", mapped);
    if (any.error() == 0 && loopback.error() == 0 && dual.error() == 0) {
        expect_answer(grader, "127.0.0.1", both, {hand_over(grader, std::move(any), "LISTEN")});
        hand_over(grader, std::move(loopback), "LISTEN");
        expect_answer(grader, "0.0.0.0", other, {});
        hand_over(grader, listener_for_ipv6_alone(alone), "LISTEN");
        expect_answer(grader, "0.0.0.0", alone, {});
        Connection through = connection_to(mapped, std::move(dual));
        const std::string accepted = hand_over(grader, std::move(through.server), "ESTAB");
        expect_answer(grader, "127.0.0.1", mapped, {accepted});
        expect_answer(grader, "0.0.0.0", mapped, {accepted});
        expect_answer(grader, "127.0.0.12", mapped, {});
    } else {
        grader.not_here("the grader cannot listen on [::] and [::1]");
    }

    grader.check("an argument that is no address or no port stops it",
                 "status 78, nothing on standard output and a message on standard error", "Exercises");
    const std::vector<std::vector<std::string>> mistakes{
        {"127.0.0.1", "http"},   {"127.0.0.1", "70000"}, {"127.0.0.1", "80x"},
        {"127.0.0.1", "-1"},     {"127.0.0.1", ""},      {"here", "8080"},
        {"127.0.0.256", "8080"}, {"127.0.0.1"},          {}};
    for (const auto& arguments : mistakes) {
        Program stopped = grader.start({.arguments = arguments});
        const int status = stopped.exit_status();
        grader.expect(status == 78, "it ended with " + status_in_words(status));
        grader.expect(stopped.printed().empty(), "it printed " + in_quotes(stopped.printed()));
        grader.expect(!stopped.complained().empty(), "it said nothing on standard error");
    }
}
