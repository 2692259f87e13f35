#include "tools/harness/asleep.hpp"
#include "tools/harness/network.hpp"
#include "tools/harness/process.hpp"

#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

using namespace support;
using namespace std::chrono_literals;
using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::EndsWith;
using Catch::Matchers::StartsWith;
using common::Protocol;

namespace {

using Environment = std::map<std::string, std::optional<std::string>>;
using Clock = std::chrono::steady_clock;

const std::string first_half = "GET / HTTP/1.1\r\n", other_half = "Host: thermometer\r\n\r\n";
const std::string reading = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 13\r\nConnection: close\r\n"
                            "\r\n21.5 degrees\n";

Launch with(Environment environment) {
    environment.try_emplace("PORT", "0");
    return {.environment = std::move(environment)};
}

// One of the chapter's two services, ready.
struct Service : Process {
    explicit Service(const std::string& name, Environment environment = {})
        : Process{program(name), with(std::move(environment))} {
        address = address_in(wait_for_line("listening on"));
    }

    std::vector<Address> listening() const {
        std::vector<Address> addresses;
        for (const auto& row : sockets(Protocol::tcp))
            if (row.state == "LISTEN")
                addresses.push_back(row.local);
        return addresses;
    }

    // Those that it has accepted, and that wait for accept.
    std::size_t connections() const { return sockets(Protocol::tcp).size() - listening().size(); }
    unsigned queue() const {
        for (const auto& row : sockets(Protocol::tcp))
            if (row.state == "LISTEN")
                return row.received;
        return 0;
    }

    // Until it has accepted a client, and read all that the client has sent.
    bool has_read_from(const Client& client) const {
        return eventually([&] {
            const auto row = common::kernel_socket(Protocol::tcp, address, client.local());
            return row && row->inode != 0 && row->received == 0;
        });
    }

    char state() const { // R: it runs; S: it sleeps; T: it is stopped. See proc(5).
        const std::string stat = read_file("/proc/" + std::to_string(pid()) + "/stat");
        return stat.at(stat.rfind(')') + 2);
    }

    Address address;
};

const std::string& either() {
    static const std::string programs[] = {"thermometer", "twelve_factor"};
    return programs[GENERATE(0, 1)];
}

std::string ask(const Address& server, const std::string& request) {
    Client client = connect_to(server);
    client.send(request);
    return client.read_to_end();
}

bool refuses_connections(const Address& address) { return connect_to(address).error() == ECONNREFUSED; }

} // namespace

TEST_CASE("it listens on the address and the port of its environment, and nowhere else") {
    const std::string name = either(), host = GENERATE("127.0.0.1", "127.0.0.2", "0.0.0.0");
    CAPTURE(name, host);
    const Service service{name, {{"HOST", host}}};
    CHECK(service.address.ip == host);
    CHECK(service.listening() == std::vector{service.address});
}

TEST_CASE("without HOST and PORT it listens on 127.0.0.1:8080") {
    need_private_network();
    const Service service{either(), {{"PORT", std::nullopt}}};
    CHECK(service.listening() == std::vector{Address{"127.0.0.1", 8080}});
}

TEST_CASE("an invalid configuration ends it with status 78 before a socket is opened, and names variable and value") {
    const std::string name = either();
    std::vector<std::pair<std::string, std::string>> invalid{{"PORT", "80abc"}, {"PORT", ""}, {"HOST", "roof"}};
    if (name == "twelve_factor")
        invalid.insert(invalid.end(), {{"DRAIN_SECONDS", "-1"}, {"DRAIN_SECONDS", "4s"}});
    for (const auto& [variable, value] : invalid) {
        Launch launch = with({{variable, value}});
        launch.lacking = Lacking::sockets; // to open one would end it by a signal
        Process refused{program(name), launch};
        INFO(name << " with " << variable << "=\"" << value << '"');
        CHECK(refused.wait_for_exit() == 78);
        CHECK_THAT(refused.complaints(), StartsWith(name + ": " + variable + "=\"" + value + "\" is not "));
        CHECK(refused.output().empty());
    }
}

#ifdef __linux__
TEST_CASE("the proof that no socket was opened can fail: with valid settings the same watch ends the program") {
    Launch launch = with({});
    launch.lacking = Lacking::sockets;
    CHECK(Process{program(either()), launch}.wait_for_exit() == 128 + SIGSYS);
}
#endif

TEST_CASE("a port that is taken ends it with status 1, the endpoint and the reason") {
    const Service holder{"twelve_factor"};
    Process refused{program("twelve_factor"), with({{"PORT", std::to_string(holder.address.port)}})};
    CHECK(refused.wait_for_exit() == 1);
    CHECK(refused.complaints() == "twelve_factor: " + common::to_string(holder.address) + ": Address already in use\n");
    CHECK(refused.output().empty());
}

TEST_CASE("GET of / is answered with the reading, another page with 404, what is not HTTP with 400; then it closes") {
    const Service service{either()};
    CHECK(ask(service.address, first_half + other_half) == reading);
    CHECK_THAT(ask(service.address, "GET /roof HTTP/1.1\r\n" + other_half), StartsWith("HTTP/1.1 404 Not Found\r\n"));
    CHECK_THAT(ask(service.address, "POST / HTTP/1.1\r\n" + other_half), StartsWith("HTTP/1.1 404 Not Found\r\n"));
    CHECK_THAT(ask(service.address, "hello\r\n\r\n"), StartsWith("HTTP/1.1 400 Bad Request\r\n"));
}

TEST_CASE("a header without an end closes the connection") {
    const Service service{either()};
    Client client = connect_to(service.address);
    client.send("GET / HTTP/1.1\r\nX: " + std::string(9000, 'x'));
    CHECK(client.read_to_any_end().empty());
    CHECK(ask(service.address, first_half + other_half) == reading);
}

TEST_CASE("each answer is a line on standard output, at once, and harmless to a terminal") {
    Service service{either()};
    ask(service.address, first_half + other_half);
    CHECK(service.wait_for_line("GET") == "GET / HTTP/1.1: 200 OK");
    ask(service.address, "GET /\x1b[2J HTTP/1.1\r\n" + other_half);
    CHECK(service.wait_for_line("GET") == "GET /\\x1b[2J HTTP/1.1: 404 Not Found");
    CHECK(service.complaints().empty());
}

TEST_CASE("the end of its input does not end it") {
    Service service{either()};
    service.close_input();
    CHECK(ask(service.address, first_half + other_half) == reading);
}

TEST_CASE("it starts again at once on the same port, with a connection of the last instance in TIME-WAIT") {
    Address address;
    {
        Service first{"twelve_factor"};
        address = first.address;
        CHECK(ask(address, first_half + other_half) == reading); // the service closes first
        first.send_signal(SIGTERM);
        CHECK(first.wait_for_exit() == 0);
    }
    const auto rows = common::kernel_sockets(Protocol::tcp);
    CHECK(std::any_of(rows.begin(), rows.end(),
                      [&](const auto& row) { return row.local == address && row.state == "TIME-WAIT"; }));
    const Service second{"twelve_factor", {{"PORT", std::to_string(address.port)}}};
    CHECK(second.address == address);
}

// ---- The first service

#ifdef __linux__
TEST_CASE("thermometer: while one client is slow, the next one waits in the queue") {
    Service service{"thermometer"};
    Client slow = connect_to(service.address);
    slow.send(first_half);
    REQUIRE(service.has_read_from(slow));
    Client next = connect_to(service.address);
    next.send(first_half + other_half);
    CHECK(eventually([&] { return service.queue() == 1 && asleep(service.pid()).has_value(); }));
    CHECK(next.take().empty());
    slow.send(other_half);
    CHECK(slow.read_to_end() == reading);
    CHECK(next.read_to_end() == reading);
}

TEST_CASE("thermometer: a signal ends it at once: the client half way gets nothing, the one in the queue a reset") {
    const int number = GENERATE(SIGTERM, SIGINT);
    Service service{"thermometer"};
    Client slow = connect_to(service.address);
    slow.send(first_half);
    REQUIRE(service.has_read_from(slow));
    Client queued = connect_to(service.address);
    queued.send(first_half + other_half);
    service.send_signal(number);
    CHECK(service.wait_for_exit() == 128 + number);
    CHECK(slow.read_to_any_end().empty());
    CHECK(slow.error() == 0);
    CHECK(queued.read_to_any_end().empty());
    CHECK(queued.error() == ECONNRESET);
}
#endif

// ---- The second one

TEST_CASE("twelve_factor: a slow client holds up nobody") {
    Service service{"twelve_factor"};
    Client slow = connect_to(service.address);
    slow.send(first_half);
    CHECK(ask(service.address, first_half + other_half) == reading);
    slow.send(other_half);
    CHECK(slow.read_to_end() == reading);
}

#ifdef __linux__
TEST_CASE("twelve_factor: a signal closes the listener; the request half way is finished, and the status is 0") {
    const int number = GENERATE(SIGTERM, SIGINT);
    CAPTURE(number);
    Service service{"twelve_factor", {{"DRAIN_SECONDS", "3600"}}};
    Client slow = connect_to(service.address);
    slow.send(first_half);
    REQUIRE(service.has_read_from(slow));
    service.send_signal(number);
    service.wait_for_line("no longer listening");
    CHECK(refuses_connections(service.address));
    ::send(slow.descriptor(), other_half.data(), other_half.size(), MSG_NOSIGNAL);
    CHECK(slow.read_to_any_end() == reading);
    CHECK(service.wait_for_exit() == 0);
}

TEST_CASE("twelve_factor: who waits in the queue when the signal comes is answered") {
    Service service{"twelve_factor", {{"DRAIN_SECONDS", "3600"}}};
    service.send_signal(SIGSTOP); // so that all come before it looks
    REQUIRE(eventually([&] { return service.state() == 'T'; }));
    std::vector<Client> queued;
    for (int i = 0; i < 20; ++i) {
        queued.push_back(connect_to(service.address));
        queued.back().send(first_half + other_half);
    }
    service.send_signal(SIGTERM);
    service.send_signal(SIGCONT);
    for (Client& client : queued)
        CHECK(client.read_to_any_end() == reading);
    CHECK(service.wait_for_exit() == 0);
}
#endif

TEST_CASE("twelve_factor: a client that never finishes its request costs the stop four seconds, and less than five") {
    bool in_time = false;
    for (int attempt = 0; attempt < 3 && !in_time; ++attempt) { // a busy machine may take longer
        Service service{"twelve_factor"};
        Client client = connect_to(service.address);
        client.send(first_half);
        service.send_signal(SIGTERM);
        const auto start = Clock::now();
        CHECK(service.wait_for_exit() == 0);
        const auto elapsed = Clock::now() - start;
        CHECK(elapsed > 3900ms);
        in_time = elapsed < 5s;
        CHECK(client.read_to_any_end().empty());
    }
    CHECK(in_time);
}

TEST_CASE("twelve_factor: without a client it ends at once") {
    Service service{"twelve_factor"};
    CHECK(ask(service.address, first_half + other_half) == reading);
    service.send_signal(SIGTERM);
    const auto start = Clock::now();
    CHECK(service.wait_for_exit() == 0);
    CHECK(Clock::now() - start < 3500ms);
}

#ifdef __linux__
TEST_CASE("twelve_factor: without a free descriptor it rests, and serves the waiting clients when it has one") {
    Service service{"twelve_factor"};
    const rlimit limit{20, 20};
    REQUIRE(::prlimit(service.pid(), RLIMIT_NOFILE, &limit, nullptr) == 0);
    std::vector<Client> clients;
    for (int i = 0; i < 30; ++i) {
        clients.push_back(connect_to(service.address));
        clients.back().send(first_half);
    }
    CHECK(eventually([&] { return service.queue() > 0 && service.state() == 'S'; }));
    for (Client& client : clients) {
        client.send(other_half);
        CHECK(client.read_to_end() == reading);
        client.close();
    }
}

TEST_CASE("twelve_factor: it has one thread") {
    const Service service{"twelve_factor"};
    CHECK_THAT(read_file("/proc/" + std::to_string(service.pid()) + "/status"), ContainsSubstring("Threads:\t1\n"));
}
#endif

TEST_CASE("twelve_factor: it goes on when nobody reads its log any more") {
    Service service{"twelve_factor"};
    service.close_output();
    for (int i = 0; i < 3; ++i)
        CHECK(ask(service.address, first_half + other_half) == reading);
    service.send_signal(SIGTERM);
    CHECK(service.wait_for_exit() == 0);
}

TEST_CASE("slow_client: it sends one half, waits for Enter, and shows what came back") {
    Client listener = listening_socket("127.0.0.1");
    const std::string outcome = GENERATE("HTTP/1.1 200 OK", "no answer");
    Process client{program("slow_client"), {.environment = {{"PORT", std::to_string(listener.local().port)}}}};
    client.wait_for_line("one half is sent");
    {
        Client connection = listener.accept();
        CHECK(connection.read(first_half.size()) == first_half);
        if (outcome == "no answer")
            connection.close();
        client.type("\n");
        if (outcome != "no answer") {
            CHECK(connection.read(other_half.size()) == other_half);
            connection.send(reading);
        }
    }
    client.wait_for_line(outcome);
    CHECK(client.wait_for_exit() == 0);
}

TEST_CASE("kernel: to close a listener resets whoever waits in its queue") {
    Client listener = listening_socket("127.0.0.1");
    Client queued = connect_to(listener.local());
    queued.send(first_half + other_half);
    listener.close();
    CHECK(queued.read_to_any_end().empty());
    CHECK(queued.error() == ECONNRESET);
}

// ---- Those who run it

TEST_CASE("foreman runs the Procfile: each instance has a port of its own, and all end at SIGTERM") {
    need_private_network();
    const std::string foreman = installed("foreman");
    program("twelve_factor");
    const auto procfile = std::filesystem::path{__FILE__}.parent_path() / "../../chapters/08_twelve_factor/Procfile";
    Process manager{
        foreman, {.arguments = {"start", "--procfile", procfile.string(), "--port", "5600", "--formation", "web=3"}}};
    for (int i = 0; i < 3; ++i)
        manager.wait_for_line("listening on");
    for (const std::uint16_t port : std::initializer_list<std::uint16_t>{5600, 5601, 5602})
        CHECK(ask({"127.0.0.1", port}, first_half + other_half) == reading);
    manager.send_signal(SIGTERM);
    CHECK(manager.wait_for_exit() == 0);
    for (const std::uint16_t port : std::initializer_list<std::uint16_t>{5600, 5601, 5602})
        CHECK(refuses_connections({"127.0.0.1", port}));
}

TEST_CASE("foreman kills after five seconds, unless it is told to wait longer") {
    Process manager{installed("foreman"), {.arguments = {"help", "start"}}};
    CHECK(manager.wait_for_exit() == 0);
    CHECK_THAT(manager.output(), ContainsSubstring("--timeout=N") && ContainsSubstring("SIGKILL, defaults to 5."));
}

#ifdef __linux__
TEST_CASE("kernel: process 1 of a container is ended by SIGTERM only if it handles the signal") {
    const std::string name = either(), shell = GENERATE("", "/bin/sh");
    CAPTURE(name, shell);
    std::vector<std::string> arguments{"--user", "--map-root-user", "--pid", "--fork", "--kill-child"};
    if (shell.empty())
        arguments.push_back(program(name));
    else // which must stay, since there is more to do after it
        arguments.insert(arguments.end(), {shell, "-c", program(name) + "; true"});
    Process container{installed("unshare"), {.arguments = arguments, .environment = {{"PORT", "0"}}}};
    std::optional<std::string> line;
    try {
        line = container.next_line();
    } catch (const Overdue&) {
    }
    if (!line)
        SKIP("needs to make a PID namespace: " << container.complaints());
    const Address address = address_in(*line);
    const pid_t first = descendants(container.pid()).front();
    REQUIRE(::kill(first, SIGTERM) == 0);
    if (name == "twelve_factor" && shell.empty()) {
        CHECK(container.wait_for_exit() == 0);
        return;
    }
    for (int i = 0; i < 3; ++i) // it has had the signal, and does not care
        CHECK(ask(address, first_half + other_half) == reading);
    REQUIRE(::kill(first, SIGKILL) == 0);
    container.wait_for_exit();
    CHECK(refuses_connections(address));
}
#endif
