#include "tests/support/grader.hpp"

#include <csignal>

using namespace grader;

namespace {

using Settings = std::map<std::string, std::optional<std::string>>;

bool holds(const std::string& text, const std::string& words) { return text.find(words) != text.npos; }

std::string given(const Settings& settings) {
    std::string text;
    for (const auto& [name, value] : settings)
        text += (text.empty() ? "" : " ") + name + "=" + in_quotes(*value);
    return text;
}

// It must end with this status, and not say that it listens.
Program stopped(Grader& grader, const Settings& settings, int must) {
    Program program = grader.start({.environment = settings});
    if (const auto line = program.line_or_end("listening on"))
        grader.fail("with " + given(settings) + " it starts all the same: it says " + in_quotes(*line) +
                    ", and the kernel says " + to_string(program.listener().local));
    const int status = program.exit_status();
    grader.expect(status == must, "with " + given(settings) + " it ended with " + status_in_words(status));
    return program;
}

void must_receive(Grader& grader, const Address& server, const std::string& what) {
    Client client = grader.connect(server);
    const std::string all = client.read_to_end();
    grader.expect(all == what, "a client received " + in_quotes(all) + ", and not " + in_quotes(what));
}

void end(Program& program) {
    program.send_signal(SIGTERM);
    program.exit_status();
}

} // namespace

void grader::judge(Grader& grader) {
    const std::string host = "127.0.0." + std::to_string(grader.draw(2, 250));
    const std::uint16_t port = grader.fresh_port();
    const std::string digits = std::to_string(port);
    const std::string greeting = "good day no. " + std::to_string(grader.draw(1000, 9999));

    grader.check("it listens where HOST and PORT say",
                 "with HOST=\"" + host + "\" and PORT=\"" + digits + "\" a listener on " + host + ":" + digits,
                 "Run it");
    Program greeter = grader.start({.environment = {{"HOST", host}, {"PORT", digits}, {"GREETING", greeting}}});
    greeter.ready();
    const Address place = greeter.listener().local;
    grader.expect(place == Address{host, port}, "it listens on " + to_string(place));

    grader.check("it sends every client the greeting", "GREETING, a newline, and then the end of the connection",
                 "Exercises");
    for (int i = 0; i < 3; ++i)
        must_receive(grader, place, greeting + "\n");
    end(greeter);

    grader.check("it ends with status 0 when it is asked to",
                 "status 0 on Enter, at the end of its input, on SIGINT and on SIGTERM", "Run it");
    for (const std::string how : {"Enter", "the end of its input", "SIGINT", "SIGTERM"}) {
        Program program = grader.start({.environment = {{"PORT", "0"}}});
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

    grader.check("HOST and GREETING have their defaults", "where they are not set, 127.0.0.1 and hello", "Predict");
    Program usual = grader.start({.environment = {{"PORT", "0"}, {"GREETING", std::nullopt}}});
    usual.ready();
    const Address chosen = usual.listener().local;
    grader.expect(chosen.ip == "127.0.0.1", "where HOST is not set it listens on " + to_string(chosen));
    must_receive(grader, chosen, "hello\n");
    end(usual);

    grader.check("the ready line has the address in use", "the address and port of the kernel's table, with PORT=0 too",
                 "Run it");
    Program honest = grader.start({.environment = {{"HOST", host}, {"PORT", "0"}}});
    const Address says = honest.ready();
    const Address local = honest.listener().local;
    grader.expect(says == local, "it says " + to_string(says) + ", and the kernel says " + to_string(local));
    end(honest);

    grader.check("an empty GREETING is a greeting", "with GREETING=\"\" a newline alone: set and empty is not unset",
                 "The program");
    Program silent = grader.start({.environment = {{"PORT", "0"}, {"GREETING", ""}}});
    silent.ready();
    must_receive(grader, silent.listener().local, "\n");
    end(silent);

    std::vector<std::pair<Settings, Program>> refusals;
    const auto must_refuse = [&](const Settings& settings) {
        refusals.emplace_back(settings, stopped(grader, settings, 78));
    };

    grader.check("an empty HOST or PORT stops it with status 78", "status 78 for each of the two", "Predict");
    must_refuse({{"PORT", ""}});
    must_refuse({{"HOST", ""}, {"PORT", "0"}});

    grader.check("a PORT that is none stops it with status 78", "status 78, and no default in its place",
                 "The value is wrong");
    for (const std::string& bad : {digits + "abc", std::string{"70000"}, std::string{"-1"}})
        must_refuse({{"PORT", bad}});

    grader.check("a HOST that is no address stops it with status 78",
                 "status 78, and no other address in its place; a name is no address", "The value is wrong");
    for (const std::string bad : {"127.0.0.256", "localhost", "127.0.0.1:80"})
        must_refuse({{"HOST", bad}, {"PORT", "0"}});

    grader.check("nothing comes on standard output when it refuses", "the complaint on standard error alone",
                 "The value is wrong");
    for (const auto& [settings, program] : refusals)
        grader.expect(program.printed().empty(),
                      "with " + given(settings) + " it printed " + in_quotes(program.printed()));

    grader.check("the message names the variable and its value", "both on standard error, as they were given",
                 "The value is wrong");
    for (const auto& [settings, program] : refusals) {
        const auto& [name, value] = *settings.begin(); // HOST comes before PORT, and is then the wrong one
        for (const std::string& words : {name, *value})
            grader.expect(holds(program.complained(), words), "with " + given(settings) + " its message has no " +
                                                                  in_quotes(words) + ": " +
                                                                  in_quotes(program.complained()));
    }

    grader.check("an address that it cannot have stops it with status 1",
                 "status 1 where the port is taken, and where the address is another machine's", "The port is taken");
    Client holder = grader.listen(host);
    const std::string taken = std::to_string(holder.local().port);
    const Program second = stopped(grader, {{"HOST", host}, {"PORT", taken}}, 1);
    const Program elsewhere = stopped(grader, {{"HOST", "192.0.2.1"}, {"PORT", "0"}}, 1); // RFC 5737: nobody's

    grader.check("its message names the address that it cannot have", "ADDRESS:PORT on standard error",
                 "The port is taken");
    for (const auto& [program, words] : {std::pair{second, host + ":" + taken}, {elsewhere, "192.0.2.1:0"}})
        grader.expect(holds(program.complained(), words),
                      "its message has no " + in_quotes(words) + ": " + in_quotes(program.complained()));

    grader.check("without PORT it takes port 8080", "a listener on port 8080 where PORT is not set", "Predict");
    Program unset = grader.start({.environment = {{"HOST", host}}});
    if (unset.line_or_end("listening on")) {
        const Address there = unset.listener().local;
        grader.expect(there.port == 8080, "where PORT is not set it listens on " + to_string(there));
        end(unset);
    } else { // on the machine's own network somebody else may have the port
        const int status = unset.exit_status();
        grader.expect(!grader.alone() && status == 1 && holds(unset.complained(), "8080"),
                      "where PORT is not set it ended with " + status_in_words(status));
    }
}
