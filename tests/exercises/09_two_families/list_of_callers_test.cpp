#include "tools/harness/network.hpp"
#include "tools/harness/wait.hpp"
#include "tools/judge/demands.hpp"

using namespace grader;

namespace {

Launch with(const std::string& allow, std::uint16_t port, const std::string& host = "") {
    Launch launch{.environment = {{"ALLOW", allow}, {"PORT", std::to_string(port)}}};
    if (!host.empty())
        launch.environment["HOST"] = host;
    return launch;
}

void must_get(Grader& grader, Client caller, const std::string& text) {
    const Address from = caller.local();
    const std::string got = caller.read_to_end();
    grader.expect(got == text, "the caller from " + from.ip + " got " + in_quotes(got) + ", and then the end");
}

} // namespace

void grader::judge(Grader& grader) {
    support::need_ipv6();
    const std::string section = "What do you see of an IPv4 caller?", table = "Which listener takes whom?",
                      exercise = "Exercises";
    const std::string welcome = "welcome\n";
    // All of 127.0.0.0/8 is this machine's. The last number is at least 10 here, so that half of it is a number as
    // well.
    const std::string network = "127." + std::to_string(grader.draw(1, 250)) + ".7.";
    const unsigned last = grader.draw(10, 24);
    const std::string friend_ip = network + std::to_string(last), near = network + std::to_string(last * 10),
                      shorter = network + std::to_string(last / 10);

    grader.check("it says where it listens", "without HOST, the line \"listening on [::]:PORT\", which is true", table);
    try {
        support::set_sysctl("net/ipv6/bindv6only", "1");
        grader.did("set net.ipv6.bindv6only to 1, as some systems have it");
    } catch (const support::LeftOut& reason) {
        grader.not_here(std::string{"a system with net.ipv6.bindv6only=1: "} + reason.what());
    }
    const std::uint16_t port = grader.fresh_port();
    Program program = grader.start(with("::1," + friend_ip, port));
    const Address says = program.ready(), listens = program.listener().local;
    grader.expect(says == Address{"::", port} && listens == says,
                  "it says " + to_string(says) + ", and listens on " + to_string(listens));

    grader.check("it takes both families", "a connection to 127.0.0.1, although bindv6only is 1", table);
    const int over_ipv4 = grader.try_to_connect({"127.0.0.1", port});
    grader.expect(over_ipv4 == 0, "the caller got " + in_words(over_ipv4));

    grader.check("it lets in an IPv6 caller of the list", "the line \"welcome\", and the end of the stream", section);
    must_get(grader, grader.connect({"::1", port}), welcome);

    grader.check("it lets in an IPv4 caller of the list",
                 "the line \"welcome\", and the end of the stream, for the caller from " + friend_ip, section);
    must_get(grader, grader.connect({"127.0.0.1", port}, {friend_ip, 0}), welcome);

    grader.check("it lets in nobody else", "nothing but the end of the stream, for a caller who is not in the list",
                 section);
    for (const std::string& ip : {std::string{"127.0.0.1"}, near, shorter})
        must_get(grader, grader.connect({"127.0.0.1", port}, {ip, 0}), "");
    const std::uint16_t other_port = grader.fresh_port();
    Program four_only = grader.start(with(near, other_port));
    four_only.ready();
    must_get(grader, grader.connect({"::1", other_port}), "");
    must_get(grader, grader.connect({"127.0.0.1", other_port}, {friend_ip, 0}), "");

    grader.check("it compares addresses, not texts", "\"welcome\" for ::1, which the list has as 0:0:0:0:0:0:0:1",
                 exercise);
    {
        grader.new_scene();
        const std::uint16_t long_form = grader.fresh_port();
        Program longer = grader.start(with("0:0:0:0:0:0:0:1", long_form));
        longer.ready();
        must_get(grader, grader.connect({"::1", long_form}), welcome);
    }

    grader.check("a mapped address in the list is the IPv4 address",
                 "\"welcome\" for the caller from " + friend_ip + ", which the list has as ::ffff:" + friend_ip,
                 section);
    {
        grader.new_scene();
        const std::uint16_t mapped = grader.fresh_port();
        Program mapping = grader.start(with("::ffff:" + friend_ip, mapped));
        mapping.ready();
        must_get(grader, grader.connect({"127.0.0.1", mapped}, {friend_ip, 0}), welcome);
        must_get(grader, grader.connect({"127.0.0.1", mapped}, {near, 0}), "");
    }

    grader.check("it does the same on an IPv4 socket",
                 "with HOST=0.0.0.0, the ready line, \"welcome\" for those of the list, and nothing for the others",
                 exercise);
    for (const std::string form : {"", "::ffff:"}) {
        grader.new_scene();
        const std::uint16_t four = grader.fresh_port();
        Program narrow = grader.start(with(form + friend_ip, four, "0.0.0.0"));
        const Address where = narrow.ready();
        grader.expect(where == Address{"0.0.0.0", four}, "it says " + to_string(where));
        must_get(grader, grader.connect({"127.0.0.1", four}, {friend_ip, 0}), welcome);
        must_get(grader, grader.connect({"127.0.0.1", four}, {near, 0}), "");
    }

    grader.check("it goes on, whatever its callers do",
                 "the same for hundreds of callers, also after some that broke off before they were served", exercise);
    many_times(grader, hundreds, "more callers came and were let in", [&] {
        Client caller = grader.connect({"127.0.0.1", port}, {friend_ip, 0});
        const std::string got = caller.read_to_end();
        grader.expect(got == welcome, "a caller from " + friend_ip + " got " + in_quotes(got));
    });
    grader.as_one_step("many callers from the list came and broke off at once, so that most were in the queue", [&] {
        for (int round = 0; round < 10; ++round) { // a fast program answers some of them before they go
            break_off_in_the_queue(grader, {"::1", port});
            take_the_queue(program, {"::1", port});
        }
    });
    program.listener(); // it runs, and listens
    must_get(grader, grader.connect({"::1", port}), welcome);

    grader.check("a list that has something else stops it", "status 78, no ready line, and a message on standard error",
                 exercise);
    for (const std::string allow : {"roof", "127.0.0.1,127.0.0.256", "127.0.0.1,,::1"}) {
        grader.new_scene();
        Program stopped = grader.start(with(allow, 0));
        const int status = stopped.exit_status();
        grader.expect(status == 78 && stopped.printed().empty() && !stopped.complained().empty(),
                      "with ALLOW=" + allow + " it ended with " + status_in_words(status) + ", printed " +
                          in_quotes(stopped.printed()) + ", and said " + in_quotes(stopped.complained()));
    }

    check_endings(grader, with("::1", 0), exercise);
}
