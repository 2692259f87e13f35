#include "tests/support/grader.hpp"
#include "tests/support/process.hpp"
#include "tests/support/wait.hpp"

#include <algorithm>
#include <fstream>
#include <string>
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

std::string in_words(const std::vector<std::string>& lines) {
    std::string text;
    for (const std::string& line : lines)
        text += (text.empty() ? "" : " and ") + in_quotes(line);
    return text.empty() ? "nothing" : text;
}

// Asks the program, and compares its lines with the right ones, in any order.
void expect_answer(Grader& grader, const std::string& ip, std::uint16_t port, std::vector<std::string> right) {
    Program program = grader.start({.arguments = {ip, std::to_string(port)}});
    auto lines = program.lines_to_the_end();
    const int status = program.exit_status();
    std::ranges::sort(lines);
    std::ranges::sort(right);
    grader.expect(lines == right, "asked about " + ip + " and port " + std::to_string(port) + " it printed " +
                                      in_words(lines) + ", and the kernel has " + in_words(right));
    grader.expect(status == 0, "it ended with " + status_in_words(status));
}

// Has another program inherit the socket and hold it, as the only one. The line that names it.
std::string hand_over(Grader& grader, support::Client socket, const std::string& state) {
    const std::vector<std::string> tools{"cat", "sort", "tee", "wc"}; // each waits for the end of its input
    const std::string tool = tools[grader.draw(0, static_cast<unsigned>(tools.size()) - 1)];
    const Address address = socket.local();
    Launch launch;
    launch.passed = {socket.descriptor()};
    const Program holder = grader.start_other(tool, support::installed(tool), launch);
    socket.close();
    const std::string own = command_of(::getpid());
    support::eventually([&] { return command_of(holder.pid()) != own; }); // until then it has all that the grader has
    const std::string line =
        std::to_string(holder.number()) + " " + command_of(holder.pid()) + " " + state + " " + to_string(address);
    grader.did("it has inherited a socket: " + state + " " + to_string(address));
    return line;
}

bool kernel_has(const Address& local, const std::string& state) {
    return std::ranges::any_of(grader::kernel_sockets(Protocol::tcp),
                               [&](const SocketRow& row) { return row.local == local && row.state == state; });
}

struct Connection {
    support::Client server, client;
};

// A connection to 127.0.0.1:PORT, whose listener is closed.
Connection connection_to(std::uint16_t port) {
    support::Client listener = support::listening_socket("127.0.0.1", port);
    support::Client client = support::connect_to({"127.0.0.1", port});
    return {listener.accept(), std::move(client)};
}

} // namespace

void grader::judge(Grader& grader) {
    const std::string form = "a line PID COMMAND STATE ADDRESS:PORT for each socket in the way, and no other line";
    const std::string kernel = "What the kernel did", wrong = "What goes wrong";
    const auto listener = [](const std::string& ip, std::uint16_t port) { return support::listening_socket(ip, port); };

    grader.check("it names a listening socket and the process that holds it", form + "; status 0", kernel);
    const std::uint16_t port = grader.fresh_port();
    const std::string first = hand_over(grader, listener("127.0.0.1", port), "LISTEN");
    expect_answer(grader, "127.0.0.1", port, {first});

    grader.check("of a free port it prints nothing", "no line; status 0", kernel);
    expect_answer(grader, "127.0.0.1", grader.fresh_port(), {});

    grader.check("it looks at TCP alone", "no line, where the one socket on the port is a UDP socket", kernel);
    const std::uint16_t datagrams = grader.fresh_port();
    const support::Client udp = support::udp_socket("127.0.0.1", datagrams);
    grader.did("bound a UDP socket to " + to_string(udp.local()));
    expect_answer(grader, "127.0.0.1", datagrams, {});

    grader.check("a socket on another specific address is not in the way",
                 "a line for 127.0.0.2 where 127.0.0.2 is asked about, and none where 127.0.0.1 is", kernel);
    const std::uint16_t aside = grader.fresh_port();
    const std::string second = hand_over(grader, listener("127.0.0.2", aside), "LISTEN");
    expect_answer(grader, "127.0.0.2", aside, {second});
    expect_answer(grader, "127.0.0.1", aside, {});

    grader.check("a socket on 0.0.0.0 is in everybody's way", form, kernel);
    const std::uint16_t wide = grader.fresh_port();
    const std::string third = hand_over(grader, listener("0.0.0.0", wide), "LISTEN");
    expect_answer(grader, "127.0.0." + std::to_string(grader.draw(1, 254)), wide, {third});

    grader.check("in the way of 0.0.0.0 is every address, and it names all", form, kernel);
    const std::string fourth = hand_over(grader, listener("127.0.0.2", port), "LISTEN");
    expect_answer(grader, "0.0.0.0", port, {first, fourth});

    grader.check("it names a connection whose listener is gone", form + ", whatever the socket's state", wrong);
    const std::uint16_t old = grader.fresh_port();
    Connection connection = connection_to(old);
    grader.did("connected " + to_string(connection.client.local()) + " with a server on " +
               to_string(connection.client.peer()) + ", and closed the server's listener");
    const bool half_closed = grader.draw(0, 1) == 1;
    const Address local = connection.server.local();
    if (half_closed) {
        grader.did("shut down the client's sending side");
        connection.client.shut_down_sending();
        support::eventually([&] { return kernel_has(local, "CLOSE-WAIT"); });
    }
    expect_answer(grader, "127.0.0.1", old,
                  {hand_over(grader, std::move(connection.server), half_closed ? "CLOSE-WAIT" : "ESTAB")});

    grader.check("it names a connection that no process holds", "a line \"- - TIME-WAIT 127.0.0.1:PORT\"", wrong);
    const std::uint16_t gone = grader.fresh_port();
    {
        Connection over = connection_to(gone);
        over.server.close();
        over.client.read_to_end();
        over.client.close();
    }
    const Address gone_from{"127.0.0.1", gone};
    support::eventually([&] { return kernel_has(gone_from, "TIME-WAIT"); });
    grader.did("made a connection to " + to_string(gone_from) + ", and closed it from that side first");
    const std::string fifth = hand_over(grader, listener("127.0.0.2", gone), "LISTEN");
    expect_answer(grader, "0.0.0.0", gone, {"- - TIME-WAIT " + to_string(gone_from), fifth});

    grader.check("it names a socket that is bound and does not listen", form + "; the state is BOUND", kernel);
    const std::uint16_t quiet = grader.fresh_port();
    support::Client bound = support::bound_socket("127.0.0.1", quiet);
    if (kernel_has(bound.local(), "BOUND"))
        expect_answer(grader, "127.0.0.1", quiet, {hand_over(grader, std::move(bound), "BOUND")});
    else
        grader.not_here("this kernel's table does not show a socket that is bound and does not listen");

    grader.check("an IPv6 socket on [::] is in the way, and one on [::1] is not", form, kernel);
    const std::uint16_t both = grader.fresh_port(), other = grader.fresh_port();
    support::Client any = listener("::", both), loopback = listener("::1", other);
    if (any.error() == 0 && loopback.error() == 0) {
        expect_answer(grader, "127.0.0.1", both, {hand_over(grader, std::move(any), "LISTEN")});
        hand_over(grader, std::move(loopback), "LISTEN");
        expect_answer(grader, "0.0.0.0", other, {});
    } else {
        grader.not_here("the grader cannot listen on [::] and [::1]");
    }

    grader.check("an argument that is no address or no port stops it", "status 78, and a message on standard error",
                 wrong);
    const std::vector<std::vector<std::string>> mistakes{
        {"127.0.0.1", "http"}, {"127.0.0.1", "70000"}, {"127.0.0.1", ""}, {"here", "8080"}, {}};
    for (const auto& arguments : mistakes) {
        Program stopped = grader.start({.arguments = arguments});
        const int status = stopped.exit_status();
        grader.expect(status == 78, "it ended with " + status_in_words(status));
        grader.expect(!stopped.complained().empty(), "it said nothing on standard error");
    }
}
