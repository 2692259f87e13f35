#include "tools/harness/network.hpp"
#include "tools/harness/wait.hpp"
#include "tools/judge/demands.hpp"

#include <cerrno>
#include <fstream>
#include <poll.h>

using namespace grader;

namespace {

const std::string in_use = "Address already in use", exercise = "Exercises";

Launch at(const Address& address, Lacking lacking = Lacking::nothing) {
    return {.environment = {{"HOST", address.ip}, {"PORT", std::to_string(address.port)}}, .lacking = lacking};
}

// The reason, and no other.
void expect_only_reason(Grader& grader, const Program& program, int error) {
    expect_reason(grader, program, error);
    for (const int other : {EADDRINUSE, EADDRNOTAVAIL, EACCES})
        grader.expect(other == error || !gives(program.complained(), other),
                      "it says " + in_quotes(program.complained()) + " on standard error");
}

// All that a refusal must be, in one check.
void expect_refusal(Grader& grader, Program program, const Address& wanted, int error) {
    const int status = program.exit_status();
    grader.expect(status == 1, "it ended with " + status_in_words(status));
    grader.expect(program.printed().empty(), "it printed " + in_quotes(program.printed()) + " on standard output");
    grader.expect(names(program.complained(), wanted),
                  "it says " + in_quotes(program.complained()) + " on standard error, without " + to_string(wanted));
    expect_only_reason(grader, program, error);
}

// Starts it at that address, and expects that it listens there and says so.
Program expect_listening(Grader& grader, const Address& wanted, Lacking lacking = Lacking::nothing) {
    Program program = grader.start(at(wanted, lacking));
    const Address says = program.ready(), has = program.listener().local;
    grader.expect(has == wanted,
                  "it listens on " + to_string(has) + ", and was told to listen on " + to_string(wanted));
    grader.expect(says == wanted, "it says " + to_string(says));
    expect_ready_line(grader, program, says);
    return program;
}

} // namespace

void grader::judge(Grader& grader) {
    grader.check("it says where it listens",
                 "with PORT=0, the line \"listening on 127.0.0.1:PORT\" with the port of its "
                 "listener in the kernel's table",
                 "What if any number will do?");
    Program free = grader.start(at({"127.0.0.1", 0}));
    const Address says = free.ready();
    const Address has = free.listener().local;
    grader.expect(says == has, "it says " + to_string(says) + ", and the kernel says " + to_string(has));

    grader.check("it listens where it is told to", "a listener at HOST and PORT, and the line that says so and no more",
                 "What do you do with a no?");
    const bool has_second = support::bound_socket("127.0.0.2").error() == 0; // as Linux has
    for (const std::string ip : {has_second ? "127.0.0.2" : "0.0.0.0", "127.0.0.1"})
        expect_listening(grader, {ip, grader.fresh_port()});

    check_endings(grader, at({"127.0.0.1", 0}), exercise);

    grader.check("it ends when it is refused", "if its port is taken, it ends; it listens nowhere else",
                 "What if nobody reads the answer?");
    grader.new_scene();
    const Client holder = grader.listen("127.0.0.1");
    const Address taken = holder.local();
    Program refused = grader.start(at(taken));
    const int status = refused.exit_status();

    grader.check("the status of a refusal is 1", "status 1: refused at run time", in_use);
    grader.expect(status == 1, "it ended with " + status_in_words(status));

    grader.check("it prints nothing on standard output when it is refused",
                 "no line on standard output, which is for results; the complaint is on standard error", in_use);
    grader.expect(refused.printed().empty(), "it printed " + in_quotes(refused.printed()));

    grader.check("it names the address and the port", "on standard error, the words \"" + to_string(taken) + "\"",
                 in_use);
    grader.expect(names(refused.complained(), taken),
                  "it says " + in_quotes(refused.complained()) + " on standard error");

    grader.check("it gives the reason",
                 "on standard error, the system's words \"Address already in use\", and no other reason", in_use);
    expect_only_reason(grader, refused, EADDRINUSE);

    grader.check("a port that is bound and does not listen is taken as well",
                 "status 1, and on standard error the address, the port and \"Address already in use\"",
                 "Why is the display still dark?");
    grader.new_scene();
    const support::Client silent = support::bound_socket("127.0.0.1");
    grader.did("bound a socket to " + to_string(silent.local()) + ", which does not listen");
    expect_refusal(grader, grader.start(at(silent.local())), silent.local(), EADDRINUSE);

    grader.check("it asks for the port, and nobody else",
                 "no client in the queue of who has the port: bind says whether it can be had", in_use);
    grader.new_scene();
    grader.start(at(taken)).exit_status();
    pollfd queue{holder.descriptor(), POLLIN, 0};
    grader.expect(::poll(&queue, 1, 0) == 0, "the socket that has the port got a connection");

    grader.check("every address overlaps each", "with HOST=0.0.0.0, status 1 if somebody has the port on 127.0.0.1",
                 in_use);
    grader.new_scene();
    const Address everywhere{"0.0.0.0", silent.local().port};
    expect_refusal(grader, grader.start(at(everywhere)), everywhere, EADDRINUSE);

    grader.check("it listens if the system lets it",
                 "beside a UDP socket with the same number, and beside the same number on 127.0.0.2",
                 "What exactly is yours?");
    {
        grader.new_scene();
        const support::Client other = support::bound_socket("127.0.0.2", grader.fresh_port());
        const support::Client datagrams = support::udp_socket("127.0.0.1", other.local().port);
        if (other.error() == 0 && datagrams.error() == 0) {
            grader.did("bound a TCP socket to " + to_string(other.local()) + ", and a UDP socket to " +
                       to_string(datagrams.local()));
            expect_listening(grader, datagrams.local());
        }
    }

    const std::string foreign = "192.0.2." + std::to_string(grader.draw(1, 254));
    if (support::bound_socket(foreign).error() == EADDRNOTAVAIL) {
        grader.check("it tells an address that is not there from a port in use",
                     "status 1, and on standard error the address, the port and \"Cannot assign requested address\"",
                     "Cannot assign requested address");
        grader.new_scene();
        const Address elsewhere{foreign, grader.fresh_port()};
        expect_refusal(grader, grader.start(at(elsewhere)), elsewhere, EADDRNOTAVAIL);
    }

    grader.check("it tells a port that it may not have from one in use",
                 "status 1, and on standard error the address, the port and \"Permission denied\"; and if the system "
                 "gives the port to everybody, it listens there",
                 "Permission denied");
    grader.where_possible([&] {
        grader.new_scene();
        unsigned first_allowed = 1024;
        const auto low_port = [&](unsigned low, unsigned high) {
            return Address{"127.0.0.1", static_cast<std::uint16_t>(grader.draw(low, high))};
        };
        try {
            const char* const setting = "net/ipv4/ip_unprivileged_port_start";
            support::set_sysctl(setting, "512");
            grader.did("made sure that ports below 512 need a privilege, and those from 512 none");
            expect_listening(grader, low_port(512, 1023), Lacking::low_ports);
            grader.new_scene();
            support::set_sysctl(setting, "1024");
        } catch (const support::LeftOut&) { // a network that is not the grader's alone: as it is set there
            std::ifstream{"/proc/sys/net/ipv4/ip_unprivileged_port_start"} >> first_allowed;
        }
        if (first_allowed < 2)
            support::leave_out("every port is allowed to everybody here");
        const Address privileged = low_port(1, first_allowed - 1);
        grader.did("made sure that ports below " + std::to_string(first_allowed) + " need a privilege");
        expect_refusal(grader, grader.start(at(privileged, Lacking::low_ports)), privileged, EACCES);
    });

    grader.check("it does the same over IPv6", "the line \"listening on [::1]:PORT\", or the refusal at [::1]:PORT",
                 "In how many ways can bind say no?");
    grader.where_possible([&] {
        support::need_ipv6();
        grader.new_scene();
        expect_listening(grader, {"::1", grader.fresh_port()});
        const Client six = grader.listen("::1");
        expect_refusal(grader, grader.start(at(six.local())), six.local(), EADDRINUSE);
    });

    grader.check("a setting that is wrong is still one",
                 "status 78, nothing on standard output and a complaint, as in the program that is to be repaired",
                 exercise);
    for (const auto& [name, value] : {std::pair{"PORT", "80abc"}, {"PORT", "70000"}, {"HOST", "localhost:80"}}) {
        grader.new_scene();
        Program program = grader.start({.environment = {{name, value}}});
        const int end = program.exit_status();
        grader.expect(end == 78 && program.printed().empty() && !program.complained().empty(),
                      "it ended with " + status_in_words(end) + ", printed " + in_quotes(program.printed()) +
                          ", and said " + in_quotes(program.complained()) + " on standard error");
    }
    grader.check_refusal();
}
