#include "tools/harness/network.hpp"
#include "tools/harness/process.hpp"

#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

using namespace support;
using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::EndsWith;
using Catch::Matchers::StartsWith;
using common::Protocol;

namespace {

// Tests share the machine's network where they cannot have one of their own. On Linux every address of 127.0.0.0/8 is
// loopback: with one for each test process, the number that TCP gets is free in UDP as well.
std::string own_address() {
#ifdef __linux__
    return "127.7." + std::to_string(::getpid() / 250 % 250 + 1) + "." + std::to_string(::getpid() % 250 + 1);
#else
    return "127.0.0.1";
#endif
}

std::string to_uri(const std::string& scheme, const Address& address) {
    return scheme + "://" + to_string(address) + "/";
}

struct Host {
    std::string name = own_address();
    std::string web_port = "0", mail_port = "0";
    Process program{support::program("many_services"),
                    {.environment = {{"HOST", name}, {"WEB_PORT", web_port}, {"MAIL_PORT", mail_port}}}};
    Address web = address_in(program.wait_for_line("web: listening on "));
    Address mail = address_in(program.wait_for_line("mail: listening on "));
    Address datagrams = address_in(program.wait_for_line("udp: bound to "));

    // Waits for the line in which the program says which of its sockets `client` reached.
    void expect_arrival(const std::string& service, const std::string& protocol, const Client& client,
                        const Address& socket) {
        const std::string line = program.wait_for_line(to_string(client.local()) + " ");
        CHECK(line ==
              service + ": " + protocol + " from " + to_string(client.local()) + " reached " + to_string(socket));
    }
};

std::string get_page(const Address& web) {
    Client client = connect_to(web);
    REQUIRE(client.error() == 0);
    client.send("GET / HTTP/1.1\r\nHost: test\r\n\r\n");
    return client.read_to_end();
}

std::string reply(Client& client, const std::string& command) {
    client.send(command + "\r\n");
    return client.read_line();
}

// One datagram there and one back.
std::string ask(Client& client, const std::string& question) {
    client.send(question);
    std::string answer(2000, '\0');
    timeval limit{patience.count(), 0};
    ::setsockopt(client.descriptor(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    const auto size = ::recv(client.descriptor(), answer.data(), answer.size(), 0);
    INFO("recv after \"" << question << "\": " << std::strerror(errno));
    REQUIRE(size >= 0);
    answer.resize(static_cast<std::size_t>(size));
    return answer;
}

} // namespace

TEST_CASE("three sockets: TCP for the web, TCP for mail, and UDP on the web's number") {
    Host host;
    const auto tcp = host.program.sockets(Protocol::tcp), udp = host.program.sockets(Protocol::udp);
    const auto listens_on = [&](const Address& address) {
        return std::ranges::count_if(tcp,
                                     [&](const auto& row) { return row.state == "LISTEN" && row.local == address; });
    };
    CHECK(tcp.size() == 2);
    CHECK(listens_on(host.web) == 1);
    CHECK(listens_on(host.mail) == 1);
    REQUIRE(udp.size() == 1);
    CHECK(to_string(udp[0].local) == to_string(host.web));
    CHECK(host.datagrams == host.web);
    CHECK(host.web.port != host.mail.port);
}

TEST_CASE("ports 80 and 25: curl gets a page and holds an SMTP dialogue, and UDP 80 answers") {
    need_private_network();
    const std::string curl = installed("curl");
    Host host{.name = "127.0.0.1", .web_port = "80", .mail_port = "25"};
    CHECK(to_string(host.web) == "127.0.0.1:80");
    CHECK(to_string(host.mail) == "127.0.0.1:25");
    CHECK(to_string(host.datagrams) == "127.0.0.1:80");

    Process web{curl, {.arguments = {"-sSi", "--noproxy", "*", "http://127.0.0.1/"}}};
    CHECK(web.wait_for_exit() == 0);
    CHECK_THAT(web.output(), StartsWith("HTTP/1.1 200 OK\r\n"));
    CHECK_THAT(web.output(), ContainsSubstring("<title>web</title>"));
    CHECK(web.complaints().empty());

    Process mail{curl, {.arguments = {"-sSv", "--noproxy", "*", "-X", "NOOP", "smtp://127.0.0.1/client.example"}}};
    CHECK(mail.wait_for_exit() == 0);
    CHECK_THAT(mail.complaints(), ContainsSubstring("< 220 mail.example"));
    CHECK_THAT(mail.complaints(), ContainsSubstring("> EHLO client.example\r\n< 250 mail.example greets 127.0.0.1:"));
    CHECK_THAT(mail.complaints(), ContainsSubstring("> NOOP\r\n< 250 OK"));

    Client datagrams = udp_socket("127.0.0.1", 0, host.datagrams);
    CHECK(ask(datagrams, "who am I, and where?") == to_string(datagrams.local()) + "\n");
}

TEST_CASE("curl gets a page from a port that the kernel chose") {
    const std::string curl = installed("curl");
    Host host;
    Process client{curl, {.arguments = {"-sS", "--noproxy", "*", to_uri("http", host.web)}}};
    CHECK(client.wait_for_exit() == 0);
    CHECK_THAT(client.output(), ContainsSubstring("<title>web</title>"));
    CHECK(client.complaints().empty());
}

TEST_CASE("without settings the ports are 8080 and 2525 on 127.0.0.1") {
    need_private_network();
    Process program{support::program("many_services")};
    CHECK_THAT(program.wait_for_line("web: "), EndsWith("listening on 127.0.0.1:8080"));
    CHECK_THAT(program.wait_for_line("mail: "), EndsWith("listening on 127.0.0.1:2525"));
    CHECK_THAT(program.wait_for_line("udp: "), EndsWith("bound to 127.0.0.1:8080"));
}

TEST_CASE("each arrival reaches the socket of its protocol and port, and the program says which") {
    Host host;
    Client web = connect_to(host.web);
    host.expect_arrival("web", "TCP", web, host.web);
    Client mail = connect_to(host.mail);
    CHECK_THAT(mail.read_line(), StartsWith("220 "));
    host.expect_arrival("mail", "TCP", mail, host.mail);
    Client datagrams = udp_socket(host.name, 0, host.datagrams);
    CHECK(ask(datagrams, "which one has my number?") == to_string(datagrams.local()) + "\n");
    host.expect_arrival("udp", "UDP", datagrams, host.datagrams);
}

TEST_CASE("two hosts' services with the same ports are told apart by address") {
    need_private_network();
    Host first{.name = "127.0.0.1", .web_port = "8080", .mail_port = "2525"};
    Host second{.name = "127.0.0.2", .web_port = "8080", .mail_port = "2525"};
    for (Host* const host : {&first, &second}) {
        CAPTURE(host->name);
        CHECK(to_string(host->web) == host->name + ":8080");
        const Client web = connect_to({host->name, 8080});
        host->expect_arrival("web", "TCP", web, host->web);
        Client mail = connect_to({host->name, 2525});
        CHECK_THAT(reply(mail, "QUIT"), StartsWith("220 "));
        host->expect_arrival("mail", "TCP", mail, host->mail);
        Client datagrams = udp_socket("127.0.0.3", 0, {host->name, 8080});
        CHECK(ask(datagrams, "which host has my datagram?") == to_string(datagrams.local()) + "\n");
        host->expect_arrival("udp", "UDP", datagrams, host->datagrams);
    }
}

TEST_CASE("an arrival for a protocol, port or address that no socket has is refused") {
    need_private_network();
    Host host{.name = "127.0.0.1", .web_port = "80", .mail_port = "25"};
    CHECK(connect_to({"127.0.0.1", 81}).error() == ECONNREFUSED);
    CHECK(connect_to({"127.0.0.2", 80}).error() == ECONNREFUSED);
    const Client datagrams = udp_socket("127.0.0.1", 0, {"127.0.0.1", 25}); // mail has the number in TCP alone
    REQUIRE(::send(datagrams.descriptor(), "?", 1, 0) == 1);
    CHECK(::recv(datagrams.descriptor(), nullptr, 0, 0) == -1);
    CHECK(errno == ECONNREFUSED);
}

TEST_CASE("the web service answers a complete request with a page of the announced length, and closes") {
    Host host;
    const std::string response = get_page(host.web);
    CHECK_THAT(response, StartsWith("HTTP/1.1 200 OK\r\n"));
    CHECK_THAT(response, ContainsSubstring("\r\nConnection: close\r\n"));
    const auto body = response.find("\r\n\r\n") + 4;
    CHECK_THAT(response, ContainsSubstring("\r\nContent-Length: " + std::to_string(response.size() - body) + "\r\n"));
}

TEST_CASE("the mail service says 220, knows EHLO, HELO, NOOP, RSET and QUIT, and answers 502 to the rest") {
    Host host;
    Client client = connect_to(host.mail);
    CHECK_THAT(client.read_line(), StartsWith("220 "));
    CHECK_THAT(reply(client, "EHLO client.example"),
               StartsWith("250 ") && ContainsSubstring(to_string(client.local())));
    CHECK_THAT(reply(client, "HELO client.example"), StartsWith("250 "));
    CHECK_THAT(reply(client, "ehlo client.example"), StartsWith("250 "));
    CHECK_THAT(reply(client, "NOOP"), StartsWith("250 "));
    CHECK_THAT(reply(client, "RSET"), StartsWith("250 "));
    for (const std::string command : {"MAIL FROM:<a@b>", "DATA", "VRFY x", "EHLOX", "", " ", "QUITE"}) {
        CAPTURE(command);
        CHECK_THAT(reply(client, command), StartsWith("502 "));
    }
    client.send("NOOP\r\nVRFY x\r\nNOOP\n"); // three at once
    CHECK_THAT(client.read_line(), StartsWith("250 "));
    CHECK_THAT(client.read_line(), StartsWith("502 "));
    CHECK_THAT(client.read_line(), StartsWith("250 "));
    CHECK_THAT(reply(client, "QUIT"), StartsWith("221 ") && EndsWith("\r"));
    CHECK(client.read_to_end().empty());
}

TEST_CASE("a UDP answer is the sender's endpoint as the kernel saw it, and shorter than the question") {
    Host host;
    Client client = udp_socket(host.name, 0, host.datagrams);
    const std::string self = to_string(client.local()) + "\n";
    CHECK(ask(client, std::string(1400, '?')) == self);
    CHECK(ask(client, std::string(self.size() + 1, '?')) == self);
    CHECK(ask(client, std::string(self.size(), '?')) == self.substr(0, self.size() - 1));
    CHECK(ask(client, "1234") == self.substr(0, 3));
    CHECK(ask(client, "1").empty());
    REQUIRE(::send(client.descriptor(), "", 0, 0) == 0); // no answer is shorter than this one
    CHECK(ask(client, std::string(100, '?')) == self);
}

TEST_CASE("a slow client makes nobody wait, and is served when it is ready") {
    Host host;
    Client slow_web = connect_to(host.web), slow_mail = connect_to(host.mail);
    slow_web.send("GET / HT");
    slow_mail.send("NO");
    CHECK_THAT(slow_mail.read_line(), StartsWith("220 "));

    CHECK_THAT(get_page(host.web), StartsWith("HTTP/1.1 200 OK"));
    Client mail = connect_to(host.mail);
    CHECK_THAT(mail.read_line(), StartsWith("220 "));
    CHECK_THAT(reply(mail, "NOOP"), StartsWith("250 "));
    Client datagrams = udp_socket(host.name, 0, host.datagrams);
    CHECK_THAT(ask(datagrams, "do you have time for me?"), StartsWith(host.name));

    slow_web.send("TP/1.1\r\n\r\n");
    CHECK_THAT(slow_web.read_to_end(), StartsWith("HTTP/1.1 200 OK"));
    CHECK_THAT(reply(slow_mail, "OP"), StartsWith("250 "));
}

TEST_CASE("a client that resets its connection, even before it is accepted, ends nothing but that") {
    Host host;
    for (const std::string service : {"web", "mail"}) {
        const Address& socket = service == "web" ? host.web : host.mail;
        host.program.send_signal(SIGSTOP); // the kernel goes on: it completes connections, and takes resets
        REQUIRE(eventually([&] {
            siginfo_t stopped{};
            return ::waitid(P_PID, static_cast<id_t>(host.program.pid()), &stopped, WSTOPPED | WNOHANG) == 0 &&
                   stopped.si_pid == host.program.pid();
        }));
        Client unaccepted = connect_to(socket);
        REQUIRE(unaccepted.error() == 0);
        const std::string peer = to_string(unaccepted.local());
        reset(std::move(unaccepted));
        host.program.send_signal(SIGCONT);
        CHECK(host.program.wait_for_line(peer) == service + ": TCP from " + peer + " reached " + to_string(socket));
    }
    Client half_way = connect_to(host.web);
    half_way.send("GET / ");
    host.expect_arrival("web", "TCP", half_way, host.web);
    reset(std::move(half_way));
    Client deaf = connect_to(host.mail);
    deaf.send("NOOP\r\nNOOP\r\nNOOP\r\n");
    reset(std::move(deaf));

    CHECK_THAT(get_page(host.web), StartsWith("HTTP/1.1 200 OK"));
    Client mail = connect_to(host.mail);
    CHECK_THAT(mail.read_line(), StartsWith("220 "));
    host.program.send_signal(SIGTERM);
    CHECK(host.program.wait_for_exit() == 0);
}

TEST_CASE("what is too long gets an answer that says so, and the service goes on") {
    Host host;
    for (const std::string& request : {std::string(100000, 'x'), "GET / HTTP/1.1\r\nX: " + std::string(100000, 'x')}) {
        Client web = connect_to(host.web);
        web.send(request);
        CHECK_THAT(web.read_to_end(), StartsWith("HTTP/1.1 431 "));
    }
    Client mail = connect_to(host.mail);
    CHECK_THAT(mail.read_line(), StartsWith("220 "));
    CHECK_THAT(reply(mail, std::string(510, 'x')),
               StartsWith("502 ")); // 512 with its end: the longest that SMTP allows
    for (const std::size_t size : {511U, 512U, 1024U, 100000U}) {
        CAPTURE(size);
        CHECK_THAT(reply(mail, "NOOP " + std::string(size - 5, 'x')), StartsWith("500 "));
        CHECK_THAT(reply(mail, "NOOP"), StartsWith("250 "));
    }
    CHECK_THAT(get_page(host.web), StartsWith("HTTP/1.1 200 OK"));
}

TEST_CASE("an answer is not lost to what the client has sent too much") {
    Host host;
    for (int i = 0; i < 20; ++i) {
        Client web = connect_to(host.web);
        web.send("POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 30000\r\n\r\n" + std::string(30000, 'x'));
        CHECK_THAT(web.read_to_end(), StartsWith("HTTP/1.1 200 OK")); // not a reset
        Client mail = connect_to(host.mail);
        mail.send("QUIT\r\n" + std::string(30000, 'x'));
        CHECK_THAT(mail.read_to_end(), StartsWith("220 ") && EndsWith("221 goodbye\r\n"));
    }
}

TEST_CASE("no mail is taken: a client that wants to send some is told so, and gives up") {
    const std::string curl = installed("curl");
    Host host;
    Process client{curl,
                   {.arguments = {"-sS", "--noproxy", "*", "--mail-from", "a@b.example", "--mail-rcpt", "c@d.example",
                                  "-T", "/dev/null", to_uri("smtp", host.mail)}}};
    CHECK(client.wait_for_exit() == 55);
    CHECK_THAT(client.complaints(), ContainsSubstring("502"));
}

TEST_CASE("only a connected UDP socket learns that nobody has the port") {
    const Client taken = bound_socket("127.0.0.1"); // its number is free in UDP, most likely
    for (const bool connected : {true, false}) {
        CAPTURE(connected);
        const Address nobody = taken.local();
        const Client client = connected ? udp_socket("127.0.0.1", 0, nobody) : udp_socket("127.0.0.1");
        const sockaddr_in to{.sin_family = AF_INET,
                             .sin_port = htons(nobody.port),
                             .sin_addr = {htonl(INADDR_LOOPBACK)},
                             .sin_zero = {}};
        const auto* address = reinterpret_cast<const sockaddr*>(&to);
        CHECK(::sendto(client.descriptor(), "?", 1, 0, connected ? nullptr : address, connected ? 0 : sizeof to) == 1);
        CHECK(::recv(client.descriptor(), nullptr, 0, MSG_DONTWAIT) == -1); // over loopback the refusal is here already
        CHECK(errno == (connected ? ECONNREFUSED : EAGAIN));
    }
}

#ifdef __linux__
TEST_CASE("out of descriptors it neither ends nor spins, and serves again when there is one") {
    Host host;
    const rlimit few{16, 16};
    REQUIRE(::prlimit(host.program.pid(), RLIMIT_NOFILE, &few, nullptr) == 0);
    std::vector<Client> clients; // more than there can be descriptors
    for (int i = 0; i < 16; ++i)
        clients.push_back(connect_to(host.web));
    Client datagrams = udp_socket(host.name, 0, host.datagrams);
    const auto complaints = [&] { return std::ranges::count(host.program.complaints(), '\n'); };
    REQUIRE(eventually([&] { // a datagram needs no new descriptor; the arrival's line lets the test read complaints too
        ask(datagrams, std::string(100, '?'));
        host.program.wait_for_line("udp: UDP from");
        return complaints() > 0;
    }));
    CHECK_THAT(host.program.complaints(), StartsWith("web: accept: Too many open files"));

    const auto start = std::chrono::steady_clock::now();
    const auto before = complaints();
    for (int i = 0; i < 100; ++i) {
        ask(datagrams, std::string(100, '?'));
        host.program.wait_for_line("udp: UDP from");
    }
    const auto elapsed = std::chrono::steady_clock::now() - start;
    const auto attempts = complaints() - before;
    INFO("attempts to accept during " << std::chrono::duration<double>{elapsed}.count() << " s");
    CHECK(attempts <= 1 + elapsed / std::chrono::milliseconds{50});

    Client last = std::move(clients.back());
    clients.clear();
    last.send("GET / HTTP/1.1\r\n\r\n");
    CHECK_THAT(last.read_to_end(), StartsWith("HTTP/1.1 200 OK"));
}
#endif

TEST_CASE("the same ports are free again at once after it has closed connections") {
    need_private_network();
    for (int run = 1; run <= 2; ++run) {
        CAPTURE(run);
        Host host{.name = "127.0.0.1", .web_port = "80", .mail_port = "25"};
        get_page(host.web); // the service closes first, and its end is left in TIME-WAIT
        Client mail = connect_to(host.mail);
        CHECK_THAT(mail.read_line(), StartsWith("220 "));
        CHECK_THAT(reply(mail, "QUIT"), StartsWith("221 "));
        CHECK(mail.read_to_end().empty());
        host.program.close_input();
        CHECK(host.program.wait_for_exit() == 0);
    }
}

TEST_CASE("a port that is taken ends it with status 1, the address, the holder and the setting to change") {
    const std::string variable = GENERATE("WEB_PORT", "MAIL_PORT");
    CAPTURE(variable);
    Host holder;
    const std::string port = std::to_string((variable == "WEB_PORT" ? holder.web : holder.mail).port);
    Launch launch{.environment = {{"HOST", holder.name}, {"WEB_PORT", "0"}, {"MAIL_PORT", "0"}}};
    launch.environment[variable] = port;
    Process program{support::program("many_services"), launch};
    CHECK(program.wait_for_exit() == 1);
    CHECK(program.output().empty());
    CHECK_THAT(program.complaints(),
               StartsWith("many_services: " + holder.name + ":" + port + ": bind: Address already in use: held by "));
    CHECK_THAT(program.complaints(),
               EndsWith(": stop it, or choose another " + variable + " (0 lets the system choose)\n"));
#ifdef __linux__
    CHECK_THAT(program.complaints(),
               ContainsSubstring("held by many_services, process " + std::to_string(holder.program.pid()) + ": "));
#endif
}

TEST_CASE("a web port that is free in TCP and taken in UDP ends it in the same way") {
    const Client holder = udp_socket(own_address());
    const std::string address = to_string(holder.local()), port = std::to_string(holder.local().port);
    Process program{support::program("many_services"),
                    {.environment = {{"HOST", own_address()}, {"WEB_PORT", port}, {"MAIL_PORT", "0"}}}};
    CHECK(program.wait_for_exit() == 1);
    CHECK(program.output().empty());
    CHECK_THAT(program.complaints(),
               StartsWith("many_services: " + address + ": bind: Address already in use: held by "));
    CHECK_THAT(program.complaints(), EndsWith(": stop it, or choose another WEB_PORT (0 lets the system choose)\n"));
    CHECK(holder.error() == 0);
}

TEST_CASE("ports 80 and 25 are refused to an ordinary user, with what to do") {
    need_private_network();
    set_sysctl("net/ipv4/ip_unprivileged_port_start", "1024");
    Process program{support::program("many_services"),
                    {.environment = {{"WEB_PORT", "80"}, {"MAIL_PORT", "25"}}, .lacking = Lacking::low_ports}};
    CHECK(program.wait_for_exit() == 1);
    CHECK_THAT(program.complaints(), ContainsSubstring("127.0.0.1:80: bind: Permission denied"));
    CHECK_THAT(program.complaints(),
               ContainsSubstring("need the capability CAP_NET_BIND_SERVICE: choose a WEB_PORT from 1024 up"));
}

TEST_CASE("an invalid setting is refused with status 78 before a socket is opened") {
    const auto [variable, value] = GENERATE(table<std::string, std::string>(
        {{"WEB_PORT", "80abc"}, {"MAIL_PORT", "70000"}, {"MAIL_PORT", ""}, {"HOST", "localhost"}}));
    Process program{support::program("many_services"),
                    {.environment = {{variable, value}}, .lacking = Lacking::sockets}};
    CHECK(program.wait_for_exit() == 78);
    CHECK_THAT(program.complaints(), StartsWith("many_services: " + variable + "=\"" + value + "\" is not "));
}

TEST_CASE("it serves over IPv6 as well") {
    need_ipv6();
    Host host{.name = "::1"};
    CHECK_THAT(get_page(host.web), ContainsSubstring("greets [::1]:"));
}

TEST_CASE("Enter, end of input, SIGINT and SIGTERM each end it with status 0, with clients connected") {
    const std::string end = GENERATE("Enter", "end of input", "SIGINT", "SIGTERM");
    CAPTURE(end);
    Host host;
    Client web = connect_to(host.web), mail = connect_to(host.mail);
    web.send("GET / ");
    CHECK_THAT(mail.read_line(), StartsWith("220 "));
    if (end == "Enter")
        host.program.type("\n");
    else if (end == "end of input")
        host.program.close_input();
    else
        host.program.send_signal(end == "SIGINT" ? SIGINT : SIGTERM);
    CHECK(host.program.wait_for_exit() == 0);
    CHECK(host.program.complaints().empty());
}
