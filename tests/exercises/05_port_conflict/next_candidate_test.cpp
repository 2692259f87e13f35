#include "tools/harness/network.hpp"
#include "tools/harness/wait.hpp"
#include "tools/judge/demands.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <cerrno>
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

Address at(unsigned port) { return {"127.0.0.1", static_cast<std::uint16_t>(port)}; }

// The lines on standard error that name 127.0.0.1:PORT.
std::vector<std::string> complaints_about(unsigned port, const Program& program) {
    std::vector<std::string> lines;
    std::istringstream text{program.complained()};
    for (std::string line; std::getline(text, line);)
        if (names(line, at(port)))
            lines.push_back(line);
    return lines;
}

// What standard error says when the program has ended: a line for each refused candidate, and of the others none.
void expect_complaints(Grader& grader, const Program& program, const std::vector<std::pair<unsigned, int>>& refused,
                       const std::vector<unsigned>& not_refused = {}) {
    for (const auto& [port, error] : refused) {
        const auto lines = complaints_about(port, program);
        const std::string address = to_string(at(port));
        grader.expect(!lines.empty(), "no line on standard error has " + address);
        grader.expect(lines.size() == 1, std::to_string(lines.size()) + " lines on standard error have " + address +
                                             "; the second is " + in_quotes(lines.back()));
        const std::string says = "the line about " + address + " is " + in_quotes(lines.front());
        grader.expect(gives(lines.front(), error), says + ", and the kernel's answer was " + in_words(error));
        for (const auto& [other, another_error] : refused)
            grader.expect(other == port || !names(lines.front(), at(other)), says + ", and it is about two");
    }
    for (const unsigned port : not_refused)
        grader.expect(complaints_about(port, program).empty(),
                      to_string(at(port)) + " was not refused, and standard error names it");
}

void expect_listens_on(Grader& grader, Program& program, unsigned port) {
    const Address wanted = at(port), says = program.ready(), has = program.listener().local;
    grader.expect(has == wanted, "it listens on " + to_string(has) + ", and the first candidate that can be had is " +
                                     to_string(wanted));
    grader.expect(says == has, "it says " + to_string(says) + ", and listens on " + to_string(has));
}

// The lower one first.
std::pair<std::uint16_t, std::uint16_t> two_ports(Grader& grader) {
    const std::uint16_t one = grader.fresh_port(), other = grader.fresh_port();
    return std::minmax({one, other});
}

// From which port on ordinary programs may bind; it is set if the network is the grader's own. ip(7).
unsigned first_unprivileged_port(Grader& grader, unsigned wanted) {
    if (grader.alone())
        support::set_sysctl("net/ipv4/ip_unprivileged_port_start", std::to_string(wanted));
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
                 "the line \"listening on 127.0.0.1:PORT\", and one listening socket with this address", "Exercises");
    const std::uint16_t alone = grader.fresh_port();
    Program simple = grader.start(with_ports({alone}));
    expect_listens_on(grader, simple, alone);

    check_ready_line(grader, with_ports({grader.fresh_port()}), "Exercises");

    grader.check("it serves until it is told to end", "it listens on when clients have come and gone", "Exercises");
    grader.try_to_connect(at(alone));
    simple.expect_running();
    for (const Leaving how : all_leave) {
        Client client = grader.connect(at(alone));
        leave(client, how);
    }
    grader.expect(simple.listener().local == at(alone), "it does not listen on " + to_string(at(alone)) + " any more");

    check_endings(grader, with_ports({grader.fresh_port()}), "Exercises");

    grader.check("it goes on after a refusal", taken, "Which addresses are in each other's way?");
    const auto [busy, free] = two_ports(grader);
    const Client holder = grader.listen("127.0.0.1", busy);
    Program second = grader.start(with_ports({busy, free}));
    expect_listens_on(grader, second, free);

    grader.check("it prints one line", "the ready line alone on standard output, also when candidates were refused",
                 "Exercises");
    end(grader, simple, Ending::enter);
    end(grader, second, Ending::enter);
    expect_output(grader, simple, {"listening on " + to_string(at(alone))});
    expect_output(grader, second, {"listening on " + to_string(at(free))});

    grader.check("it says who was refused, and why",
                 "for each refused candidate one line on standard error, with 127.0.0.1:PORT and the kernel's reason",
                 "Which addresses are in each other's way?");
    expect_complaints(grader, second, {{busy, EADDRINUSE}}, {free});
    expect_complaints(grader, simple, {}, {alone});

    grader.check("it takes the first candidate that it can have",
                 taken + ", in the order of the arguments; standard error names none of those after it", "Exercises");
    const auto [low, high] = two_ports(grader);
    for (const auto& candidates : {std::vector<unsigned>{low, high}, {high, low}}) {
        Program chooser = grader.start(with_ports({busy, candidates[0], candidates[1]}));
        expect_listens_on(grader, chooser, candidates[0]);
        end(grader, chooser, Ending::sigterm);
        expect_complaints(grader, chooser, {{busy, EADDRINUSE}}, {low, high});
    }

    grader.check("a port that is bound is taken, too, when nobody listens there",
                 "the next candidate, and a line about the bound one", "Which addresses are in each other's way?");
    const std::uint16_t bound = grader.fresh_port();
    const support::Client silent = support::bound_socket("127.0.0.1", bound);
    grader.did("bound port " + std::to_string(bound) + " of 127.0.0.1, and does not listen there");
    Program third = grader.start(with_ports({bound, free}));
    expect_listens_on(grader, third, free);
    end(grader, third, Ending::sigterm);
    expect_complaints(grader, third, {{bound, EADDRINUSE}}, {free});

    grader.check("it shares a port with nobody",
                 "the next candidate, also if the holder has set SO_REUSEPORT and would share",
                 "When may two sockets have one port?");
    const std::uint16_t shared = grader.fresh_port();
    const support::Client willing = willing_listener(shared);
    grader.did("listened on 127.0.0.1:" + std::to_string(shared) + " with SO_REUSEPORT");
    Program fourth = grader.start(with_ports({shared, free}));
    expect_listens_on(grader, fourth, free);
    end(grader, fourth, Ending::sigterm);

    grader.check("it takes a port that another address has",
                 "the first candidate, which somebody has on 127.0.0.2, and somebody for UDP, but nobody for TCP on "
                 "127.0.0.1",
                 "Which addresses are in each other's way?");
    const std::uint16_t aside = grader.fresh_port();
    const Client neighbour = grader.listen("127.0.0.2", aside);
    const support::Client datagrams = support::udp_socket("127.0.0.1", aside);
    grader.did("bound a UDP socket to " + to_string(datagrams.local()));
    Program beside = grader.start(with_ports({aside, free}));
    expect_listens_on(grader, beside, aside);
    end(grader, beside, Ending::sigterm);

    grader.check("it goes on after any refusal, and gives the reason of each",
                 "a port that it may not bind is refused with EACCES: a line with that reason, and the next candidate",
                 "Which addresses are in each other's way?");
    const unsigned first_allowed = first_unprivileged_port(grader, 1024);
    const unsigned forbidden = grader.draw(1, std::min(std::max(first_allowed, 2U), 1024U) - 1);
    if (first_allowed > 1) {
        grader.did("without the privilege to bind ports below " + std::to_string(first_allowed) + ":");
        Program fifth = grader.start(with_ports({forbidden, busy, free}, Lacking::low_ports));
        expect_listens_on(grader, fifth, free);
        end(grader, fifth, Ending::sigterm);
        expect_complaints(grader, fifth, {{forbidden, EACCES}, {busy, EADDRINUSE}}, {free});
    } else {
        grader.not_here("on this machine everybody may bind every port");
    }

    grader.check("it asks the kernel what is refused",
                 "the first candidate, a port below 1024 that everybody may bind here",
                 "Which addresses are in each other's way?");
    if (grader.alone() && first_unprivileged_port(grader, 0) == 0) {
        grader.did("made every port one that everybody may bind:");
        Program privileged = grader.start(with_ports({forbidden, free}));
        expect_listens_on(grader, privileged, forbidden);
        end(grader, privileged, Ending::sigterm);
    } else {
        grader.not_here("a network of the grader's own, where everybody may bind every port");
    }

    grader.check("it tries as many candidates as there are", taken + ", after hundreds that are refused", "Exercises");
    std::vector<unsigned> many;
    std::vector<support::Client> holders;
    grader.as_one_step("bound " + std::to_string(hundreds) + " ports", [&, free = free] {
        for (unsigned port = free + 1U; many.size() < hundreds; port = port < 65535 ? port + 1 : 1024)
            if (support::Client socket = support::bound_socket("127.0.0.1", static_cast<std::uint16_t>(port));
                socket.error() == 0 && port != free) {
                many.push_back(port);
                holders.push_back(std::move(socket));
            }
    });
    many.push_back(free);
    Program patient = grader.start(with_ports(many));
    expect_listens_on(grader, patient, free);
    end(grader, patient, Ending::sigterm);
    expect_complaints(grader, patient, {{many.front(), EADDRINUSE}, {many[hundreds - 1], EADDRINUSE}});

    grader.check("it reports the port that it has got", "with the candidate 0, the port that the kernel chose",
                 "Exercises");
    Program any = grader.start(with_ports({busy, 0, free}));
    const Address says = any.ready(), got = any.listener().local;
    grader.expect(says == got, "it says " + to_string(says) + ", and listens on " + to_string(got));
    grader.expect(got.port != free, "it listens on " + to_string(got) + ", and the candidate before is 0");

    grader.check("if every candidate is refused, it ends with status 1",
                 "status 1, no line on standard output, and a line on standard error for each candidate",
                 "Which addresses are in each other's way?");
    Program refused = grader.start(with_ports({busy, bound}));
    expect_failure(grader, refused);
    expect_complaints(grader, refused, {{busy, EADDRINUSE}, {bound, EADDRINUSE}});

    grader.check("an argument that is no port stops it",
                 "status 78, nothing on standard output and a message on standard error", "Exercises");
    std::vector<std::vector<std::string>> mistakes{{}};
    for (const std::string text : {"http", "70000", "80x", "-1", ""})
        mistakes.push_back(mistakes.size() % 2 == 1 ? std::vector{text} : std::vector{text, std::to_string(free)});
    for (const auto& arguments : mistakes) {
        Program stopped = grader.start({.arguments = arguments});
        const auto lines = stopped.line_or_end("listening on ");
        grader.expect(!lines, "it listens, although one of its arguments is no port");
        const int how = stopped.exit_status();
        grader.expect(how == 78, "it ended with " + status_in_words(how));
        grader.expect(!stopped.complained().empty(), "it said nothing on standard error");
    }

    grader.check("it reads every argument before it opens a socket",
                 "status 78, also if a free port stands before the wrong argument", "Exercises");
    grader.did("a program that asks for a socket is killed from here on:");
    Program early = grader.start({.arguments = {std::to_string(free), "70000"}, .lacking = Lacking::sockets});
    const int how = early.exit_status();
    grader.expect(how == 78, "it ended with " + status_in_words(how));
}
