#include "common/config.hpp"
#include "tools/harness/network.hpp"
#include "tools/harness/process.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <charconv>
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
#include <string_view>
#include <sys/socket.h>
#include <unistd.h>

using namespace support;
using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::StartsWith;
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

// Runs the program to its end, which must be status 78 with one line on standard error. Returns that line. If the
// system can tell, a socket would have ended the program otherwise.
std::string refusal(const std::string& name, Launch launch) {
    launch.lacking = Lacking::sockets;
    Process program{support::program(name), launch};
    const int status = program.wait_for_exit();
    INFO("standard output:\n" << program.output() << "\nstandard error:\n" << program.complaints());
    CHECK(status == common::exit_config);
    CHECK(program.output().empty());
    CHECK(std::ranges::count(program.complaints(), '\n') == 1);
    CHECK_THAT(program.complaints(), StartsWith(name + ": "));
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

// The variables of a process as /proc shows them.
std::set<std::string> environment_of(pid_t process) {
    std::ifstream file{"/proc/" + std::to_string(process) + "/environ"};
    std::set<std::string> variables;
    for (std::string variable; std::getline(file, variable, '\0');)
        variables.insert(variable);
    return variables;
}

} // namespace

TEST_CASE("careless: every value comes to something, and some to a port that nobody asked for") {
    const auto [value, port] = GENERATE(table<std::string, std::uint16_t>(
        {{"8081", 8081}, {"73617", 8081}, {"8081,", 8081}, {"http", 0}, {"", 0}})); // 0: a port that the kernel chose
    CAPTURE(value);
    need_private_network();
    Process program{support::program("careless"), {.environment = {{"PORT", value}}}};
    const Address given = listening(program);
    CHECK(given.ip == "127.0.0.1");
    if (port == 0)
        CHECK(given.port >= 1024);
    else
        CHECK(given.port == port);
}

TEST_CASE("a PORT that is not a whole number from 0 to 65535 stops the program before it opens a socket") {
    const std::string value = GENERATE("", "80abc", " 8080", "+80", "-1", "65536", "70000", "http", "8080 ", "0x50",
                                       "18446744073709551696", "8081 # the greenhouse", "tcp://10.0.0.7:80");
    CAPTURE(value);
    CHECK_THAT(refusal("env_config", {.environment = {{"PORT", value}}}),
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

TEST_CASE("from_chars reads a minus sign into a signed number and none into an unsigned one, and no plus or space") {
    const auto read = []<class Number>(std::string_view text, Number& number) {
        const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
        return std::pair{end - text.data(), error};
    };
    std::uint16_t port = 7;
    int number = 7;
    CHECK(read("-1", number) == std::pair{std::ptrdiff_t{2}, std::errc{}});
    CHECK(number == -1);
    CHECK(read("-1", port).second == std::errc::invalid_argument);
    CHECK(read("+80", port).second == std::errc::invalid_argument);
    CHECK(read(" 80", port).second == std::errc::invalid_argument);
    CHECK(read("", port).second == std::errc::invalid_argument);
    CHECK(read("70000", port).second == std::errc::result_out_of_range);
    CHECK(port == 7);
    CHECK(read("80abc", port) == std::pair{std::ptrdiff_t{2}, std::errc{}});
    CHECK(port == 80);
}

TEST_CASE("a HOST that is not an address stops the program before it opens a socket") {
    const std::string value = GENERATE("", "localhost", "127.0.0.1:80", "127.1", " 127.0.0.1", "[::1]", "::1%lo");
    CAPTURE(value);
    CHECK_THAT(refusal("env_config", {.environment = {{"HOST", value}}}),
               ContainsSubstring("env_config: HOST=\"" + value + "\"" + host_rule));
}

#ifdef __linux__
TEST_CASE("the proof that no socket was opened can fail: with valid settings the same watch ends the program") {
    for (const char* const name : {"env_config", "sources"}) {
        Process program{support::program(name), {.environment = {{"PORT", "0"}}, .lacking = Lacking::sockets}};
        CHECK(program.wait_for_exit() == 128 + SIGSYS);
    }
}
#endif

TEST_CASE("a refusal can be read whatever the value is") {
    const auto [value, readable] = GENERATE(table<std::string, std::string>({
        {"8080\r", R"("8080\r")"},
        {"\x1b[2J80", R"("\x1b[2J80")"},
        {"80\u202e", R"("80\u202e")"},
        {std::string(100'000, '8'), "... (100000 bytes) is not"},
    }));
    for (const char* const variable : {"PORT", "HOST"}) {
        const std::string message = refusal("env_config", {.environment = {{variable, value}}});
        CHECK_THAT(message, ContainsSubstring(variable + std::string{"="}) && ContainsSubstring(readable));
        CHECK(message.size() < 400);
        CHECK(std::ranges::count_if(message, [](unsigned char c) { return c < ' '; }) == 1); // the newline
    }
}

TEST_CASE("without HOST and PORT it listens on 127.0.0.1:8080, whatever other variables there are") {
    need_private_network();
    Process program{support::program("env_config"), {.environment = {{"PROT", "8081"}, {"port", "8082"}}}};
    CHECK(to_string(listening(program)) == "127.0.0.1:8080");
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

TEST_CASE("HOST=:: is reached over IPv4 and over IPv6") {
    need_ipv6();
    Process program{support::program("env_config"), {.environment = {{"HOST", "::"}, {"PORT", "0"}}}};
    const std::uint16_t port = listening(program).port;
    CHECK(connect_to({"127.0.0.1", port}).error() == 0);
    CHECK(connect_to({"::1", port}).error() == 0);
}

TEST_CASE("without IPv6 a HOST of IPv6 ends with status 1 and the reason") {
    Process program{support::program("env_config"),
                    {.environment = {{"HOST", "::1"}, {"PORT", "0"}}, .lacking = Lacking::ipv6}};
    CHECK(program.wait_for_exit() == 1);
    CHECK_THAT(program.complaints(), ContainsSubstring("[::1]:0: open: Address family not supported"));
}

TEST_CASE("one file, proven by its SHA-256, runs on two ports side by side") {
    need_private_network();
    const std::string sha256sum = installed("sha256sum");
    Process roof{support::program("env_config")},
        greenhouse{support::program("env_config"), {.environment = {{"PORT", "8081"}}}};
    CHECK(to_string(listening(roof)) == "127.0.0.1:8080");
    CHECK(to_string(listening(greenhouse)) == "127.0.0.1:8081");

    const auto executable = [](const Process& process) { return "/proc/" + std::to_string(process.pid()) + "/exe"; };
    Process sums{sha256sum, {.arguments = {executable(roof), executable(greenhouse)}}};
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
    CHECK(environment_of(program.pid()).contains("PORT=0"));
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

TEST_CASE("kernel: what a process sets itself reaches what it starts, and is not in its own environ") {
    Process shell{"/bin/sh",
                  {.arguments = {"-c", "PORTLAB_PROBE=after; export PORTLAB_PROBE; echo ready; read -r line; env"},
                   .environment = {{"PORTLAB_PROBE", "before"}}}};
    REQUIRE(shell.next_line() == "ready");
    CHECK(environment_of(shell.pid()).contains("PORTLAB_PROBE=before"));
    shell.type("\n");
    CHECK(shell.wait_for_line("PORTLAB_PROBE=") == "PORTLAB_PROBE=after");
    shell.wait_for_exit();
}

TEST_CASE("a shell's variable reaches a program only if it is exported, or stands before the command") {
    const auto [command, seen] = GENERATE(table<std::string, std::string>({
        {"PORTLAB_PROBE=1; env", ""},
        {"export PORTLAB_PROBE=1; env", "PORTLAB_PROBE=1\n"},
        {"PORTLAB_PROBE=1 env", "PORTLAB_PROBE=1\n"},
    }));
    CAPTURE(command);
    Process shell{"/bin/sh", {.arguments = {"-c", command + " | grep ^PORTLAB_PROBE || :"}}};
    shell.wait_for_exit();
    CHECK(shell.output() == seen);
}
#endif

TEST_CASE("a port in use ends the program with status 1, the address and the reason") {
    Process holder{support::program("env_config"), {.environment = {{"PORT", "0"}}}};
    const std::string port = std::to_string(listening(holder).port);
    Process program{support::program("env_config"), {.environment = {{"PORT", port}}}};
    CHECK(program.wait_for_exit() == 1);
    CHECK(program.output().empty());
    CHECK(program.complaints() == "env_config: 127.0.0.1:" + port + ": bind: Address already in use\n");
}

TEST_CASE("a privileged port is refused to an ordinary user at run time") {
    need_private_network();
    set_sysctl("net/ipv4/ip_unprivileged_port_start", "1024");
    Process program{support::program("env_config"), {.environment = {{"PORT", "80"}}, .lacking = Lacking::low_ports}};
    CHECK(program.wait_for_exit() == 1);
    CHECK(program.complaints() == "env_config: 127.0.0.1:80: bind: Permission denied\n");
}

TEST_CASE("an address of another machine is refused at run time, with the reason") {
    Process program{support::program("env_config"), {.environment = {{"HOST", "192.0.2.1"}, {"PORT", "0"}}}};
    CHECK(program.wait_for_exit() == 1);
    CHECK(program.complaints() == "env_config: 192.0.2.1:0: bind: Cannot assign requested address\n");
}

TEST_CASE("the command line wins over the environment, that over the file, and that over the default") {
    const std::string given = GENERATE("", "file", "file environment", "file environment option");
    CAPTURE(given);
    need_private_network();
    const TemporaryFile file{"# the greenhouse\nNAME=greenhouse\nPORT=8081\n"};
    Launch launch;
    std::string port = "8080", origin = "default";
    if (given.find("file") != given.npos) {
        launch.environment["CONFIG_FILE"] = file.path;
        port = "8081", origin = file.path + ":3: PORT";
    }
    if (given.find("environment") != given.npos) {
        launch.environment["PORT"] = port = "8082";
        origin = "environment variable PORT";
    }
    if (given.find("option") != given.npos) {
        launch.arguments = {"--port", port = "8083"};
        origin = "option --port";
    }
    Process program{support::program("sources"), launch};
    CHECK(to_string(listening(program)) == "127.0.0.1:" + port);
    CHECK_THAT(program.output(), StartsWith(origin + "=" + port + " wins\n"));
}

TEST_CASE("an invalid value is refused even if a stronger source has a valid one") {
    const TemporaryFile file{"PORT=70000\n"};
    CHECK_THAT(refusal("sources", {.environment = {{"CONFIG_FILE", file.path}, {"PORT", "0"}}}),
               ContainsSubstring(file.path + ":1: PORT=\"70000\"" + port_rule));
    CHECK_THAT(refusal("sources", {.arguments = {"--port", "0"}, .environment = {{"PORT", ""}}}),
               ContainsSubstring("environment variable PORT=\"\"" + port_rule));
}

TEST_CASE("a mistake on the command line is named and stops the program before it opens a socket") {
    CHECK_THAT(refusal("sources", {.arguments = {"--port", "80abc"}}),
               ContainsSubstring("option --port=\"80abc\"" + port_rule));
    for (const std::vector<std::string>& words :
         {std::vector<std::string>{"--port"}, {"--prot", "80"}, {"8080"}, {"--port", "80", "81"}})
        CHECK(refusal("sources", {.arguments = words}) == "sources: wrong arguments: use --port NUMBER, or none\n");
}

TEST_CASE("a mistake in the file is reported with file, line and value before a socket is opened") {
    const auto [text, message] = GENERATE(table<std::string, std::string>({
        {"PORT=80abc", ":1: PORT=\"80abc\"" + port_rule},
        {"# two settings\n\nNAME=greenhouse\nPORT=65536\n", ":4: PORT=\"65536\"" + port_rule},
        {"PORT=\n", ":1: PORT=\"\"" + port_rule},
        {"PORT=8081 # greenhouse\n", ":1: PORT=\"8081 # greenhouse\"" + port_rule},
        {"PORT=8081\nPORT=x\n", ":2: PORT=\"x\"" + port_rule},
        {"PORT=\"8081\"\n", ":1: PORT=\"8081\": systemd drops the quotes and Docker keeps them"},
    }));
    const TemporaryFile file{text};
    CAPTURE(text);
    CHECK_THAT(refusal("sources", {.environment = {{"CONFIG_FILE", file.path}}}),
               ContainsSubstring(file.path + message));
}

TEST_CASE("a file that cannot be read stops the program before it opens a socket") {
    const auto [path, reason] = GENERATE(table<std::string, std::string>({
        {"", "cannot be read: No such file or directory"},
        {"/nowhere/greenhouse.env", "cannot be read: No such file or directory"},
        {"/dev", "cannot be read: Is a directory"},
        {"/dev/zero", "is longer than 1048576 bytes"},
    }));
    CHECK_THAT(refusal("sources", {.environment = {{"CONFIG_FILE", path}}}),
               ContainsSubstring("CONFIG_FILE=\"" + path + "\" " + reason));
    if (::geteuid() != 0) { // root may read everything
        const TemporaryFile file{"PORT=8081\n"};
        std::filesystem::permissions(file.path, std::filesystem::perms::none);
        CHECK_THAT(refusal("sources", {.environment = {{"CONFIG_FILE", file.path}}}),
                   ContainsSubstring(file.path + "\" cannot be read: Permission denied"));
    }
}

TEST_CASE("node: an .env file drops quotes, comments and export, and expands nothing") {
    const std::string node = installed("node");
    const TemporaryFile file{"Q=\"8081\"\nC=8081 # the greenhouse\nexport E=8081\nS= 8081 \nV=$Q\n"};
    Process reader{node,
                   {.arguments = {"--env-file=" + file.path, "-e",
                                  "for (const k of 'QCESV') console.log(k + '=' + process.env[k])"}}};
    if (reader.wait_for_exit() != 0)
        SKIP("this node has no --env-file: " << reader.complaints());
    CHECK(reader.output() == "Q=8081\nC=8081\nE=8081\nS=8081\nV=$Q\n");
}

TEST_CASE("Enter, end of input, SIGINT and SIGTERM each end it with status 0") {
    const std::string name = GENERATE("careless", "env_config", "sources");
    const std::string end = GENERATE("Enter", "end of input", "SIGINT", "SIGTERM");
    CAPTURE(name, end);
    Process program{support::program(name), {.environment = {{"PORT", "0"}}}};
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
