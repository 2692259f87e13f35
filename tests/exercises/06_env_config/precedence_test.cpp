#include "tools/judge/demands.hpp"

#include <csignal>
#include <filesystem>
#include <fstream>
#include <unistd.h>

using namespace grader;

namespace {

bool holds(const std::string& text, const std::string& words) { return text.find(words) != text.npos; }

// Files of settings, gone when the verdict is there.
class Files {
  public:
    Files() { std::filesystem::create_directory(folder_); }
    ~Files() { std::filesystem::remove_all(folder_); }
    Files(const Files&) = delete;
    Files& operator=(const Files&) = delete;
    std::string path(const std::string& name) const { return folder_ + "/" + name; }
    std::string file(const std::string& name, const std::string& text) const {
        std::ofstream{path(name), std::ios::binary} << text;
        return path(name);
    }

  private:
    std::string folder_ = std::filesystem::temp_directory_path() / ("precedence." + std::to_string(::getpid()));
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
    const Files files;
    const std::string file =
                          files.file("settings.env", "# for the exercise\nSUPPORT=1\nPORT=" + in_file + "\nNAME=x\n"),
                      bad = files.file("bad.env", "PORT=" + in_file + "x\n");
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
                 "a listener on 127.0.0.1, on the port of the one source that has one", "Which source wins?");
    must_listen("PORT=" + variable + " in the environment", {.variable = variable}, of_variable, from_variable);
    must_listen("--port " + option, {.option = option}, of_option, from_option);
    must_listen("PORT=" + in_file + " in the file", {.file = file}, of_file, file);

    check_endings(grader, Sources{.variable = "0"}.launch(), "Which source wins?");

    grader.check("it listens when it says so", "a client that connects as soon as the ready line is there is connected",
                 "Which source wins?");
    {
        Program program = grader.start(Sources{.variable = variable}.launch());
        program.ready();
        const int error = grader.try_to_connect({"127.0.0.1", of_variable});
        grader.expect(error == 0, "the client got " + in_words(error));
        end(grader, program, Ending::sigterm);
    }

    grader.check("the command line wins over the environment and over the file",
                 "a listener on port " + option + ", which --port names", "Which source wins?");
    must_listen("--port " + option + " and PORT=" + variable, {.option = option, .variable = variable}, of_option,
                from_option);
    must_listen("--port " + option + " and another port in the file", {.option = option, .file = file}, of_option,
                from_option);
    must_listen("a port in each source", {option, variable, file}, of_option, from_option);

    grader.check("the environment wins over the file",
                 "a listener on port " + variable + ", which the variable PORT names", "Which source wins?");
    must_listen("PORT=" + variable + " and another port in the file", {.variable = variable, .file = file}, of_variable,
                from_variable);

    const auto must_take_8080 = [&](const std::string& what, const Sources& sources) {
        Program program = grader.start(sources.launch());
        if (program.line_or_end("listening on")) {
            const Address local = program.listener().local;
            grader.expect(local == Address{"127.0.0.1", 8080}, "with " + what + " it listens on " + to_string(local));
            end(grader, program, Ending::sigterm);
            origins.push_back({what, "PORT=8080 from the default\nlistening on 127.0.0.1:8080\n", program.printed()});
        } else { // on the machine's own network somebody else may have port 8080
            const int status = program.exit_status();
            grader.expect(!grader.alone() && status == 1, "with " + what + " it ended with " + status_in_words(status));
            if (!program.printed().empty()) // it may have told the origin before it knew
                origins.push_back({what, "PORT=8080 from the default\n", program.printed()});
        }
    };

    grader.check("without any source it takes port 8080", "a listener on 127.0.0.1:8080", "Which source wins?");
    must_take_8080("no source at all", {});

    grader.check("a file without PORT decides nothing",
                 "a listener on the port of the environment, or else of the default", "Which source wins?");
    const std::string other = files.file("other.env", "# no port in here\nSUPPORT=1\nNAME=demo\n"),
                      similar = files.file("similar.env", "# PORT=1\n PORT=1\nPORT =1\nport=1\nPORTS=1\nexport PORT=1\n"
                                                          "Port=1\nPORT\n"),
                      nothing = files.file("nothing.env", "");
    must_listen("PORT=" + variable + " and a file without PORT", {.variable = variable, .file = other}, of_variable,
                from_variable);
    must_listen("PORT=" + variable + " and an empty file", {.variable = variable, .file = nothing}, of_variable,
                from_variable);
    must_take_8080("a file without PORT", {.file = other});
    must_take_8080("a file of lines that only look like PORT=", {.file = similar});

    grader.check("the first line of the file that begins with PORT= counts",
                 "a listener on its port, wherever the line stands, and whatever comes after it", "Which source wins?");
    std::string lines =
        "NOTE=" + std::string(100'000, 'x') + "\n"; // more than a buffer that somebody thought large enough
    for (unsigned i = 0; i < 2000; ++i)
        lines += "SETTING_" + std::to_string(i) + "=1\n";
    for (const auto& [what, text] :
         {std::pair{"two lines PORT= in the file", "PORT=" + in_file + "\nPORT=" + option + "\n"},
          {"PORT= in the last line of the file, which has no end", "SUPPORT=1\nPORT=" + in_file},
          {"PORT= in line 2002 of the file", lines + "PORT=" + in_file + "\n"}})
        must_listen(what, {.file = files.file("lines.env", text)}, of_file, files.path("lines.env"));

    files.file("a file.env", "PORT=" + in_file + "\n");
    const std::string roundabout =
        files.path("../" + std::filesystem::path{files.path("")}.parent_path().filename().string() + "/./a file.env");
    must_listen("CONFIG_FILE=" + in_quotes(roundabout), {.file = roundabout}, of_file, roundabout);

    grader.check("leading zeros change nothing", "a listener on the same port, with zeros before it in whichever place",
                 "Which source wins?");
    for (const std::string& text : texts_of(of_variable)) {
        must_listen("--port " + text, {.option = text}, of_variable, from_option);
        must_listen("PORT=" + text, {.variable = text}, of_variable, from_variable);
        must_listen("PORT=" + text + " in the file", {.file = files.file("zeros.env", "PORT=" + text + "\n")},
                    of_variable, files.path("zeros.env"));
    }

    if (grader.alone()) {
        grader.check("every number from 0 to 65535 is a port", "a listener on it: on the first one, and on the last",
                     "Which source wins?");
        for (const auto port : {std::uint16_t{1}, std::uint16_t{65535}}) {
            const std::string text = std::to_string(port);
            must_listen("--port " + text, {.option = text}, port, from_option);
            must_listen("PORT=" + text, {.variable = text}, port, from_variable);
            must_listen("PORT=" + text + " in the file", {.file = files.file("ends.env", "PORT=" + text)}, port,
                        files.path("ends.env"));
        }
    }

    grader.check("0 is a port like the others, and wins like them",
                 "with --port 0 and PORT=" + variable + " a port of the kernel's choice, and the ready line has it",
                 "Which source wins?");
    const std::string zero_file = files.file("zero.env", "PORT=0\n");
    const auto must_choose = [&](const std::string& what, const Sources& sources, const std::string& origin) {
        const Run zero = run(grader, sources);
        grader.expect(zero.listens.port != of_variable && zero.listens.port != of_file && zero.listens.port != 8080,
                      "with " + what + " it listens on " + to_string(zero.listens));
        grader.expect(zero.says == zero.listens,
                      "it says " + to_string(zero.says) + ", and the kernel says " + to_string(zero.listens));
        origins.push_back(
            {what, "PORT=0 from " + origin + "\nlistening on " + to_string(zero.listens) + "\n", zero.printed});
    };
    must_choose("--port 0", {.option = "0", .variable = variable, .file = file}, from_option);
    must_choose("PORT=0 and another port in the file", {.variable = "0", .file = file}, from_variable);
    must_choose("PORT=0 in the file", {.file = zero_file}, zero_file);

    grader.check("it says what it was asked for, and by whom",
                 "two lines: PORT=NUMBER from the command line (or: the environment, the name of the file, the "
                 "default), and the ready line",
                 "Which source wins?");
    for (const Printed& printed : origins)
        grader.expect(printed.was == printed.must, "with " + printed.with + " it printed " +
                                                       grader::in_quotes(printed.was) + ", but " +
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
                 "How do you read a number strictly?");
    must_stop("--port " + option + "x and PORT=" + variable, {.option = option + "x", .variable = variable}, "--port",
              option + "x");
    must_stop("PORT=70000 and another port in the file", {.variable = "70000", .file = file}, "PORT", "70000");
    must_stop("PORT=" + in_file + "x in the file", {.file = bad}, bad, in_file + "x");

    grader.check("every place is read strictly", "status 78 for whatever is not decimal digits alone, from 0 to 65535",
                 "How do you read a number strictly?");
    for (const std::string& text : no_ports(of_option)) {
        if (text.empty())
            continue; // the next check
        must_stop("--port " + in_quotes(text), {.option = text}, "--port", text);
        must_stop("PORT=" + in_quotes(text), {.variable = text}, "PORT", text);
        if (text.find('\n') == text.npos) // which ends the line, and the value with it
            must_stop("PORT=" + in_quotes(text) + " in the file",
                      {.file = files.file("strict.env", "PORT=" + text + "\n")}, files.path("strict.env"), text);
    }
    must_stop("PORT=" + option + "\\r in the file", {.file = files.file("dos.env", "PORT=" + option + "\r\n")},
              files.path("dos.env"), option);
    must_stop("a zero byte behind the digits in the file",
              {.file = files.file("null.env", "PORT=" + option + std::string("\0x\n", 3))}, files.path("null.env"),
              option);

    grader.check("an empty value is a value, and a wrong one",
                 "status 78 for PORT=\"\", for --port \"\", and for PORT= in the file",
                 "How do you read a number strictly?");
    must_stop("PORT=\"\" and a port in the file", {.variable = "", .file = file}, "PORT", "");
    must_stop("--port \"\" and PORT=" + variable, {.option = "", .variable = variable}, "--port", "");
    const std::string empty = files.file("empty.env", "PORT=\nPORT=" + in_file + "\n");
    must_stop("PORT= and nothing behind it in the file", {.file = empty}, empty, "");

    grader.check("a wrong value in a source that loses stops it too", "status 78, although a better source has a port",
                 "Which source wins?");
    must_stop("--port " + option + " and PORT=" + variable + "x", {.option = option, .variable = variable + "x"},
              "PORT", variable + "x");
    must_stop("PORT=" + variable + " and PORT=" + in_file + "x in the file", {.variable = variable, .file = bad}, bad,
              in_file + "x");
    must_stop("--port " + option + " and PORT=" + in_file + "x in the file", {.option = option, .file = bad}, bad,
              in_file + "x");

    grader.check("a file that cannot be read stops it",
                 "status 78 if CONFIG_FILE names no file, or what cannot be read, or is empty",
                 "How do you read a number strictly?");
    const std::string missing = files.path("missing.env"), folder = files.path(""),
                      unreadable = files.file("secret.env", "");
    must_stop("CONFIG_FILE=" + missing, {.file = missing}, missing, "");
    must_stop("CONFIG_FILE=" + missing + " and --port " + option, {.option = option, .file = missing}, missing, "");
    must_stop("CONFIG_FILE=\"\" and --port " + option, {.option = option, .file = ""}, "CONFIG_FILE", "");
    must_stop("CONFIG_FILE=" + folder + ", a directory", {.file = folder}, folder, "");
    must_stop("CONFIG_FILE=" + folder + ", a directory, and --port " + option, {.option = option, .file = folder},
              folder, "");
    must_stop("CONFIG_FILE=" + file + "/more", {.variable = variable, .file = file + "/more"}, file + "/more", "");
    const std::string fails = "/proc/self/mem"; // can be opened; there is nothing at its beginning: EIO
    if (std::filesystem::exists(fails))
        must_stop("CONFIG_FILE=" + fails + ", which the kernel opens and does not read",
                  {.option = option, .file = fails}, fails, "");
    std::filesystem::permissions(unreadable, std::filesystem::perms::none);
    if (::access(unreadable.c_str(), R_OK) != 0) // the superuser reads everything
        must_stop("CONFIG_FILE=" + unreadable + ", which may not be read", {.option = option, .file = unreadable},
                  unreadable, "");

    grader.check("nothing comes on standard output when it refuses", "the complaint on standard error alone",
                 "How do you read a number strictly?");
    for (const auto& [words, program] : refusals)
        grader.expect(program.printed().empty(), "it refused, and had printed " + grader::in_quotes(program.printed()) +
                                                     "; it complained " + grader::in_quotes(program.complained()));

    grader.check("the message says which value is wrong, and where it stands",
                 "on standard error the value, and --port, PORT or the name of the file",
                 "How do you read a number strictly?");
    for (const auto& [words, program] : refusals)
        if (words.find_first_of("\t\n") == words.npos) // how such a value is shown is the program's own choice
            grader.expect(holds(program.complained(), words), "its message has no " + grader::in_quotes(words) + ": " +
                                                                  grader::in_quotes(program.complained()));

    grader.check("it refuses before it opens a socket", "status 78, even though its first call of socket would kill it",
                 "Which source wins?");
    Launch watched = Sources{.option = option, .variable = variable, .file = bad}.launch();
    watched.lacking = Lacking::sockets;
    grader.did("takes the call socket(2) away from the next program: who makes it is killed by SIGSYS");
    Program early = grader.start(watched);
    const int status = early.exit_status();
    grader.expect(status == 78, "it asked for a socket first, and ended with " + status_in_words(status));
    grader.check_refusal();

    grader.check("a port that is taken stops it with status 1", "status 1, no ready line, and why on standard error",
                 "What people run into");
    const Client holder = grader.listen("127.0.0.1");
    Program second = grader.start(Sources{.option = std::to_string(holder.local().port)}.launch());
    if (const auto line = second.line_or_end("listening on"))
        grader.fail("the grader holds that port, and it says " + grader::in_quotes(*line));
    const int refusal = second.exit_status();
    grader.expect(refusal == 1, "with a port that is taken it ended with " + status_in_words(refusal));
    grader.expect(!second.complained().empty(), "it ended with status 1, and said nothing");
}
