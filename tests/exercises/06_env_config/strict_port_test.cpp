#include "tests/support/grader.hpp"

#include <csignal>

using namespace grader;

namespace {

Launch with_port(const std::string& value) { return {.environment = {{"PORT", value}}}; }

bool holds(const std::string& text, const std::string& words) { return text.find(words) != text.npos; }

// It must end with status 78, and not listen.
Program refused(Grader& grader, const std::string& value) {
    Program program = grader.start(with_port(value));
    if (const auto line = program.line_or_end("listening on"))
        grader.fail("with PORT=" + in_quotes(value) + " it starts all the same, and says " + in_quotes(*line));
    const int status = program.exit_status();
    grader.expect(status == 78, "with PORT=" + in_quotes(value) + " it ended with " + status_in_words(status));
    return program;
}

} // namespace

void grader::judge(Grader& grader) {
    const std::uint16_t port = grader.fresh_port();
    const std::string digits = std::to_string(port);

    grader.check("it listens on the port that PORT names",
                 "with PORT=\"" + digits + "\" one TCP socket in the state LISTEN, on port " + digits, "Run it");
    Program named = grader.start(with_port(digits));
    named.ready();
    const SocketRow row = named.listener();
    grader.expect(row.local.port == port, "it listens on " + to_string(row.local));

    grader.check("it listens on loopback alone", "a listener on 127.0.0.1, which no other machine can reach", "Run it");
    grader.expect(row.local.ip == "127.0.0.1", "it listens on " + to_string(row.local));
    named.send_signal(SIGTERM);
    named.exit_status();

    grader.check("it ends with status 0 when it is asked to",
                 "status 0 on Enter, at the end of its input, on SIGINT and on SIGTERM", "Run it");
    for (const std::string how : {"Enter", "the end of its input", "SIGINT", "SIGTERM"}) {
        Program program = grader.start(with_port("0"));
        program.ready();
        if (how == "Enter")
            program.type("\n");
        else if (how == "the end of its input")
            program.close_input();
        else
            program.send_signal(how == "SIGINT" ? SIGINT : SIGTERM);
        const int status = program.exit_status();
        grader.expect(status == 0, "on " + how + " it ended with " + status_in_words(status));
    }

    grader.check("PORT=0 lets the kernel choose, and the ready line has the choice",
                 "with PORT=\"0\" a port of the kernel's choice, the same in the ready line and in the kernel's table",
                 "Run it");
    Program chosen = grader.start(with_port("0"));
    const Address says = chosen.ready();
    const SocketRow choice = chosen.listener();
    grader.expect(says == choice.local,
                  "it says " + to_string(says) + ", and the kernel says " + to_string(choice.local));
    const auto [low, high] = grader.ephemeral_range();
    grader.expect(choice.local.port >= low && choice.local.port <= high,
                  "it has port " + std::to_string(choice.local.port) + ", and the kernel chooses from " +
                      std::to_string(low) + " to " + std::to_string(high));
    chosen.send_signal(SIGTERM);
    chosen.exit_status();

    grader.check("leading zeros change nothing", "with PORT=\"0" + digits + "\" a listener on port " + digits,
                 "The program");
    Program padded = grader.start(with_port("0" + digits));
    if (padded.line_or_end("listening on")) {
        const Address local = padded.listener().local;
        grader.expect(local.port == port, "with PORT=\"0" + digits + "\" it listens on " + to_string(local));
        padded.send_signal(SIGTERM);
    }
    const int unpadded = padded.exit_status();
    grader.expect(unpadded == 0, "with PORT=\"0" + digits + "\" it ended with " + status_in_words(unpadded));

    grader.check("a port that is taken stops it with status 1",
                 "status 1, and on standard error the port that it could not have", "The port is taken");
    {
        Client holder = grader.listen("127.0.0.1");
        const std::string taken = std::to_string(holder.local().port);
        Program second = grader.start(with_port(taken));
        if (const auto line = second.line_or_end("listening on"))
            grader.fail("port " + taken + " is held by the grader, and it says " + in_quotes(*line));
        const int status = second.exit_status();
        grader.expect(status == 1, "with a port that is taken it ended with " + status_in_words(status));
        grader.expect(holds(second.complained(), taken),
                      "its message does not name port " + taken + ": " + in_quotes(second.complained()));
    }

    grader.check("without PORT it takes port 8080", "a listener on 127.0.0.1:8080 where PORT is not set", "Predict");
    Program unset = grader.start();
    if (unset.line_or_end("listening on")) {
        const Address local = unset.listener().local;
        grader.expect(local.port == 8080, "where PORT is not set it listens on " + to_string(local));
        unset.send_signal(SIGTERM);
        unset.exit_status();
    } else { // on the machine's own network somebody else may have the port
        const int status = unset.exit_status();
        grader.expect(!grader.alone() && status == 1 && holds(unset.complained(), "8080"),
                      "where PORT is not set it ended with " + status_in_words(status));
    }

    std::vector<std::pair<std::string, Program>> refusals;
    const auto all_refused = [&](const std::vector<std::string>& values) {
        for (const std::string& value : values)
            refusals.emplace_back(value, refused(grader, value));
    };

    grader.check("what is no number stops it with status 78", "status 78 for digits with letters, and for letters",
                 "The value is wrong");
    all_refused({digits + "abc", "http", "0x50", digits + ".5", "٨٠٨٠"});

    grader.check("a number that is too great stops it with status 78", "status 78 for each number above 65535",
                 "The program");
    all_refused({"65536", "70000", std::to_string(65536U + port), std::to_string((std::uint64_t{1} << 32) + port),
                 "99999999999999999999999"});

    grader.check("an empty PORT stops it with status 78", "status 78 for PORT=\"\": set and empty is not unset",
                 "The value is wrong");
    all_refused({""});

    grader.check("a sign or a space stops it with status 78", "status 78: decimal digits alone are a port",
                 "The program");
    all_refused({"+" + digits, "-1", " " + digits, digits + " ", "\t" + digits});

    grader.check("65535 is a port", "no status 78 for the greatest port that there is", "The program");
    {
        Program greatest = grader.start(with_port("65535"));
        if (greatest.line_or_end("listening on")) // where somebody else has it, it ends with status 1
            greatest.send_signal(SIGTERM);
        const int status = greatest.exit_status();
        grader.expect(status != 78, "with PORT=\"65535\" it ended with status 78");
    }

    grader.check("nothing comes on standard output when it refuses", "the complaint on standard error alone",
                 "The value is wrong");
    for (const auto& [value, program] : refusals)
        grader.expect(program.printed().empty(),
                      "with PORT=" + in_quotes(value) + " it printed " + in_quotes(program.printed()));

    grader.check("the message names the variable, the value and what is allowed",
                 "on standard error PORT, the value as it was given, and the greatest port, 65535",
                 "The value is wrong");
    for (const auto& [value, program] : refusals)
        for (const std::string& words : {std::string{"PORT"}, value, std::string{"65535"}})
            grader.expect(holds(program.complained(), words), "with PORT=" + in_quotes(value) + " its message has no " +
                                                                  in_quotes(words) + ": " +
                                                                  in_quotes(program.complained()));

    grader.check("it refuses before it opens a socket", "status 78 where its first call of socket would kill it",
                 "From outside");
    Launch watched = with_port(digits + "abc");
    watched.lacking = Lacking::sockets;
    grader.did("takes the call socket(2) away from the next program: who makes it is killed by SIGSYS");
    Program early = grader.start(watched);
    const int status = early.exit_status();
    grader.expect(status == 78, "it asked for a socket first, and ended with " + status_in_words(status));
}
