#include "tools/harness/network.hpp"
#include "tools/harness/process.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <fcntl.h>
#include <fstream>
#include <map>
#include <memory>
#include <set>
#include <sstream>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace support;
using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::EndsWith;
using Catch::Matchers::StartsWith;
using common::Protocol;

namespace {

std::vector<std::string> lines_of(const std::string& text) {
    std::vector<std::string> lines;
    std::istringstream stream{text};
    for (std::string line; std::getline(stream, line);)
        lines.push_back(line);
    return lines;
}

// ---- port_conflict

/// The program after its last line, with what it printed under each scene's number.
struct Shown {
    explicit Shown(const Launch& launch = {}) : program{support::program("port_conflict"), launch} {
        address = address_in(program.wait_for_line("listening on "));
        program.wait_for_line("Press Enter");
        char scene = '0';
        for (const std::string& line : lines_of(program.output())) {
            if (line.size() > 2 && line[1] == '.')
                scene = line[0];
            else
                scenes[scene].push_back(line.substr(std::min(line.find_first_not_of(' '), line.size())));
        }
    }
    int count(const Address& local, const std::string& state) const {
        const auto rows = program.sockets(Protocol::tcp);
        return static_cast<int>(std::count_if(
            rows.begin(), rows.end(), [&](const auto& row) { return row.local == local && row.state == state; }));
    }
    Process program;
    Address address;
    std::map<char, std::vector<std::string>> scenes;
};

/// The errno of a bind by the test itself, with or without SO_REUSEADDR.
int bind_error(const Address& address, bool reuse_address) {
    const Client socket{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    const int on = reuse_address;
    REQUIRE(::setsockopt(socket.descriptor(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0);
    sockaddr_in local{};
    local.sin_family = AF_INET;
    local.sin_port = htons(address.port);
    REQUIRE(::inet_pton(AF_INET, address.ip.c_str(), &local.sin_addr) == 1);
    return ::bind(socket.descriptor(), reinterpret_cast<const sockaddr*>(&local), sizeof local) == 0 ? 0 : errno;
}

void need_bound_sockets_in_the_table() {
    const Client bound = bound_socket("127.0.0.1");
    const auto rows = common::kernel_sockets(Protocol::tcp);
    if (std::none_of(rows.begin(), rows.end(), [&](const auto& row) { return row.local == bound.local(); }))
        SKIP("needs Linux 6.8, whose sock_diag reports sockets that are bound and do not listen");
}

} // namespace

TEST_CASE("the second bind to an address is refused, and the holder is named") {
    const Shown shown;
    CHECK(shown.count(shown.address, "LISTEN") == 1);
    CHECK(shown.scenes.at('1') ==
          std::vector<std::string>{"second bind: Address already in use",
                                   "held by this program itself, process " + std::to_string(shown.program.pid())});
}

TEST_CASE("a second run on a taken PORT is told the address, the reason, the holder and what to do") {
    Process first{support::program("port_conflict")};
    const Address taken = address_in(first.wait_for_line("listening on "));
    first.wait_for_line("Press Enter");

    Process second{support::program("port_conflict"),
                   {.arguments = {}, .environment = {{"PORT", std::to_string(taken.port)}}}};
    CHECK(second.wait_for_exit() == 1);
    CHECK(second.output().empty());
    CHECK_THAT(second.complaints(),
               StartsWith("port_conflict: bind " + common::to_string(taken) + ": Address already in use:"));
    CHECK_THAT(second.complaints(), EndsWith("\nheld by port_conflict, process " + std::to_string(first.pid()) +
                                             ": stop it, or choose another PORT (0 lets the system choose)\n"));
}

TEST_CASE("a PORT that only a connection in TIME-WAIT holds is refused, and no process is named") {
    Client listener = listening_socket("127.0.0.1");
    const Address server = listener.local();
    Client client = connect_to(server);
    Client accepted = listener.accept();
    const Address source = client.local();
    listener.close();
    accepted.close();
    CHECK(client.read_to_end().empty());
    client.close();
    REQUIRE(eventually([&] {
        const auto row = common::kernel_socket(Protocol::tcp, server, source);
        return row && row->state == "TIME-WAIT";
    }));

    Process program{support::program("port_conflict"),
                    {.arguments = {}, .environment = {{"PORT", std::to_string(server.port)}}}};
    CHECK(program.wait_for_exit() == 1);
    CHECK_THAT(program.complaints(),
               EndsWith("\nheld by no process but kept for a connection that has ended (TIME-WAIT): "
                        "wait up to 60 s, or choose another PORT (0 lets the system choose)\n"));
}

TEST_CASE("TIME-WAIT lasts 60 seconds, whatever tcp_fin_timeout says") {
    set_sysctl("net/ipv4/tcp_fin_timeout", "5");
    const Shown shown;
    std::ifstream table{"/proc/net/tcp"};
    std::string line;
    std::getline(table, line); // the titles
    int in_time_wait = 0;
    while (std::getline(table,
                        line)) { // "0: local peer state queues timer:left ...", in hexadecimal, hundredths of a second
        std::istringstream words{line};
        std::string number, local, peer, state, queues, timer;
        words >> number >> local >> peer >> state >> queues >> timer;
        if (state != "06")
            continue;
        ++in_time_wait;
        const auto left = std::stoul(timer.substr(timer.find(':') + 1), nullptr, 16);
        CAPTURE(line, left);
        CHECK(left > 30 * 100);
        CHECK(left <= 60 * 100);
    }
    CHECK(in_time_wait == 3);
}

TEST_CASE("a child that inherits the listening descriptor keeps the port when its parent has ended") {
    Client listener = listening_socket("127.0.0.1"); // without close-on-exec, as Asio makes its sockets
    const Address address = listener.local();
    REQUIRE(::fcntl(listener.descriptor(), F_SETFD, 0) == 0);
    std::array<int, 2> words{}, started{};
    REQUIRE(::pipe2(words.data(), O_CLOEXEC) == 0);
    REQUIRE(::pipe2(started.data(), O_CLOEXEC) == 0); // ends with exec
    const pid_t child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) {
        ::dup2(words[0], 0);
        ::execl("/bin/cat", "cat", nullptr); // until the pipe ends
        ::_exit(127);
    }
    listener.close();
    ::close(started[1]);
    char nothing = 0;
    REQUIRE(::read(started[0], &nothing, 1) == 0);
    ::close(started[0]);
    CHECK(bind_error(address, true) == EADDRINUSE);
    CHECK(connect_to(address).error() == 0);
    ::close(words[1]);
    ::close(words[0]);
    int status = -1;
    REQUIRE(::waitpid(child, &status, 0) == child);
    CHECK(status == 0);
    CHECK(bind_error(address, true) == 0);
}

TEST_CASE("0.0.0.0 overlaps 127.0.0.1 and 127.0.0.2 does not") {
    support::need_private_network(); // elsewhere somebody may have that port on 127.0.0.2
    const Shown shown;
    CHECK(shown.scenes.at('2') ==
          std::vector<std::string>{"bind 0.0.0.0: Address already in use", "bind 127.0.0.2: OK"});
    CHECK(bind_error({"0.0.0.0", shown.address.port}, false) == EADDRINUSE);
    CHECK(bind_error({"127.0.0.2", shown.address.port}, false) == EADDRINUSE); // the program has it now
    CHECK(bind_error({"127.0.0.3", shown.address.port}, false) == 0);
}

TEST_CASE("a port in TIME-WAIT is given again where the old and the new socket have SO_REUSEADDR") {
    need_private_network(); // elsewhere the port may be given to somebody else in the meantime
    const Shown shown;
    const auto& lines = shown.scenes.at('3');
    REQUIRE(lines.size() == 6);
    CHECK_THAT(lines[0], StartsWith("old server without SO_REUSEADDR, gone; the kernel has TIME-WAIT 127.0.0.1:"));
    CHECK(lines[1] == "new server with it, bind: Address already in use");
    CHECK_THAT(lines[2], StartsWith("old server with SO_REUSEADDR, gone; the kernel has TIME-WAIT 127.0.0.1:"));
    CHECK(lines[3] == "new server without it, bind: Address already in use");
    CHECK_THAT(lines[4], StartsWith("old server with SO_REUSEADDR, gone; the kernel has TIME-WAIT 127.0.0.1:"));
    CHECK(lines[5] == "new server with it, bind: OK");

    for (std::size_t old_server = 0; old_server < lines.size(); old_server += 2) {
        const Address address = address_in(lines[old_server]);
        CAPTURE(lines[old_server], common::to_string(address));
        int in_time_wait = 0;
        for (const auto& row : common::kernel_sockets(Protocol::tcp))
            in_time_wait += row.local == address && row.state == "TIME-WAIT" && row.inode == 0;
        CHECK(in_time_wait == 1);
        CHECK(bind_error(address, false) == EADDRINUSE);
        CHECK(bind_error(address, true) == (old_server == 0 ? EADDRINUSE : 0));
    }
}

TEST_CASE("kernel: SO_REUSEADDR counts when the other socket binds, so the first one may set it after its own bind") {
    const int yes = 1;
    const Client first = bound_socket("127.0.0.1");
    CHECK(bind_error(first.local(), true) == EADDRINUSE);
    REQUIRE(::setsockopt(first.descriptor(), SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) == 0);
    CHECK(bind_error(first.local(), true) == 0);
    CHECK(bind_error(first.local(), false) == EADDRINUSE);
}

TEST_CASE("kernel: of two sockets bound with SO_REUSEADDR the one that listens second is refused, whichever it is") {
    const bool first_listens_first = GENERATE(true, false);
    const int yes = 1;
    const Client first = bound_socket("127.0.0.1");
    REQUIRE(::setsockopt(first.descriptor(), SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) == 0);
    const Client second{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    REQUIRE(::setsockopt(second.descriptor(), SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) == 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(first.local().port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    REQUIRE(::bind(second.descriptor(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
    const Client &one = first_listens_first ? first : second, &other = first_listens_first ? second : first;
    CHECK(::listen(one.descriptor(), 1) == 0);
    CHECK(::listen(other.descriptor(), 1) == -1);
    CHECK(errno == EADDRINUSE);
    CHECK(connect_to(first.local()).error() == 0); // one serves
}

TEST_CASE("kernel: a listener with SO_REUSEPORT that is closed resets what is in its own queue") {
    const int yes = 1;
    std::array<int, 2> listeners{};
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    for (int& listener : listeners) {
        listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        REQUIRE(::setsockopt(listener, SOL_SOCKET, SO_REUSEPORT, &yes, sizeof yes) == 0);
        REQUIRE(::bind(listener, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
        REQUIRE(::listen(listener, 128) == 0);
        socklen_t size = sizeof address;
        REQUIRE(::getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size) == 0);
    }
    std::vector<Client> clients;
    for (int i = 0; i < 64; ++i) // by a hash of the 4-tuple: that all of them go to one has a chance of 2 to the -63
        clients.push_back(connect_to({"127.0.0.1", ntohs(address.sin_port)}));
    ::close(listeners[0]);
    std::size_t reset = 0;
    for (const Client& client : clients) {
        char byte = 0;
        reset += ::recv(client.descriptor(), &byte, 1, MSG_DONTWAIT) < 0 && errno == ECONNRESET;
    }
    CHECK(reset > 0);
    CHECK(reset < clients.size());
    ::close(listeners[1]);
}

TEST_CASE("with SO_REUSEADDR on both and neither listening, both bind and the second listen is refused") {
    need_bound_sockets_in_the_table();
    const Shown shown;
    CHECK(shown.scenes.at('4') ==
          std::vector<std::string>{"second bind: OK", "first listen: OK", "second listen: Address already in use"});
    int pairs = 0;
    for (const auto& row : shown.program.sockets(Protocol::tcp))
        pairs += row.state == "LISTEN" && shown.count(row.local, "BOUND") == 1;
    CHECK(pairs == 1);
}

TEST_CASE("with SO_REUSEPORT on both, both listen") {
    const Shown shown;
    CHECK(shown.scenes.at('5') == std::vector<std::string>{"second bind: OK", "second listen: OK"});
    int listeners_in_company = 0;
    for (const auto& row : shown.program.sockets(Protocol::tcp))
        listeners_in_company += row.state == "LISTEN" && shown.count(row.local, "LISTEN") == 2;
    CHECK(listeners_in_company == 2);
}

TEST_CASE("with SO_REUSEPORT on both, each of the two gets some of the clients") {
    const Shown shown;
    const auto pair = [&] {
        std::vector<common::SocketRow> rows;
        for (const auto& row : shown.program.sockets(Protocol::tcp))
            if (row.state == "LISTEN" && shown.count(row.local, "LISTEN") == 2)
                rows.push_back(row);
        return rows;
    };
    REQUIRE(pair().size() == 2);
    std::vector<Client> clients; // the chance that all of them go one way is 2 to the power of -31
    for (int i = 0; i < 32; ++i)
        clients.push_back(connect_to(pair().front().local));
    // A handshake's last packet may still be on its way to the queue when connect returns.
    CHECK(eventually([&] { return pair()[0].received + pair()[1].received == 32; }));
    CHECK(pair()[0].received > 0);
    CHECK(pair()[1].received > 0);
}

TEST_CASE("the kernel finds a free port, and a closed socket frees its port at once") {
    const Shown shown;
    const auto& lines = shown.scenes.at('6');
    REQUIRE(lines.size() >= 2);
    CHECK_THAT(lines[0], StartsWith("port 0: the kernel chose 127.0.0.1:"));
    CHECK(lines[1] == "that socket closed, bind its address: OK");
    CHECK(address_in(lines[0]).port != shown.address.port);
    CHECK(bind_error(address_in(lines[0]), false) == EADDRINUSE); // its heir holds it
}

TEST_CASE("port_conflict listens on PORT, and frees it when it ends") {
    need_private_network();
    Shown shown{{.arguments = {}, .environment = {{"PORT", "8080"}}}};
    CHECK(shown.address == Address{"127.0.0.1", 8080});
    shown.program.type("\n");
    CHECK(shown.program.wait_for_exit() == 0);
    CHECK(bind_error({"127.0.0.1", 8080}, false) == 0);
}

TEST_CASE("port_conflict refuses a PORT that is none with status 78") {
    Process program{support::program("port_conflict"),
                    {.arguments = {}, .environment = {{"PORT", "80abc"}}, .lacking = Lacking::sockets}};
    CHECK(program.wait_for_exit() == 78);
    CHECK(program.output().empty());
    CHECK_THAT(program.complaints(), StartsWith("port_conflict: PORT=\"80abc\" is not a port"));
}

TEST_CASE("Enter, end of input, SIGINT and SIGTERM each end port_conflict with status 0") {
    const std::string end = GENERATE("Enter", "end of input", "SIGINT", "SIGTERM");
    CAPTURE(end);
    Shown shown;
    if (end == "Enter")
        shown.program.type("\n");
    else if (end == "end of input")
        shown.program.close_input();
    else
        shown.program.send_signal(end == "SIGINT" ? SIGINT : SIGTERM);
    CHECK(shown.program.wait_for_exit() == 0);
    CHECK(shown.program.complaints().empty());
}
