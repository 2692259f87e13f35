#include "tools/harness/network.hpp"
#include "tools/harness/wait.hpp"
#include "tools/judge/demands.hpp"

#include <cerrno>
#include <chrono>
#include <poll.h>
#include <utility>

using namespace grader;

namespace {

// A listener that answers nobody: its queue has room for one, and the one is there.
class Silent {
  public:
    Silent(Grader& grader, const std::string& ip, std::uint16_t port)
        : listener_{support::listening_socket(ip, port, 0)}, only_{support::connect_to({ip, port})} {
        if (listener_.error() != 0 || only_.error() != 0)
            support::leave_out("the grader cannot listen on " + ip);
        grader.did("listened on " + to_string(Address{ip, port}) + " and filled the queue: who calls is not answered");
    }
    void make_room() { listener_.accept(); }

  private:
    support::Client listener_, only_;
};

Launch calls(std::uint16_t port, std::vector<std::string> ips) {
    ips.insert(ips.begin(), std::to_string(port));
    return {.arguments = std::move(ips)};
}

void must_say(Grader& grader, Program& program, const Address& server) {
    const std::string line = program.line();
    grader.expect(line == "connected to " + to_string(server), "it printed " + in_quotes(line));
}

bool was_called(const Client& listener) {
    pollfd queue{listener.descriptor(), POLLIN, 0};
    return ::poll(&queue, 1, 0) == 1;
}

bool waits_for(const Program& program, const Address& server) {
    return support::eventually([&] {
        for (const SocketRow& row : program.sockets(Protocol::tcp))
            if (row.state == "SYN-SENT" && row.peer == server)
                return true;
        return false;
    });
}

} // namespace

void grader::judge(Grader& grader) {
    const std::string section = "What if the first address is silent?", exercise = "Exercises",
                      first = "127.0.0." + std::to_string(grader.draw(2, 120)),
                      second = "127.0.0." + std::to_string(grader.draw(121, 250));
    const auto line = [](const std::string& ip) { return "the line \"connected to " + ip + ":PORT\""; };

    grader.check("it says which address has answered", line(first), section);
    {
        const Client server = grader.listen(first);
        Program program = grader.start(calls(server.local().port, {first}));
        must_say(grader, program, server.local());
    }

    grader.check("it ends when the server closes the connection", "status 0, after the server has sent something",
                 exercise);
    {
        grader.new_scene();
        Client server = grader.listen(first);
        Program program = grader.start(calls(server.local().port, {first}));
        must_say(grader, program, server.local());
        {
            Client connection = server.accept();
            program.expect_running();
            connection.send("hello\n");
            program.settle();
            program.expect_running();
        }
        const int status = program.exit_status();
        grader.expect(status == 0, "it ended with " + status_in_words(status));
    }

    grader.check("it calls in the order of the addresses", line(first) + ", and nobody calls the other address",
                 section);
    for (const auto& [winner, other] : {std::pair{first, second}, {second, first}}) {
        grader.new_scene();
        const Client one = grader.listen(winner);
        const Client two = grader.listen(other, one.local().port);
        Program program = grader.start(calls(one.local().port, {winner, other}));
        must_say(grader, program, one.local());
        program.settle();
        grader.expect(!was_called(two), other + " was called as well");
    }

    grader.check("it goes on after a refusal", line(second) + ", although the first address refuses", section);
    {
        grader.new_scene();
        const Client server = grader.listen(second);
        Program program = grader.start(calls(server.local().port, {first, "127.0.0.1", second}));
        must_say(grader, program, server.local());
    }

    grader.check("it does not wait for a silent address", line(second) + ", although the first address is silent",
                 section);
    {
        grader.new_scene();
        const Client server = grader.listen(second);
        const Silent silent{grader, first, server.local().port};
        const auto start = std::chrono::steady_clock::now();
        Program program = grader.start(calls(server.local().port, {first, second}));
        must_say(grader, program, server.local());

        grader.check("it gives each address a quarter of a second",
                     "250 ms or more before the second address is called, since the first one is silent", section);
        grader.expect(std::chrono::steady_clock::now() - start >= std::chrono::milliseconds{250},
                      "it was connected to the second address before 250 ms had passed");

        grader.check("it closes the other sockets", "one socket, its connection", section);
        expect_sockets(grader, program, 1, "it is connected, and");
    }

    grader.check(
        "a silent address can still win",
        line(first) +
            ", once there is room in its queue, although the second address has refused and the third is silent",
        section);
    {
        grader.new_scene();
        const std::uint16_t port = grader.fresh_port();
        Silent silent{grader, first, port};
        const std::string third = "127.0.1." + std::to_string(grader.draw(1, 250));
        const Silent last{grader, third, port};
        Program program = grader.start(calls(port, {first, second, third}));
        grader.expect(waits_for(program, {third, port}), "it does not call " + third);
        grader.did("saw its call to " + third + ", which is silent as well; " + second + " has refused");
        program.expect_running();
        silent.make_room();
        grader.did("made room in the queue; the kernel repeats the SYN");
        auto* const hopeless = std::exchange(support::hopeless, nullptr); // a clock of the kernel's wakes the program
        must_say(grader, program, {first, port});
        support::hopeless = hopeless;
    }

    grader.check("it calls addresses of both families", "\"connected to [::1]:PORT\", although 127.0.0.1 refuses",
                 section);
    grader.where_possible([&] {
        support::need_ipv6();
        grader.new_scene();
        const Client server = grader.listen("::1");
        Program program = grader.start(calls(server.local().port, {first, "::1"}));
        must_say(grader, program, server.local());
    });

    grader.check("it fails if nobody answers",
                 "status 1, nothing on standard output, and \"Connection refused\" on standard error", section);
    {
        grader.new_scene();
        Program program = grader.start(calls(grader.fresh_port(), {first, second}));
        expect_failure(grader, program);
        expect_reason(grader, program, ECONNREFUSED);
    }

    grader.check("an argument that is wrong stops it", "status 78, nothing on standard output, and a message",
                 exercise);
    for (const auto& arguments :
         std::vector<std::vector<std::string>>{{"http", first}, {"70000", first}, {"80", "roof"}, {"80"}, {}}) {
        grader.new_scene();
        Program program = grader.start({.arguments = arguments});
        const int status = program.exit_status();
        grader.expect(status == 78 && program.printed().empty() && !program.complained().empty(),
                      "it ended with " + status_in_words(status) + ", printed " + in_quotes(program.printed()) +
                          ", and said " + in_quotes(program.complained()));
    }
}
