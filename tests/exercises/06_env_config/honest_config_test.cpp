#include "tools/harness/network.hpp"
#include "tools/judge/demands.hpp"

#include <algorithm>

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

// What inet_aton(3), getaddrinfo(3) or a pair of eyes takes for an address, and what else is none.
const char* const not_addresses[] = {
    "127.0.0.256", "localhost",  "127.0.0.1:80", "127.0.0.1:80x", "127.1",      "127.0.1",
    "2130706433",  "0x7f.0.0.1", "0x7f000001",   "0x7f.1",        "0177.0.0.1", "010.0.0.1",
    "127.0.0.01",  "127.0.0.1 ", " 127.0.0.1",   "127.0.0.1\n",   "127.0.0.1.", "127.0.0.1x",
    "127.0.0",     "127.0.0.-1", "127.0.0.1.1",  "127.0.0.1/8",   "*",          "0",
    "lo",          "[127.0.0.1]"};

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

// Of so many bytes, all of them letters, in which none can be lost unnoticed.
std::string all_letters(std::size_t size) {
    std::string text = all_values(size);
    for (char& c : text)
        c = static_cast<char>('a' + static_cast<unsigned char>(c) % 26);
    return text;
}

void must_receive(Grader& grader, const Address& server, const std::string& what) {
    Client client = grader.connect(server);
    const std::string all = client.read_to_end();
    grader.expect(all == what, "a client received " + in_quotes(all) + ", and not " + in_quotes(what));
}

} // namespace

void grader::judge(Grader& grader) {
    const std::string host = "127.0.0." + std::to_string(grader.draw(2, 250));
    const std::uint16_t port = grader.fresh_port();
    const std::string digits = std::to_string(port);
    const std::string greeting = "good day no. " + std::to_string(grader.draw(1000, 9999));

    grader.check("it listens where HOST and PORT say",
                 "with HOST=\"" + host + "\" and PORT=\"" + digits + "\" a listener on " + host + ":" + digits,
                 "How do you read a number strictly?");
    Program greeter = grader.start({.environment = {{"HOST", host}, {"PORT", digits}, {"GREETING", greeting}}});
    greeter.ready();
    const Address place = greeter.listener().local;
    grader.expect(place == Address{host, port}, "it listens on " + to_string(place));

    grader.check("it sends every client the greeting", "GREETING, a newline, and then the end of the connection",
                 "Exercises");
    for (int i = 0; i < 3; ++i)
        must_receive(grader, place, greeting + "\n");
    many_times(grader, hundreds, "more clients came, and each received the greeting",
               [&] { must_receive(grader, place, greeting + "\n"); });

    check_endings(grader, {.environment = {{"PORT", "0"}}}, "How do you read a number strictly?");

    check_closing(grader, greeter, "Exercises", [&] {
        Client client = grader.connect(place);
        const std::string all = client.read_to_end();
        grader.expect(all == greeting + "\n", "a client received " + in_quotes(all));
        return client;
    });

    grader.check("it prints the ready line, and nothing else", "one line on standard output, however many clients came",
                 "How do you read a number strictly?");
    end(grader, greeter, Ending::sigterm);
    expect_output(grader, greeter, {"listening on " + to_string(place)});

    grader.check("it sends the greeting as it is",
                 "every byte of GREETING, and then a newline: it is no format, and no name", "Exercises");
    const std::string much = all_letters(100'000);
    for (const std::string& words :
         {std::string{"100% of %s %d %n %x"}, std::string{"$HOME `id` \\n \\0 'a' \"b\" ~ *"},
          std::string{"  spaces  "}, std::string{"two\nlines\n"}, std::string{"a tab\t, a bell\a, and \x1b[1mmore"},
          much}) {
        Program program = grader.start({.environment = {{"PORT", "0"}, {"GREETING", words}}});
        program.ready();
        const Address at = program.listener().local;
        must_receive(grader, at, words + "\n");
        if (words == much) {
            grader.check("a client that breaks off ends nothing", "the next client is greeted", "Exercises");
            for (int i = 0; i < 5; ++i)
                grader.reset_in_the_queue(at);
            must_receive(grader, at, words + "\n");
        }
        end(grader, program, Ending::sigterm);
    }

    grader.check("HOST and GREETING have their defaults", "if they are not set, 127.0.0.1 and hello",
                 "What if nothing is set?");
    Program usual = grader.start({.environment = {{"PORT", "0"}, {"GREETING", std::nullopt}}});
    const int at_once = grader.try_to_connect(usual.ready());
    const Address chosen = usual.listener().local;
    grader.expect(chosen.ip == "127.0.0.1", "if HOST is not set it listens on " + to_string(chosen));
    must_receive(grader, chosen, "hello\n");
    end(grader, usual, Ending::sigterm);

    grader.check("the ready line has the address in use", "the address and port of the kernel's table, with PORT=0 too",
                 "How do you read a number strictly?");
    Program honest = grader.start({.environment = {{"HOST", host}, {"PORT", "0"}}});
    const Address says = honest.ready();
    const Address local = honest.listener().local;
    grader.expect(says == local, "it says " + to_string(says) + ", and the kernel says " + to_string(local));
    end(grader, honest, Ending::sigterm);

    grader.check("it listens when it says so", "a client that connects as soon as the ready line is there is connected",
                 "How do you read a number strictly?");
    grader.expect(at_once == 0, "the client got " + in_words(at_once));

    grader.check("an empty GREETING is a greeting", "with GREETING=\"\" a newline alone: set and empty is not unset",
                 "How do you read a number strictly?");
    Program silent = grader.start({.environment = {{"PORT", "0"}, {"GREETING", ""}}});
    silent.ready();
    must_receive(grader, silent.listener().local, "\n");
    end(grader, silent, Ending::sigterm);

    grader.check("0.0.0.0 is an address like others", "with HOST=\"0.0.0.0\" a listener on every IPv4 address",
                 "How do you read a number strictly?");
    Program open = grader.start({.environment = {{"HOST", "0.0.0.0"}, {"PORT", "0"}}});
    open.ready();
    const Address everywhere = open.listener().local;
    grader.expect(everywhere.ip == "0.0.0.0", "it listens on " + to_string(everywhere));
    end(grader, open, Ending::sigterm);

    grader.check("leading zeros of PORT change nothing", "a listener on port " + digits,
                 "How do you read a number strictly?");
    for (const std::string& text : texts_of(port)) {
        Program padded = grader.start({.environment = {{"PORT", text}}});
        padded.ready();
        const Address there = padded.listener().local;
        grader.expect(there.port == port, "with PORT=" + in_quotes(text) + " it listens on " + to_string(there));
        end(grader, padded, Ending::sigterm);
    }

    std::vector<std::pair<Settings, Program>> refusals;
    const auto must_refuse = [&](const Settings& settings) {
        refusals.emplace_back(settings, stopped(grader, settings, 78));
    };

    grader.check("an empty HOST or PORT stops it with status 78", "status 78 for each of the two",
                 "What if nothing is set?");
    must_refuse({{"PORT", ""}});
    must_refuse({{"HOST", ""}, {"PORT", "0"}});

    grader.check("a PORT that is none stops it with status 78", "status 78, and no default in its place",
                 "How do you read a number strictly?");
    for (const std::string& bad : no_ports(port))
        if (!bad.empty())
            must_refuse({{"PORT", bad}});

    grader.check("a HOST that is no address stops it with status 78",
                 "status 78, and no other address in its place; neither a name nor a short form is an address",
                 "How do you read a number strictly?");
    for (const std::string bad : not_addresses)
        must_refuse({{"HOST", bad}, {"PORT", "0"}});

    grader.check("nothing comes on standard output when it refuses", "the complaint on standard error alone",
                 "How do you read a number strictly?");
    for (const auto& [settings, program] : refusals)
        grader.expect(program.printed().empty(),
                      "with " + given(settings) + " it printed " + in_quotes(program.printed()));

    grader.check("the message names the variable and its value", "both on standard error, as they were given",
                 "How do you read a number strictly?");
    for (const auto& [settings, program] : refusals) {
        const auto& [name, value] = *settings.begin(); // HOST comes before PORT, and is then the wrong one
        for (const std::string& words : {name, *value})
            if (words.find_first_of("\t\n") == words.npos) // how such a value is shown is the program's own choice
                grader.expect(holds(program.complained(), words), "with " + given(settings) + " its message has no " +
                                                                      in_quotes(words) + ": " +
                                                                      in_quotes(program.complained()));
    }

    grader.check("an address that it cannot have stops it with status 1",
                 "status 1 if the port is taken, and if the address is another machine's", "What people run into");
    Client holder = grader.listen(host);
    const std::string taken = std::to_string(holder.local().port);
    const Program second = stopped(grader, {{"HOST", host}, {"PORT", taken}}, 1);
    const Program elsewhere = stopped(grader, {{"HOST", "192.0.2.1"}, {"PORT", "0"}}, 1); // RFC 5737: nobody's

    expect_output(grader, second, {});
    expect_output(grader, elsewhere, {});

    grader.check("its message names the address that it cannot have", "ADDRESS:PORT on standard error",
                 "What people run into");
    for (const auto& [program, words] : {std::pair{second, host + ":" + taken}, {elsewhere, "192.0.2.1:0"}})
        grader.expect(holds(program.complained(), words),
                      "its message has no " + in_quotes(words) + ": " + in_quotes(program.complained()));

    grader.check("without PORT it takes port 8080", "a listener on port 8080 if PORT is not set",
                 "What if nothing is set?");
    Program unset = grader.start({.environment = {{"HOST", host}}});
    if (unset.line_or_end("listening on")) {
        const Address there = unset.listener().local;
        grader.expect(there.port == 8080, "if PORT is not set it listens on " + to_string(there));
        end(grader, unset, Ending::sigterm);
    } else { // on the machine's own network somebody else may have the port
        const int status = unset.exit_status();
        grader.expect(!grader.alone() && status == 1 && holds(unset.complained(), "8080"),
                      "if PORT is not set it ended with " + status_in_words(status));
    }

    grader.check("it listens on an IPv6 address as well", "with HOST=\"::1\" a listener on ::1, named as [::1]:PORT",
                 "How do you read a number strictly?");
    grader.where_possible([&] {
        support::need_ipv6();
        Program six = grader.start({.environment = {{"HOST", "::1"}, {"PORT", "0"}}});
        const Address named = six.ready();
        const Address loopback = six.listener().local;
        grader.expect(loopback.ip == "::1", "it listens on " + to_string(loopback));
        grader.expect(named == loopback,
                      "it says " + to_string(named) + ", and the kernel says " + to_string(loopback));
        must_receive(grader, loopback, "hello\n");
        end(grader, six, Ending::sigterm);
        expect_output(grader, six, {"listening on " + to_string(loopback)});

        Client holding = grader.listen("::1");
        const std::string number = std::to_string(holding.local().port);
        const Program third = stopped(grader, {{"HOST", "::1"}, {"PORT", number}}, 1);
        grader.expect(holds(third.complained(), "[::1]:" + number),
                      "its message has no [::1]:" + number + ": " + in_quotes(third.complained()));
    });
}
