#include "tests/support/grader.hpp"

#include <csignal>
#include <filesystem>
#include <fstream>
#include <unistd.h>

using namespace grader;

namespace {

bool holds(const std::string& text, const std::string& words) { return text.find(words) != text.npos; }

// A file of settings, gone when the verdict is there.
struct File {
    File(const std::string& name, const std::string& text)
        : path{std::filesystem::temp_directory_path() / (name + "." + std::to_string(::getpid()) + ".env")} {
        std::ofstream{path} << text;
    }
    ~File() { std::filesystem::remove(path); }
    File(const File&) = delete;
    File& operator=(const File&) = delete;
    std::string path;
};

// Where the program finds its port; an empty optional is a source that says nothing.
struct Sources {
    std::optional<std::string> option{}, variable{}, file{};

    Launch launch() const {
        Launch launch;
        if (variable)
            launch.environment["PORT"] = variable;
        if (file)
            launch.environment["CONFIG_FILE"] = file;
        if (option)
            launch.arguments = {"--port", *option};
        return launch;
    }
};

struct Printed {
    std::string with, must, was;
};

struct Run {
    Address says, listens;
    std::string printed;
};

// Starts it, asks the kernel where it listens, and ends it.
Run run(Grader& grader, const Sources& sources) {
    Program program = grader.start(sources.launch());
    const Address says = program.ready();
    const Address listens = program.listener().local;
    program.send_signal(SIGTERM);
    program.exit_status();
    return {says, listens, program.printed()};
}

// Starts it; it must end with status 78, and not listen.
Program refused(Grader& grader, const std::string& what, const Sources& sources) {
    Program program = grader.start(sources.launch());
    if (const auto line = program.line_or_end("listening on"))
        grader.fail("with " + what + " it starts all the same, and says " + grader::in_quotes(*line));
    const int status = program.exit_status();
    grader.expect(status == 78, "with " + what + " it ended with " + status_in_words(status));
    return program;
}

} // namespace

void grader::judge(Grader& grader) {
    const std::uint16_t of_option = grader.fresh_port();
    std::uint16_t of_variable = of_option, of_file = of_option;
    while (of_variable == of_option)
        of_variable = grader.fresh_port();
    while (of_file == of_option || of_file == of_variable)
        of_file = grader.fresh_port();
    const std::string option = std::to_string(of_option), variable = std::to_string(of_variable),
                      in_file = std::to_string(of_file);
    const File file{"settings", "# for the precedence exercise\nSUPPORT=1\nPORT=" + in_file + "\nNAME=demo\n"};
    const File other{"other", "# no port in here\nSUPPORT=1\nNAME=demo\n"};
    const File bad{"bad", "PORT=" + in_file + "x\n"};
    std::vector<Printed> origins;
    const auto must_listen = [&](const std::string& what, const Sources& sources, std::uint16_t port,
                                 const std::string& origin) {
        const Run seen = run(grader, sources);
        grader.expect(seen.listens == Address{"127.0.0.1", port},
                      "with " + what + " it listens on " + to_string(seen.listens));
        origins.push_back(
            {what,
             "PORT=" + std::to_string(port) + " from " + origin + "\nlistening on " + to_string(seen.listens) + "\n",
             seen.printed});
    };
    const std::string from_option = "the command line", from_variable = "the environment";

    grader.check("it takes its port from each of the three sources",
                 "a listener on 127.0.0.1, on the port of the one source that has one", "Run it");
    must_listen("PORT=" + variable + " in the environment", {.variable = variable}, of_variable, from_variable);
    must_listen("--port " + option, {.option = option}, of_option, from_option);
    must_listen("PORT=" + in_file + " in the file", {.file = file.path}, of_file, file.path);

    grader.check("it ends with status 0 when it is asked to",
                 "status 0 on Enter, at the end of its input, on SIGINT and on SIGTERM", "Run it");
    for (const std::string how : {"Enter", "the end of its input", "SIGINT", "SIGTERM"}) {
        Program program = grader.start(Sources{.variable = "0"}.launch());
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

    grader.check("the command line wins over the environment and over the file",
                 "a listener on port " + option + ", which --port names", "Predict");
    must_listen("--port " + option + " and PORT=" + variable, {.option = option, .variable = variable}, of_option,
                from_option);
    must_listen("--port " + option + " and another port in the file", {.option = option, .file = file.path}, of_option,
                from_option);
    must_listen("a port in each source", {option, variable, file.path}, of_option, from_option);

    grader.check("the environment wins over the file",
                 "a listener on port " + variable + ", which the variable PORT names", "Predict");
    must_listen("PORT=" + variable + " and another port in the file", {.variable = variable, .file = file.path},
                of_variable, from_variable);

    grader.check("a file without PORT decides nothing",
                 "a listener on the port of the environment, or else of the default", "Run it");
    must_listen("PORT=" + variable + " and a file without PORT", {.variable = variable, .file = other.path},
                of_variable, from_variable);
    for (const Sources& nothing : {Sources{.file = other.path}, Sources{}}) {
        const std::string what = nothing.file ? "a file without PORT" : "no source at all";
        Program program = grader.start(nothing.launch());
        if (program.line_or_end("listening on")) {
            const Address local = program.listener().local;
            grader.expect(local == Address{"127.0.0.1", 8080}, "with " + what + " it listens on " + to_string(local));
            origins.push_back({what, "PORT=8080 from the default\nlistening on 127.0.0.1:8080\n", program.printed()});
            program.send_signal(SIGTERM);
            program.exit_status();
        } else { // on the machine's own network somebody else may have port 8080
            const int status = program.exit_status();
            grader.expect(!grader.alone() && status == 1, "with " + what + " it ended with " + status_in_words(status));
            if (!program.printed().empty()) // it may have told the origin before it knew
                origins.push_back({what, "PORT=8080 from the default\n", program.printed()});
        }
    }

    grader.check("0 is a port like the others, and wins like them",
                 "with --port 0 and PORT=" + variable + " a port of the kernel's choice, and the ready line has it",
                 "Run it");
    const Run zero = run(grader, {.option = "0", .variable = variable, .file = file.path});
    grader.expect(zero.listens.port != of_variable && zero.listens.port != of_file && zero.listens.port != 8080,
                  "with --port 0 it listens on " + to_string(zero.listens));
    grader.expect(zero.says == zero.listens,
                  "it says " + to_string(zero.says) + ", and the kernel says " + to_string(zero.listens));
    origins.push_back(
        {"--port 0", "PORT=0 from the command line\nlistening on " + to_string(zero.listens) + "\n", zero.printed});

    grader.check("it says what it was asked for, and by whom",
                 "two lines: PORT=NUMBER from the command line (or: the environment, the name of the file, the "
                 "default), and the ready line",
                 "Run it");
    for (const Printed& printed : origins)
        grader.expect(printed.was == printed.must, "with " + printed.with + " it printed " +
                                                       grader::in_quotes(printed.was) + ", where " +
                                                       grader::in_quotes(printed.must) + " is true");

    std::vector<std::pair<std::string, Program>> refusals; // what the message must name
    const auto must_stop = [&](const std::string& what, const Sources& sources, const std::string& names,
                               const std::string& value) {
        Program program = refused(grader, what, sources);
        refusals.emplace_back(names, program);
        if (!value.empty())
            refusals.emplace_back(value, program);
    };

    grader.check("a wrong value in the source that wins stops it", "status 78, and no other source steps in",
                 "The value is wrong");
    must_stop("--port " + option + "x and PORT=" + variable, {.option = option + "x", .variable = variable}, "--port",
              option + "x");
    must_stop("PORT=70000 and another port in the file", {.variable = "70000", .file = file.path}, "PORT", "70000");
    must_stop("PORT=" + in_file + "x in the file", {.file = bad.path}, bad.path, in_file + "x");

    grader.check("an empty value is a value, and a wrong one", "status 78 for PORT=\"\" and for --port \"\"",
                 "The value is wrong");
    must_stop("PORT=\"\" and a port in the file", {.variable = "", .file = file.path}, "PORT", "");
    must_stop("--port \"\" and PORT=" + variable, {.option = "", .variable = variable}, "--port", "");

    grader.check("a wrong value in a source that loses stops it too", "status 78, although a better source has a port",
                 "The program");
    must_stop("--port " + option + " and PORT=" + variable + "x", {.option = option, .variable = variable + "x"},
              "PORT", variable + "x");
    must_stop("PORT=" + variable + " and PORT=" + in_file + "x in the file", {.variable = variable, .file = bad.path},
              bad.path, in_file + "x");
    must_stop("--port " + option + " and PORT=" + in_file + "x in the file", {.option = option, .file = bad.path},
              bad.path, in_file + "x");

    grader.check("a file that cannot be read stops it", "status 78 where CONFIG_FILE names no file, or is empty",
                 "The value is wrong");
    const std::string missing = file.path + ".missing";
    must_stop("CONFIG_FILE=" + missing, {.file = missing}, missing, "");
    must_stop("CONFIG_FILE=" + missing + " and --port " + option, {.option = option, .file = missing}, missing, "");
    must_stop("CONFIG_FILE=\"\" and --port " + option, {.option = option, .file = ""}, "CONFIG_FILE", "");

    grader.check("nothing comes on standard output when it refuses", "the complaint on standard error alone",
                 "The value is wrong");
    for (const auto& [words, program] : refusals)
        grader.expect(program.printed().empty(), "it refused, and had printed " + grader::in_quotes(program.printed()) +
                                                     "; it complained " + grader::in_quotes(program.complained()));

    grader.check("the message says which value is wrong, and where it stands",
                 "on standard error the value, and --port, PORT or the name of the file", "The value is wrong");
    for (const auto& [words, program] : refusals)
        grader.expect(holds(program.complained(), words), "its message has no " + grader::in_quotes(words) + ": " +
                                                              grader::in_quotes(program.complained()));

    grader.check("it refuses before it opens a socket", "status 78 where its first call of socket would kill it",
                 "From outside");
    Launch watched = Sources{.option = option, .variable = variable, .file = bad.path}.launch();
    watched.lacking = Lacking::sockets;
    grader.did("takes the call socket(2) away from the next program: who makes it is killed by SIGSYS");
    Program early = grader.start(watched);
    const int status = early.exit_status();
    grader.expect(status == 78, "it asked for a socket first, and ended with " + status_in_words(status));
    grader.check_refusal();
}
