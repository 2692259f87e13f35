#include "chapters/06_env_config/env_file.hpp"
#include "tools/harness/network.hpp"
#include "tools/harness/process.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <netdb.h>
#include <netinet/in.h>
#include <set>
#include <sstream>
#include <sys/socket.h>
#include <unistd.h>

using namespace support;
using Catch::Matchers::ContainsSubstring;
using common::Protocol;

namespace {

const std::string port_rule = " is not a port: use a whole number from 0 to 65535 (0 lets the system choose)";
const std::string host_rule = " is not an IP address: use one such as 127.0.0.1 or ::1";

// A file that is gone when the test is over.
struct TemporaryFile {
    explicit TemporaryFile(const std::string& text)
        : path{std::filesystem::temp_directory_path() / ("portlab." + std::to_string(::getpid()) + ".env")} {
        std::ofstream{path, std::ios::binary} << text;
    }
    ~TemporaryFile() { std::filesystem::remove(path); }
    TemporaryFile(const TemporaryFile&) = delete;
    TemporaryFile& operator=(const TemporaryFile&) = delete;
    std::string path;
};

// Runs the program to its end, which must be status 78 with one line on standard error. Returns that line. Where the
// system can tell, a socket would have ended the program otherwise.
std::string refusal(Launch launch) {
    launch.lacking = Lacking::sockets;
    Process program{support::program("env_config"), launch};
    const int status = program.wait_for_exit();
    INFO("standard output:\n" << program.output() << "\nstandard error:\n" << program.complaints());
    CHECK(status == common::exit_config);
    CHECK(program.output().empty());
    CHECK(std::ranges::count(program.complaints(), '\n') == 1);
    CHECK_THAT(program.complaints(), Catch::Matchers::StartsWith("env_config: "));
    return program.complaints();
}

// The one socket that the program listens on, as the kernel has it.
Address listening(Process& program) {
    program.wait_for_line("listening on");
    const auto sockets = program.sockets(Protocol::tcp);
    REQUIRE(sockets.size() == 1);
    CHECK(sockets[0].state == "LISTEN");
    return sockets[0].local;
}

} // namespace

TEST_CASE("a PORT that is not a whole number from 0 to 65535 stops the program before it opens a socket") {
    const std::string value = GENERATE("", "80abc", " 8080", "+80", "-1", "65536", "70000", "http", "8080 ");
    CAPTURE(value);
    CHECK_THAT(refusal({.environment = {{"PORT", value}}}),
               ContainsSubstring("env_config: PORT=\"" + value + "\"" + port_rule));
}

TEST_CASE("other readers of numbers make a port of what is none: atoi, a stream, getaddrinfo") {
    CHECK(std::atoi("80abc") == 80);
    CHECK(std::atoi("http") == 0);
    std::uint16_t port = 0;
    std::istringstream{"-1"} >> port;
    CHECK(port == 65535);
#ifdef __GLIBC__
    addrinfo hints{}, *found = nullptr;
    hints.ai_family = AF_INET;
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV;
    REQUIRE(::getaddrinfo("127.0.0.1", "70000", &hints, &found) == 0);
    CHECK(ntohs(reinterpret_cast<const sockaddr_in*>(found->ai_addr)->sin_port) == 4464);
    ::freeaddrinfo(found);
#endif
}

TEST_CASE("a HOST that is not an address stops the program before it opens a socket") {
    const std::string value = GENERATE("", "localhost", "127.0.0.1:80", "127.1", " 127.0.0.1", "[::1]", "::1%lo");
    CAPTURE(value);
    CHECK_THAT(refusal({.environment = {{"HOST", value}}}),
               ContainsSubstring("env_config: HOST=\"" + value + "\"" + host_rule));
}

#ifdef __linux__
TEST_CASE("the proof that no socket was opened can fail: with valid settings the same watch ends the program") {
    Process program{support::program("env_config"), {.environment = {{"PORT", "0"}}, .lacking = Lacking::sockets}};
    CHECK(program.wait_for_exit() == 128 + SIGSYS);
}
#endif

TEST_CASE("a mistake on the command line is named and stops the program before it opens a socket") {
    CHECK_THAT(refusal({.arguments = {"--port", "80abc"}}), ContainsSubstring("--port=\"80abc\"" + port_rule));
    CHECK_THAT(refusal({.arguments = {"--port", ""}}), ContainsSubstring("--port=\"\"" + port_rule));
    CHECK_THAT(refusal({.arguments = {"--host", "example.org"}}),
               ContainsSubstring("--host=\"example.org\"" + host_rule));
    const std::string allowed = ": use --host ADDRESS and --port NUMBER\n";
    CHECK_THAT(refusal({.arguments = {"--prot", "80"}}), ContainsSubstring("unknown option \"--prot\"" + allowed));
    CHECK_THAT(refusal({.arguments = {"8080"}}), ContainsSubstring("unknown option \"8080\"" + allowed));
    CHECK_THAT(refusal({.arguments = {"--host", "::1", "--port"}}),
               ContainsSubstring("--port comes without its value" + allowed));
}

TEST_CASE("a mistake in the file is reported with file, line and value before a socket is opened") {
    const auto [text, message] = GENERATE(table<std::string, std::string>({
        {"PORT=80abc", ":1: PORT=\"80abc\"" + port_rule},
        {"# two settings\n\nHOST=127.0.0.1\nPORT=65536\n", ":4: PORT=\"65536\"" + port_rule},
        {"PORT=\n", ":1: PORT=\"\"" + port_rule},
        {"PORT=8081 # staging\n", ":1: PORT=\"8081 # staging\"" + port_rule},
        {"HOST=localhost\n", ":1: HOST=\"localhost\"" + host_rule},
        {"PROT=8081\n", ":1: unknown name PROT: use HOST and PORT"},
        {"port=8081\n", ":1: unknown name port: use HOST and PORT"},
        {"PORT=\"8081\"\n", ":1: PORT=\"8081\": systemd drops the quotes and Docker keeps them"},
    }));
    const TemporaryFile file{text};
    CAPTURE(text);
    CHECK_THAT(refusal({.environment = {{"CONFIG_FILE", file.path}}}), ContainsSubstring(file.path + message));
}

TEST_CASE("a file that cannot be read stops the program before it opens a socket") {
    const auto [path, reason] = GENERATE(table<std::string, std::string>({
        {"", "cannot be read: No such file or directory"},
        {"/nowhere/production.env", "cannot be read: No such file or directory"},
        {"/dev", "cannot be read: Is a directory"},
        {"/dev/zero", "is longer than 1048576 bytes"},
    }));
    CHECK_THAT(refusal({.environment = {{"CONFIG_FILE", path}}}),
               ContainsSubstring("CONFIG_FILE=\"" + path + "\" " + reason));
    if (::geteuid() != 0) { // root may read everything
        const TemporaryFile file{"PORT=8081\n"};
        std::filesystem::permissions(file.path, std::filesystem::perms::none);
        CHECK_THAT(refusal({.environment = {{"CONFIG_FILE", file.path}}}),
                   ContainsSubstring(file.path + "\" cannot be read: Permission denied"));
    }
}

TEST_CASE("a refusal can be read whatever the value is") {
    const auto [value, readable] = GENERATE(table<std::string, std::string>({
        {"8080\r", R"("8080\r")"},
        {"\x1b[2J80", R"("\x1b[2J80")"},
        {"80\u202e", R"("80\u202e")"},
        {std::string(100'000, '8'), "... (100000 bytes) is not"},
    }));
    for (const char* const variable : {"PORT", "HOST", "CONFIG_FILE"}) {
        const std::string message = refusal({.environment = {{variable, value}}});
        CHECK_THAT(message,
                   ContainsSubstring(variable + std::string{"="}) &&
                       ContainsSubstring(variable == std::string{"CONFIG_FILE"} ? readable.substr(0, 12) : readable));
        CHECK(message.size() < 400);
        CHECK(std::ranges::count_if(message, [](unsigned char c) { return c < ' '; }) == 1); // the newline
    }
    CHECK_THAT(refusal({.arguments = {"--p\x1b[m"}}), ContainsSubstring(R"(unknown option "--p\x1b[m")"));
}

TEST_CASE("--help says how it is used") {
    Process program{support::program("env_config"), {.arguments = {"--help"}}};
    CHECK(program.wait_for_exit() == 0);
    CHECK(program.output() == "usage: env_config [--host ADDRESS] [--port NUMBER]\n");
}

TEST_CASE("an invalid value is refused where a better source has a valid one too") {
    const TemporaryFile file{"PORT=70000\n"};
    CHECK_THAT(refusal({.environment = {{"CONFIG_FILE", file.path}, {"PORT", "0"}}}),
               ContainsSubstring(file.path + ":1: PORT=\"70000\""));
    CHECK_THAT(refusal({.arguments = {"--port", "0"}, .environment = {{"PORT", ""}}}), ContainsSubstring("PORT=\"\""));
}

TEST_CASE("the command line wins over the environment, that over the file, and that over the default") {
    const std::string from_default = GENERATE("", "file", "file environment", "file environment option");
    const bool file_given = from_default.find("file") != from_default.npos,
               variable_given = from_default.find("environment") != from_default.npos,
               option_given = from_default.find("option") != from_default.npos;
    CAPTURE(from_default);
    need_private_network();
    const TemporaryFile file{"# both\nHOST=127.0.0.2\nPORT=8081\n"};
    Launch launch;
    Address expected{"127.0.0.1", 8080};
    std::string host_origin = "the default", port_origin = "the default";
    if (file_given) {
        launch.environment["CONFIG_FILE"] = file.path;
        expected = {"127.0.0.2", 8081};
        host_origin = file.path + ":2", port_origin = file.path + ":3";
    }
    if (variable_given) {
        launch.environment["HOST"] = "127.0.0.3";
        launch.environment["PORT"] = "8082";
        expected = {"127.0.0.3", 8082};
        host_origin = "the environment variable HOST", port_origin = "the environment variable PORT";
    }
    if (option_given) {
        launch.arguments = {"--host", "127.0.0.4", "--port", "8083"};
        expected = {"127.0.0.4", 8083};
        host_origin = "the option --host", port_origin = "the option --port";
    }
    Process program{support::program("env_config"), launch};
    CHECK(to_string(listening(program)) == to_string(expected));
    CHECK_THAT(program.output(), ContainsSubstring("HOST " + expected.ip + ", from " + host_origin + "\n"));
    CHECK_THAT(program.output(),
               ContainsSubstring("PORT " + std::to_string(expected.port) + ", from " + port_origin + "\n"));
}

TEST_CASE("each setting is looked up by itself: the address from one source, the port from another") {
    const TemporaryFile file{"HOST=127.0.0.1\n"};
    Process program{support::program("env_config"),
                    {.arguments = {"--port", "0"}, .environment = {{"CONFIG_FILE", file.path}}}};
    CHECK(listening(program).ip == "127.0.0.1");
    CHECK_THAT(program.output(), ContainsSubstring("HOST 127.0.0.1, from " + file.path + ":1\n"));
    CHECK_THAT(program.output(), ContainsSubstring("PORT 0, from the option --port\n"));
}

TEST_CASE("PORT=0 is valid: the kernel chooses, and the ready line has its choice") {
    Process program{support::program("env_config"), {.environment = {{"PORT", "0"}}}};
    const Address printed = address_in(program.wait_for_line("listening on"));
    CHECK(printed.port != 0);
    const auto sockets = program.sockets(Protocol::tcp);
    REQUIRE(sockets.size() == 1);
    CHECK(sockets[0].local == printed);
    CHECK(connect_to(printed).error() == 0);
}

TEST_CASE("a HOST of IPv6 is bound like one of IPv4") {
    need_ipv6();
    Process program{support::program("env_config"), {.environment = {{"HOST", "::1"}, {"PORT", "0"}}}};
    CHECK(listening(program).ip == "::1");
}

TEST_CASE("without IPv6 a HOST of IPv6 ends with status 1 and the reason") {
    Process program{support::program("env_config"),
                    {.environment = {{"HOST", "::1"}, {"PORT", "0"}}, .lacking = Lacking::ipv6}};
    CHECK(program.wait_for_exit() == 1);
    CHECK_THAT(program.complaints(), ContainsSubstring("[::1]:0: open: Address family not supported"));
}

TEST_CASE("one file, proven by its SHA-256, runs as development, staging and production side by side") {
    need_private_network();
    const std::string sha256sum = installed("sha256sum");
    const std::string folder = PORTLAB_SOURCE_DIR "/chapters/06_env_config/";
    std::vector<std::unique_ptr<Process>> instances;
    std::vector<std::string> running_files, addresses;
    for (const std::string environment : {"development", "staging", "production"}) {
        instances.push_back(std::make_unique<Process>(
            support::program("env_config"), Launch{.environment = {{"CONFIG_FILE", folder + environment + ".env"}}}));
        addresses.push_back(to_string(listening(*instances.back())));
        running_files.push_back("/proc/" + std::to_string(instances.back()->pid()) + "/exe");
    }
    CHECK(addresses == std::vector<std::string>{"127.0.0.1:8081", "127.0.0.1:8082", "127.0.0.1:8083"});

    Process sums{sha256sum, {.arguments = running_files}};
    REQUIRE(sums.wait_for_exit() == 0);
    std::istringstream lines{sums.output()};
    std::set<std::string> distinct;
    for (std::string sum, file; lines >> sum >> file;) {
        CHECK(sum.size() == 64);
        distinct.insert(sum);
    }
    INFO(sums.output());
    CHECK(distinct.size() == 1);
}

#ifdef __linux__
TEST_CASE("a process's environment is there for its owner alone to read, as it was at the start") {
    Process program{support::program("env_config"), {.environment = {{"PORT", "0"}}}};
    program.wait_for_line("listening on");
    const std::string path = "/proc/" + std::to_string(program.pid()) + "/environ";
    CHECK(std::filesystem::status(path).permissions() == std::filesystem::perms::owner_read);
    std::ifstream file{path};
    std::set<std::string> variables;
    for (std::string variable; std::getline(file, variable, '\0');)
        variables.insert(variable);
    CHECK(variables.contains("PORT=0"));
}

TEST_CASE("kernel: execve copies the environment: what the parent sets later does not reach the process") {
    ::setenv("PORTLAB_PROBE", "before", 1);
    Process reader{"/bin/sh", {.arguments = {"-c", "read -r line; echo \"$PORTLAB_PROBE\""}}};
    ::setenv("PORTLAB_PROBE", "after", 1);
    reader.type("\n");
    CHECK(reader.next_line() == "before");
    ::unsetenv("PORTLAB_PROBE");
    reader.wait_for_exit();
}
#endif

TEST_CASE("a port in use ends the program with status 1, the holder's name and what to do") {
    Process holder{support::program("env_config"), {.environment = {{"PORT", "0"}}}};
    const std::string port = std::to_string(listening(holder).port);
    Process program{support::program("env_config"), {.environment = {{"PORT", port}}}};
    CHECK(program.wait_for_exit() == 1);
    CHECK(program.output().find("listening") == std::string::npos);
    CHECK_THAT(program.complaints(), ContainsSubstring("127.0.0.1:" + port + ": bind: Address already in use: "));
    CHECK_THAT(program.complaints(), ContainsSubstring("stop it, or choose another PORT (0 lets the system choose)"));
#ifdef __linux__
    CHECK_THAT(program.complaints(),
               ContainsSubstring("held by env_config, process " + std::to_string(holder.pid()) + ": "));
#endif
}

TEST_CASE("a privileged port is refused to an ordinary user, with the remedy") {
    need_private_network();
    set_sysctl("net/ipv4/ip_unprivileged_port_start", "1024");
    Process program{support::program("env_config"), {.environment = {{"PORT", "80"}}, .lacking = Lacking::low_ports}};
    CHECK(program.wait_for_exit() == 1);
    CHECK_THAT(program.complaints(), ContainsSubstring("127.0.0.1:80: bind: Permission denied"));
    CHECK_THAT(program.complaints(), ContainsSubstring("CAP_NET_BIND_SERVICE: choose a PORT from 1024 up"));
}

TEST_CASE("an address of another machine is refused at run time, with the reason") {
    Process program{support::program("env_config"), {.environment = {{"HOST", "192.0.2.1"}, {"PORT", "0"}}}};
    CHECK(program.wait_for_exit() == 1);
    CHECK_THAT(program.complaints(), ContainsSubstring("192.0.2.1:0: bind: Cannot assign requested address"));
    CHECK_THAT(program.complaints(), ContainsSubstring("this machine does not have that address: choose a HOST"));
}

TEST_CASE("Enter, end of input, SIGINT and SIGTERM each end it with status 0") {
    const std::string end = GENERATE("Enter", "end of input", "SIGINT", "SIGTERM");
    CAPTURE(end);
    Process program{support::program("env_config"), {.environment = {{"PORT", "0"}}}};
    program.wait_for_line("listening on");
    if (end == "Enter")
        program.type("\n");
    else if (end == "end of input")
        program.close_input();
    else
        program.send_signal(end == "SIGINT" ? SIGINT : SIGTERM);
    CHECK(program.wait_for_exit() == 0);
    CHECK(program.complaints().empty());
}

TEST_CASE("the file format is what Docker and systemd read alike") {
    using namespace std::string_literals;
    const auto [text, name, value] = GENERATE(table<std::string, std::string, std::string>({
        {"PORT=8081", "PORT", "8081"},                             // the last line may lack its newline
        {"PORT=8081\r\n\r\n", "PORT", "8081"},                     // and may end as on Windows
        {"\n \t\n# PORT=1\n  # caf\xC3\xA9\nA_1=b\n", "A_1", "b"}, // blank lines and comments
        {"  PORT=8081\n", "PORT", "8081"},                         // spaces before the name go
        {"X=\n", "X", ""},                                         // empty is a value
        {"X=a=b\n", "X", "a=b"},                                   // the first = ends the name
        {"X=a #b\n", "X", "a #b"},                                 // a comment has a line of its own
        {"X=a\"b'c\n", "X", "a\"b'c"},                             // quotes matter to systemd at the beginning alone
        {"X=$HOME ${Y} `z`\n", "X", "$HOME ${Y} `z`"},             // neither expands anything
        {"X=\xF0\x9F\x9A\xA2\n", "X", "\xF0\x9F\x9A\xA2"},
        {"# C:\\\\\nX=1\n", "X", "1"},                          // two backslashes escape no line end
        {"# C:\\\r\nX=1\r\n", "X", "1"},                        // nor does one before a carriage return
        {"# C:\\\n# more\n\nX=1\n", "X", "1"},                  // and what follows is a comment anyway
        {"X=1\n# C:\\", "X", "1"},                              // or nothing
        {"# \xEF\xBF\xBF\nX=1\n", "X", "1"},                    // U+FFFF in a comment
        {"X=\xEF\xBB\xBFy\n", "X", "\xEF\xBB\xBFy"},            // a byte order mark that is none
        {"# " + std::string(65533, 'c') + "\nX=1\n", "X", "1"}, // the longest line
    }));
    CAPTURE(text);
    const auto lines = parse_env_file("x.env", text);
    REQUIRE(lines.size() == 1);
    CHECK(lines[0].name == name);
    CHECK(lines[0].value == value);
}

TEST_CASE("a line that Docker and systemd read differently is refused with its number and the reason") {
    using namespace std::string_literals;
    const auto [line, why] = GENERATE(table<std::string, std::string>({
        {"PORT=\"8081\"", "drops the quotes"},
        {"PORT='8081'", "drops the quotes"},
        {"PORT=\"8081", "drops the quotes"},
        {"PORT= 8081", "drops the spaces"},
        {"PORT=8081 ", "drops the spaces"},
        {"PORT=8081\t", "drops the spaces"},
        {"PORT=80\\81", "reads a backslash as an escape"},
        {"PORT=8081\\", "reads a backslash as an escape"},
        {"; PORT=8081", "begin a comment with #"},
        {"PORT", "no =, so systemd skips the line"},
        {"PORT =8081", "Docker refuses a space before the ="},
        {"export PORT=8081", "export is a word of the shell"},
        {"export\tPORT=8081", "export is a word of the shell"},
        {"MY PORT=8081", "a space in the name"},
        {"=8081", "no name before the ="},
        {"8PORT=8081", "systemd skips one that is not made of letters"},
        {"MY-PORT=8081", "systemd skips one that is not made of letters"},
        {"PORT=80\r81", "a carriage return within the line"},
        {"PORT=8081\r\r", "a carriage return within the line"},
        {"# a\rPORT=1", "a carriage return within the line"},
        {"PORT=80\0"s
         "81",
         "a NUL byte"},
        {"# B\xFCro", "not UTF-8"},          // Latin-1
        {"X=\xC0\x80", "not UTF-8"},         // longer than need be
        {"X=\xE0\x80\x80", "not UTF-8"},     // the same
        {"X=\xED\xA0\x80", "not UTF-8"},     // half of a surrogate pair
        {"X=\xF4\x90\x80\x80", "not UTF-8"}, // beyond U+10FFFF
        {"X=\xC3", "not UTF-8"},             // cut short
        {"X=\xFF", "not UTF-8"},
        {"X=\xEF\xBF\xBE", "noncharacters"}, // U+FFFE
        {"X=\xEF\xB7\x90", "noncharacters"}, // U+FDD0
        {"X=" + std::string(65534, 'y'), "Docker refuses a line of more than 65535 bytes"},
    }));
    CAPTURE(line);
    std::string message;
    try {
        parse_env_file("x.env", "# first\nOTHER=1\n" + line + "\nLAST=1\n");
    } catch (const common::ConfigError& error) {
        message = error.what();
    }
    CHECK_THAT(message, Catch::Matchers::StartsWith("x.env:3: "));
    CHECK_THAT(message, ContainsSubstring(why));
    CHECK(message.size() < 400);
    CHECK(std::ranges::all_of(message, [](unsigned char c) { return c >= ' ' && c != 0x7F; }));
}

TEST_CASE("what older versions of systemd take for a part of a comment is refused, and the byte order mark of a file") {
    const auto refusal = [](const std::string& text) {
        try {
            parse_env_file("x.env", text);
        } catch (const common::ConfigError& error) {
            return std::string{error.what()};
        }
        return std::string{};
    };
    CHECK_THAT(refusal("# C:\\\nPORT=1\n"), Catch::Matchers::StartsWith("x.env:2: PORT=1: for systemd before 254"));
    CHECK_THAT(refusal("# \\\\\\\n \t PORT=1"), Catch::Matchers::StartsWith("x.env:2: PORT=1: for systemd before 254"));
    CHECK_THAT(refusal("\xEF\xBB\xBFPORT=1\n"),
               Catch::Matchers::StartsWith("x.env:1: \\ufeffPORT=1: a byte order mark"));
}

TEST_CASE("of two lines with one name the later counts, and both are checked") {
    const auto lines = parse_env_file("x.env", "PORT=1\nHOST=::1\nPORT=2\n");
    REQUIRE(lines.size() == 3);
    CHECK(lines[2].name == "PORT");
    CHECK(lines[2].value == "2");
    CHECK(lines[2].number == 3);
}
