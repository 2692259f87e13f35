#include "tests/support/grader.hpp"
#include "tests/support/network.hpp"
#include "tests/support/wait.hpp"

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <fstream>
#include <netinet/in.h>
#include <sstream>
#include <string>
#include <sys/socket.h>
#include <utility>
#include <vector>

using namespace grader;

namespace {

Launch with_ports(const std::vector<unsigned>& ports, Lacking lacking = Lacking::nothing) {
    Launch launch;
    for (const unsigned port : ports)
        launch.arguments.push_back(std::to_string(port));
    launch.lacking = lacking;
    return launch;
}

// The lines on standard error that name 127.0.0.1:PORT.
std::vector<std::string> complaints_about(unsigned port, const Program& program) {
    const std::string address = "127.0.0.1:" + std::to_string(port);
    std::vector<std::string> lines;
    std::istringstream text{program.complained()};
    for (std::string line; std::getline(text, line);)
        for (auto at = line.find(address); at != line.npos; at = line.find(address, at + 1))
            if (const auto end = at + address.size();
                end == line.size() || !std::isdigit(static_cast<unsigned char>(line[end]))) {
                lines.push_back(line);
                break;
            }
    return lines;
}

void expect_refusal(Grader& grader, const Program& program, unsigned port, int error) {
    const auto lines = complaints_about(port, program);
    const std::string address = "127.0.0.1:" + std::to_string(port);
    grader.expect(!lines.empty(), "no line on standard error has " + address);
    grader.expect(lines.size() == 1, std::to_string(lines.size()) + " lines on standard error have " + address +
                                         "; the second is " + in_quotes(lines.back()));
    grader.expect(gives(lines.front(), error), "the line about " + address + " is " + in_quotes(lines.front()) +
                                                   ", and the kernel's answer was " + in_words(error));
}

void end(Grader& grader, Program& program) {
    program.send_signal(SIGTERM);
    const int status = program.exit_status();
    grader.expect(status == 0, "after SIGTERM it ended with " + status_in_words(status));
}

void expect_listens_on(Grader& grader, Program& program, unsigned port) {
    const Address wanted{"127.0.0.1", static_cast<std::uint16_t>(port)}, says = program.ready(),
                                                                         has = program.listener().local;
    grader.expect(has == wanted, "it listens on " + to_string(has) + ", and the first candidate that can be had is " +
                                     to_string(wanted));
    grader.expect(says == has, "it says " + to_string(says) + ", and listens on " + to_string(has));
}

// The lower one first.
std::pair<std::uint16_t, std::uint16_t> two_ports(Grader& grader) {
    const std::uint16_t one = grader.fresh_port(), other = grader.fresh_port();
    return std::minmax({one, other});
}

// Makes some ports forbidden to ordinary programs where the network is the grader's own; ip(7).
unsigned first_unprivileged_port() {
    try {
        support::set_sysctl("net/ipv4/ip_unprivileged_port_start", "1024");
    } catch (const support::LeftOut&) { // the machine's own setting must do
    }
    unsigned port = 0;
    std::ifstream{"/proc/sys/net/ipv4/ip_unprivileged_port_start"} >> port;
    return port;
}

// A listener on 127.0.0.1 whose owner agrees to share its port.
support::Client willing_listener(std::uint16_t port) {
    support::Client socket{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    const int on = 1;
    ::setsockopt(socket.descriptor(), SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::bind(socket.descriptor(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
        ::listen(socket.descriptor(), 1) != 0)
        support::leave_out("the grader cannot listen on port " + std::to_string(port));
    return socket;
}

} // namespace

void grader::judge(Grader& grader) {
    const std::string taken = "a line \"listening on 127.0.0.1:PORT\" with the first candidate that can be had";

    grader.check("it listens on a free candidate",
                 "the line \"listening on 127.0.0.1:PORT\", and one listening socket with this address", "Run it");
    const std::uint16_t alone = grader.fresh_port();
    Program simple = grader.start(with_ports({alone}));
    expect_listens_on(grader, simple, alone);

    grader.check("it ends on SIGTERM and at the end of its input with status 0", "status 0", "Run it");
    end(grader, simple);
    Program again = grader.start(with_ports({alone}));
    expect_listens_on(grader, again, alone);
    again.close_input();
    const int at_end = again.exit_status();
    grader.expect(at_end == 0, "at the end of its input it ended with " + status_in_words(at_end));

    grader.check("it goes on after a refusal", taken, "The program");
    const auto [busy, free] = two_ports(grader);
    const Client holder = grader.listen("127.0.0.1", busy);
    Program second = grader.start(with_ports({busy, free}));
    expect_listens_on(grader, second, free);

    grader.check("it says who was refused, and why",
                 "for each refused candidate one line on standard error, with 127.0.0.1:PORT and the kernel's reason",
                 "The program");
    end(grader, second);
    expect_refusal(grader, second, busy, EADDRINUSE);
    grader.expect(complaints_about(free, second).empty(),
                  "port " + std::to_string(free) + " was free, and standard error names it");

    grader.check("it takes the first candidate that it can have", taken + ", in the order of the arguments", "Run it");
    const auto [low, high] = two_ports(grader);
    for (const auto& candidates : {std::vector<unsigned>{low, high}, {high, low}}) {
        Program chooser = grader.start(with_ports({busy, candidates[0], candidates[1]}));
        expect_listens_on(grader, chooser, candidates[0]);
        end(grader, chooser);
    }

    grader.check("a port that is bound is taken, too, when nobody listens there",
                 "the next candidate, and a line about the bound one", "What the kernel did");
    const std::uint16_t bound = grader.fresh_port();
    const support::Client owner = support::bound_socket("127.0.0.1", bound);
    grader.did("bound 127.0.0.1:" + std::to_string(bound) + ", without listening");
    Program third = grader.start(with_ports({bound, free}));
    expect_listens_on(grader, third, free);
    end(grader, third);
    expect_refusal(grader, third, bound, EADDRINUSE);

    grader.check("it shares a port with nobody",
                 "the next candidate, also where the holder has set SO_REUSEPORT and would share",
                 "What the kernel did");
    const std::uint16_t shared = grader.fresh_port();
    const support::Client willing = willing_listener(shared);
    grader.did("listened on 127.0.0.1:" + std::to_string(shared) + " with SO_REUSEPORT");
    Program fourth = grader.start(with_ports({shared, free}));
    expect_listens_on(grader, fourth, free);
    end(grader, fourth);

    grader.check("it goes on after any refusal, and gives the reason of each",
                 "a port that it may not bind is refused with EACCES: a line with that reason, and the next candidate",
                 "The program");
    if (const unsigned first_allowed = first_unprivileged_port(); first_allowed > 1) {
        const unsigned forbidden = grader.draw(1, std::min(first_allowed, 1024U) - 1);
        grader.did("without the privilege to bind ports below " + std::to_string(first_allowed) + ":");
        Program fifth = grader.start(with_ports({forbidden, busy, free}, Lacking::low_ports));
        expect_listens_on(grader, fifth, free);
        end(grader, fifth);
        expect_refusal(grader, fifth, forbidden, EACCES);
        expect_refusal(grader, fifth, busy, EADDRINUSE);
    } else {
        grader.not_here("on this machine everybody may bind every port");
    }

    grader.check("it reports the port that it has got", "with the candidate 0, the port that the kernel chose",
                 "Run it");
    Program any = grader.start(with_ports({busy, 0}));
    const Address says = any.ready(), has = any.listener().local;
    grader.expect(says == has, "it says " + to_string(says) + ", and listens on " + to_string(has));

    grader.check("where every candidate is refused, it ends with status 1",
                 "status 1, no ready line, and a line on standard error for each candidate", "The program");
    Program refused = grader.start(with_ports({busy, bound}));
    const auto lines = refused.lines_to_the_end();
    const int status = refused.exit_status();
    grader.expect(status == 1, "it ended with " + status_in_words(status));
    grader.expect(lines.empty(), "it printed " + in_quotes(refused.printed()));
    expect_refusal(grader, refused, busy, EADDRINUSE);
    expect_refusal(grader, refused, bound, EADDRINUSE);

    grader.check("an argument that is no port stops it", "status 78, and a message on standard error",
                 "What goes wrong");
    const std::vector<std::vector<std::string>> mistakes{{"http"}, {"70000"}, {"80x"}, {"-1"}, {""}, {}};
    for (const auto& arguments : mistakes) {
        Program stopped = grader.start({.arguments = arguments});
        const int how = stopped.exit_status();
        grader.expect(how == 78, "with " +
                                     (arguments.empty() ? "no argument" : "the argument " + in_quotes(arguments[0])) +
                                     " it ended with " + status_in_words(how));
        grader.expect(!stopped.complained().empty(), "it said nothing on standard error");
    }

    grader.check("it reads every argument before it opens a socket",
                 "status 78, also where a free port stands before the wrong argument", "What goes wrong");
    grader.did("a program that asks for a socket is killed from here on:");
    Program early = grader.start({.arguments = {std::to_string(free), "70000"}, .lacking = Lacking::sockets});
    const int how = early.exit_status();
    grader.expect(how == 78, "it ended with " + status_in_words(how));
}
