#include "tests/support/grader.hpp"
#include "tests/support/network.hpp"
#include "tests/support/wait.hpp"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <fstream>

using namespace grader;

namespace {

const std::string in_use = "Somebody has the port: `EADDRINUSE`.";

Launch at(const std::string& host, std::uint16_t port, Lacking lacking = Lacking::nothing) {
    return {.environment = {{"HOST", host}, {"PORT", std::to_string(port)}}, .lacking = lacking};
}

void expect_reason(Grader& grader, const Program& program, int error) {
    const std::string says = "it says " + in_quotes(program.complained()) + " on standard error";
    grader.expect(gives(program.complained(), error), says);
    for (const int other : {EADDRINUSE, EADDRNOTAVAIL, EACCES})
        grader.expect(other == error || !gives(program.complained(), other), says);
}

// All that a refusal must be, in one check.
void expect_refusal(Grader& grader, Program program, const Address& wanted, int error) {
    const int status = program.exit_status();
    grader.expect(status == 1, "it ended with " + status_in_words(status));
    grader.expect(program.printed().empty(), "it printed " + in_quotes(program.printed()) + " on standard output");
    grader.expect(program.complained().find(to_string(wanted)) != std::string::npos,
                  "it says " + in_quotes(program.complained()) + " on standard error, without " + to_string(wanted));
    expect_reason(grader, program, error);
}

} // namespace

void grader::judge(Grader& grader) {
    grader.check("it says where it listens",
                 "with PORT=0, the line \"listening on 127.0.0.1:PORT\" with the port of its "
                 "listener in the kernel's table",
                 "The program");
    Program free = grader.start(at("127.0.0.1", 0));
    const Address says = free.ready();
    const Address has = free.listener().local;
    grader.expect(says == has, "it says " + to_string(says) + ", and the kernel says " + to_string(has));

    const Address everywhere{"0.0.0.0", grader.fresh_port()};
    grader.check("it listens where it is told to", "a listener at HOST and PORT, and the line that says so",
                 "The program");
    Program told = grader.start(at(everywhere.ip, everywhere.port));
    const Address says_too = told.ready();
    const Address has_too = told.listener().local;
    grader.expect(has_too == everywhere,
                  "it listens on " + to_string(has_too) + ", and was told to listen on " + to_string(everywhere));
    grader.expect(says_too == everywhere, "it says " + to_string(says_too));

    grader.check("it ends on SIGTERM with status 0", "status 0, where nothing was refused",
                 "Exercise 2.3: explain a refusal");
    free.send_signal(SIGTERM);
    const int well = free.exit_status();
    grader.expect(well == 0, "it ended with " + status_in_words(well));

    grader.check("it ends when it is refused", "where its port is taken, it ends; it listens nowhere else",
                 "Nobody looks at the error");
    const Client holder = grader.listen("127.0.0.1");
    const Address taken = holder.local();
    Program refused = grader.start(at(taken.ip, taken.port));
    const int status = refused.exit_status();

    grader.check("the status of a refusal is 1", "status 1: refused at run time", in_use);
    grader.expect(status == 1, "it ended with " + status_in_words(status));

    grader.check("it prints nothing on standard output when it is refused",
                 "no line on standard output, which is for results; the complaint is on standard error", in_use);
    grader.expect(refused.printed().empty(), "it printed " + in_quotes(refused.printed()));

    grader.check("it names the address and the port", "on standard error, the words \"" + to_string(taken) + "\"",
                 in_use);
    grader.expect(refused.complained().find(to_string(taken)) != std::string::npos,
                  "it says " + in_quotes(refused.complained()) + " on standard error");

    grader.check("it gives the reason",
                 "on standard error, the system's words \"Address already in use\", and no other reason", in_use);
    expect_reason(grader, refused, EADDRINUSE);

    grader.check("a port that is bound and does not listen is taken as well",
                 "status 1, and on standard error the address, the port and \"Address already in use\"",
                 "Nobody looks at the error");
    grader.new_scene();
    const support::Client silent = support::bound_socket("127.0.0.1");
    grader.did("bound a socket to " + to_string(silent.local()) + ", which does not listen");
    expect_refusal(grader, grader.start(at(silent.local().ip, silent.local().port)), silent.local(), EADDRINUSE);

    const std::string foreign = "192.0.2." + std::to_string(grader.draw(1, 254));
    if (support::bound_socket(foreign).error() == EADDRNOTAVAIL) {
        grader.check("it tells an address that is not there from a port in use",
                     "status 1, and on standard error the address, the port and \"Cannot assign requested address\"",
                     "The address is not ours: `EADDRNOTAVAIL`.");
        grader.new_scene();
        const Address elsewhere{foreign, grader.fresh_port()};
        expect_refusal(grader, grader.start(at(elsewhere.ip, elsewhere.port)), elsewhere, EADDRNOTAVAIL);
    }

    grader.check("it tells a port that it may not have from one in use",
                 "status 1, and on standard error the address, the port and \"Permission denied\"",
                 "A privileged port: `EACCES`.");
    grader.where_possible([&] {
        grader.new_scene();
        unsigned first_allowed = 1024;
        try {
            support::set_sysctl("net/ipv4/ip_unprivileged_port_start", "1024");
        } catch (const support::LeftOut&) { // a network that is not the grader's alone: as it is set there
            std::ifstream{"/proc/sys/net/ipv4/ip_unprivileged_port_start"} >> first_allowed;
        }
        if (first_allowed < 2)
            support::leave_out("every port is allowed to everybody here");
        const Address privileged{"127.0.0.1", static_cast<std::uint16_t>(grader.draw(1, first_allowed - 1))};
        grader.did("made sure that ports below " + std::to_string(first_allowed) + " need a privilege");
        expect_refusal(grader, grader.start(at(privileged.ip, privileged.port, Lacking::low_ports)), privileged,
                       EACCES);
    });
    grader.check_refusal();
}
