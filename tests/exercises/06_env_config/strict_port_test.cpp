#include "tools/judge/demands.hpp"

#include <algorithm>
#include <csignal>

using namespace grader;

namespace {

Launch with_port(const std::optional<std::string>& value) { return {.environment = {{"PORT", value}}}; }

std::string given(const std::optional<std::string>& value) {
    return value ? "with PORT=" + in_quotes(*value) : "without PORT";
}

bool holds(const std::string& text, const std::string& words) { return text.find(words) != text.npos; }

// It must listen there. On the machine's own network somebody else may have the port, or the system keeps it.
void must_listen(Grader& grader, const std::optional<std::string>& value, std::uint16_t port) {
    Program program = grader.start(with_port(value));
    if (program.line_or_end("listening on")) {
        const Address local = program.listener().local;
        grader.expect(local.port == port, given(value) + " it listens on " + to_string(local));
        return end(grader, program, Ending::sigterm);
    }
    const int status = program.exit_status();
    grader.expect(!grader.alone() && status == 1, given(value) + " it ended with " + status_in_words(status));
}

// It must end with this status, and not listen.
Program stopped(Grader& grader, const std::string& value, int must) {
    Program program = grader.start(with_port(value));
    if (const auto line = program.line_or_end("listening on"))
        grader.fail(given(value) + " it starts all the same, and says " + in_quotes(*line));
    const int status = program.exit_status();
    grader.expect(status == must, given(value) + " it ended with " + status_in_words(status));
    return program;
}

struct Kind {
    std::string check, expected;
    bool (*has)(const std::string&);
};

bool is_digit(char c) { return '0' <= c && c <= '9'; }
bool is_number(const std::string& text) { return !text.empty() && std::ranges::all_of(text, is_digit); }
bool has_sign_or_space(const std::string& text) { return text.find_first_of("+- \t\n") != text.npos; }

const Kind kinds[] = {
    {"what is no number stops it with status 78", "status 78 for digits with letters, and for letters",
     [](const std::string& text) { return !text.empty() && !is_number(text) && !has_sign_or_space(text); }},
    {"a number that is too great stops it with status 78", "status 78 for each number above 65535", is_number},
    {"an empty PORT stops it with status 78", "status 78 for PORT=\"\": set and empty is not unset",
     [](const std::string& text) { return text.empty(); }},
    {"a sign or a space stops it with status 78", "status 78: decimal digits alone are a port", has_sign_or_space},
};

} // namespace

void grader::judge(Grader& grader) {
    const std::uint16_t port = grader.fresh_port();
    const std::string digits = std::to_string(port);

    grader.check("it listens on the port that PORT names",
                 "with PORT=\"" + digits + "\" one TCP socket in the state LISTEN, on port " + digits,
                 "How do you read a number strictly?");
    Program named = grader.start(with_port(digits));
    named.ready();
    const int at_once = grader.try_to_connect({"127.0.0.1", port});
    const SocketRow row = named.listener();
    grader.expect(row.local.port == port, "it listens on " + to_string(row.local));

    grader.check("it listens on loopback alone", "a listener on 127.0.0.1, which no other machine can reach",
                 "How do you read a number strictly?");
    grader.expect(row.local.ip == "127.0.0.1", "it listens on " + to_string(row.local));

    grader.check("it listens when it says so", "a client that connects as soon as the ready line is there is connected",
                 "How do you read a number strictly?");
    grader.expect(at_once == 0, "the client got " + in_words(at_once));

    grader.check("it prints the ready line, and nothing else", "one line on standard output",
                 "How do you read a number strictly?");
    named.send_signal(SIGTERM);
    named.exit_status();
    expect_output(grader, named, {"listening on 127.0.0.1:" + digits});

    check_endings(grader, with_port("0"), "How do you read a number strictly?");

    grader.check("PORT=0 lets the kernel choose, and the ready line has the choice",
                 "with PORT=\"0\" a port of the kernel's choice, the same in the ready line and in the kernel's table",
                 "How do you read a number strictly?");
    for (const std::string zero : {"0", "000"}) {
        Program chosen = grader.start(with_port(zero));
        const Address says = chosen.ready();
        const SocketRow choice = chosen.listener();
        grader.expect(says == choice.local,
                      "it says " + to_string(says) + ", and the kernel says " + to_string(choice.local));
        const auto [low, high] = grader.ephemeral_range();
        grader.expect(choice.local.port >= low && choice.local.port <= high,
                      "it has port " + std::to_string(choice.local.port) + ", and the kernel chooses from " +
                          std::to_string(low) + " to " + std::to_string(high));
        end(grader, chosen, Ending::sigterm);
    }

    grader.check("leading zeros change nothing", "with zeros before it, however many, a listener on port " + digits,
                 "How do you read a number strictly?");
    for (const std::string& text : texts_of(port))
        must_listen(grader, text, port);

    grader.check("a port that is taken stops it with status 1",
                 "status 1, nothing on standard output, and on standard error the port that it could not have",
                 "What people run into");
    {
        Client holder = grader.listen("127.0.0.1");
        const std::string taken = std::to_string(holder.local().port);
        const Program second = stopped(grader, taken, 1);
        grader.expect(holds(second.complained(), taken),
                      "its message does not name port " + taken + ": " + in_quotes(second.complained()));
        expect_output(grader, second, {});
    }

    grader.check("without PORT it takes port 8080", "a listener on 127.0.0.1:8080 if PORT is not set",
                 "What if nothing is set?");
    must_listen(grader, std::nullopt, 8080);

    std::vector<std::pair<std::string, Program>> refusals;
    for (const Kind& kind : kinds) {
        grader.check(kind.check, kind.expected, "How do you read a number strictly?");
        for (const std::string& value : no_ports(port))
            if (kind.has(value))
                refusals.emplace_back(value, stopped(grader, value, 78));
    }

    grader.check("every number from 0 to 65535 is a port",
                 "a listener on it: on a port below 1024, and on the last one", "How do you read a number strictly?");
    for (const std::uint16_t one : std::initializer_list<std::uint16_t>{1, 80, 1023, 1024, 32767, 32768, 65534, 65535})
        must_listen(grader, std::to_string(one), one);

    grader.check("nothing comes on standard output when it refuses", "the complaint on standard error alone",
                 "How do you read a number strictly?");
    for (const auto& [value, program] : refusals)
        grader.expect(program.printed().empty(), given(value) + " it printed " + in_quotes(program.printed()));

    grader.check("the message names the variable, the value and what is allowed",
                 "on standard error PORT, the value as it was given, and the greatest port, 65535",
                 "How do you read a number strictly?");
    for (const auto& [value, program] : refusals)
        for (const std::string& words : {std::string{"PORT"}, value, std::string{"65535"}})
            if (words.find_first_of("\t\n") == words.npos) // how such a value is shown is the program's own choice
                grader.expect(holds(program.complained(), words), given(value) + " its message has no " +
                                                                      in_quotes(words) + ": " +
                                                                      in_quotes(program.complained()));

    grader.check("it refuses before it opens a socket", "status 78, even though its first call of socket would kill it",
                 "How do you read a number strictly?");
    for (const std::string& value : {digits + "abc", std::string{"65536"}, std::string{}}) {
        Launch watched = with_port(value);
        watched.lacking = Lacking::sockets;
        grader.did("takes the call socket(2) away from the next program: who makes it is killed by SIGSYS");
        Program early = grader.start(watched);
        const int status = early.exit_status();
        grader.expect(status == 78, "it asked for a socket first, and ended with " + status_in_words(status));
    }
}
