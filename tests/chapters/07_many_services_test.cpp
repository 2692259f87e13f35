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

const std::string temperature = "21.5 degrees\n", question = "is there a thermometer here?";

// Tests share the machine's network where they cannot have one of their own. On Linux every address of 127.0.0.0/8 is
// loopback: with one for each test process, the number that TCP gets is free in UDP as well.
std::string own_address() {
#ifdef __linux__
    return "127.7." + std::to_string(::getpid() / 250 % 250 + 1) + "." + std::to_string(::getpid() % 250 + 1);
#else
    return "127.0.0.1";
#endif
}

sockaddr_in internet_address(const std::string& ip, std::uint16_t port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    ::inet_pton(AF_INET, ip.c_str(), &address.sin_addr);
    return address;
}

// A UDP socket that shares its address: SO_REUSEADDR.
Client udp_socket_shared(const std::string& ip, std::uint16_t port) {
    Client client{::socket(AF_INET, SOCK_DGRAM, 0)};
    const int on = 1;
    ::setsockopt(client.descriptor(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    const sockaddr_in address = internet_address(ip, port);
    REQUIRE(::bind(client.descriptor(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
    return client;
}

std::string to_uri(const std::string& scheme, const Address& address) {
    return scheme + "://" + to_string(address) + "/";
}

struct Host {
    std::string built = "many_services"; // or "robust"
    std::string name = own_address();
    std::string web_port = "0", mail_port = "0";
    Process program{support::program(built),
                    {.environment = {{"HOST", name}, {"WEB_PORT", web_port}, {"MAIL_PORT", mail_port}}}};
    Address web = address_in(program.wait_for_line("web: listening on "));
    Address mail = address_in(program.wait_for_line("mail: listening on "));
    Address datagrams = address_in(program.wait_for_line("beacon: bound to "));

    // Waits for the line in which the program says which of its sockets `client` reached.
    void expect_arrival(const std::string& protocol, const Client& client, const Address& socket) {
        const std::string line = program.wait_for_line(to_string(client.local()) + " ");
        CHECK(line == protocol + " from " + to_string(client.local()) + " reached " + to_string(socket));
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

// Whether nothing comes within three tenths of a second: a program that is right never answers, one that is wrong does
// at once.
bool is_silent(const Client& client) {
    timeval limit{0, 300'000};
    ::setsockopt(client.descriptor(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    char byte = 0;
    return ::recv(client.descriptor(), &byte, 1, MSG_PEEK) == -1 && errno == EAGAIN;
}

// One datagram there and one back.
std::string ask(Client& client, const std::string& words) {
    client.send(words);
    std::string answer(2000, '\0');
    timeval limit{patience.count(), 0};
    ::setsockopt(client.descriptor(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    const auto size = ::recv(client.descriptor(), answer.data(), answer.size(), 0);
    INFO("recv after \"" << words << "\": " << std::strerror(errno));
    REQUIRE(size >= 0);
    answer.resize(static_cast<std::size_t>(size));
    return answer;
}

} // namespace

TEST_CASE("takes_turns: the beacon waits for a client of the web, and the web for a datagram") {
    need_private_network();
    Process program{support::program("takes_turns")};
    program.wait_for_line("beacon: bound to 127.0.0.1:8080");
    Client beacon = udp_socket("127.0.0.1", 0, {"127.0.0.1", 8080});
    beacon.send(question);
    CHECK(is_silent(beacon));
    CHECK_THAT(get_page({"127.0.0.1", 8080}), EndsWith(temperature));
    CHECK(ask(beacon, question) == temperature);

    CHECK_THAT(get_page({"127.0.0.1", 8080}), EndsWith(temperature)); // the second question was waiting
    Client web = connect_to({"127.0.0.1", 8080});
    web.send("GET / HTTP/1.0\r\n\r\n");
    CHECK_THAT(web.read_to_end(), EndsWith(temperature));
    Client next = connect_to({"127.0.0.1", 8080});
    next.send("GET / HTTP/1.0\r\n\r\n");
    CHECK(is_silent(next));
    program.send_signal(SIGTERM);
    CHECK(program.wait_for_exit() == 0);
}

TEST_CASE("two_services: each answers whatever the other does, until a client of the web says nothing") {
    need_private_network();
    Process program{support::program("two_services")};
    program.wait_for_line("beacon: bound to 127.0.0.1:8080");
    Client beacon = udp_socket("127.0.0.1", 0, {"127.0.0.1", 8080});
    for (int i = 0; i < 3; ++i)
        CHECK(ask(beacon, question) == temperature);
    for (int i = 0; i < 3; ++i)
        CHECK_THAT(get_page({"127.0.0.1", 8080}), EndsWith(temperature));
    CHECK(ask(beacon, question) == temperature);

    Client silent = connect_to({"127.0.0.1", 8080});
    REQUIRE(eventually([&] { return program.sockets(Protocol::tcp).size() == 2; })); // it has accepted the client
    beacon.send(question);
    CHECK(is_silent(beacon));
    Client another = connect_to({"127.0.0.1", 8080});
    another.send("GET / HTTP/1.0\r\n\r\n");
    CHECK(is_silent(another));
    silent.close();
    CHECK(ask(beacon, question) == temperature);
    CHECK_THAT(another.read_to_end(), EndsWith(temperature));

    Client last = connect_to({"127.0.0.1", 8080});
    REQUIRE(eventually([&] { return program.sockets(Protocol::tcp).size() == 2; }));
    program.type("\n");
    CHECK(is_silent(last)); // Enter has no effect either
    last.close();
    CHECK(program.wait_for_exit() == 0);
}

TEST_CASE("three sockets: TCP for the web, TCP for mail, and UDP with the web's number") {
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
    CHECK(web.output() == "HTTP/1.0 200 OK\r\n\r\n21.5 degrees\n");
    CHECK(web.complaints().empty());

    Process mail{curl, {.arguments = {"-sSv", "--noproxy", "*", "-X", "NOOP", "smtp://127.0.0.1/client.example"}}};
    CHECK(mail.wait_for_exit() == 0);
    CHECK_THAT(mail.complaints(), ContainsSubstring("< 220 mail.example"));
    CHECK_THAT(mail.complaints(), ContainsSubstring("> EHLO client.example\r\n< 250 mail.example"));
    CHECK_THAT(mail.complaints(), ContainsSubstring("> NOOP\r\n< 250 OK"));

    Client datagrams = udp_socket("127.0.0.1", 0, host.datagrams);
    CHECK(ask(datagrams, question) == temperature);
}

TEST_CASE("curl gets a page from a port that the kernel chose") {
    const std::string curl = installed("curl");
    Host host;
    Process client{curl, {.arguments = {"-sS", "--noproxy", "*", to_uri("http", host.web)}}};
    CHECK(client.wait_for_exit() == 0);
    CHECK_THAT(client.output(), StartsWith("21.5 degrees\n"));
    CHECK(client.complaints().empty());
}

TEST_CASE("without settings the ports are 8080 and 2525 on 127.0.0.1") {
    need_private_network();
    Process program{support::program("many_services")};
    CHECK_THAT(program.wait_for_line("web: "), EndsWith("listening on 127.0.0.1:8080"));
    CHECK_THAT(program.wait_for_line("mail: "), EndsWith("listening on 127.0.0.1:2525"));
    CHECK_THAT(program.wait_for_line("beacon: "), EndsWith("bound to 127.0.0.1:8080"));
}

TEST_CASE("each arrival reaches the socket of its protocol and port, and the program says which") {
    Host host{.built = GENERATE("many_services", "robust")};
    Client web = connect_to(host.web);
    host.expect_arrival("TCP", web, host.web);
    Client mail = connect_to(host.mail);
    CHECK_THAT(mail.read_line(), StartsWith("220 "));
    host.expect_arrival("TCP", mail, host.mail);
    Client datagrams = udp_socket(host.name, 0, host.datagrams);
    CHECK(ask(datagrams, question) == temperature);
    host.expect_arrival("UDP", datagrams, host.datagrams);
}

TEST_CASE("two hosts' services with the same ports are told apart by address") {
    need_private_network();
    Host first{.name = "127.0.0.1", .web_port = "8080", .mail_port = "2525"};
    Host second{.name = "127.0.0.2", .web_port = "8080", .mail_port = "2525"};
    for (Host* const host : {&first, &second}) {
        CAPTURE(host->name);
        CHECK(to_string(host->web) == host->name + ":8080");
        const Client web = connect_to({host->name, 8080});
        host->expect_arrival("TCP", web, host->web);
        Client mail = connect_to({host->name, 2525});
        CHECK_THAT(reply(mail, "QUIT"), StartsWith("220 "));
        host->expect_arrival("TCP", mail, host->mail);
        Client datagrams = udp_socket("127.0.0.3", 0, {host->name, 8080});
        CHECK(ask(datagrams, question) == temperature);
        host->expect_arrival("UDP", datagrams, host->datagrams);
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

TEST_CASE("the mail service says 220, knows EHLO, HELO, NOOP, RSET and QUIT, and answers 502 to the rest") {
    Host host{.built = GENERATE("many_services", "robust")};
    Client client = connect_to(host.mail);
    CHECK_THAT(client.read_line(), StartsWith("220 "));
    CHECK_THAT(reply(client, "EHLO client.example"), StartsWith("250 "));
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

TEST_CASE("a slow client makes nobody wait, and is served when it is ready") {
    Host host{.built = GENERATE("many_services", "robust")};
    Client slow_web = connect_to(host.web), slow_mail = connect_to(host.mail);
    slow_web.send("GET / HT");
    slow_mail.send("NO");
    CHECK_THAT(slow_mail.read_line(), StartsWith("220 "));

    CHECK_THAT(get_page(host.web), StartsWith("HTTP/1.0 200 OK"));
    Client mail = connect_to(host.mail);
    CHECK_THAT(mail.read_line(), StartsWith("220 "));
    CHECK_THAT(reply(mail, "NOOP"), StartsWith("250 "));
    Client datagrams = udp_socket(host.name, 0, host.datagrams);
    CHECK(ask(datagrams, question) == temperature);

    slow_web.send("TP/1.1\r\n\r\n");
    CHECK_THAT(slow_web.read_to_end(), StartsWith("HTTP/1.0 200 OK"));
    CHECK_THAT(reply(slow_mail, "OP"), StartsWith("250 "));
}

TEST_CASE("a client that resets its connection, even before it is accepted, ends nothing but that") {
    Host host{.built = GENERATE("many_services", "robust")};
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
        CHECK(host.program.wait_for_line(peer) == "TCP from " + peer + " reached " + to_string(socket));
    }
    Client half_way = connect_to(host.web);
    half_way.send("GET / ");
    host.expect_arrival("TCP", half_way, host.web);
    reset(std::move(half_way));
    Client deaf = connect_to(host.mail);
    deaf.send("NOOP\r\nNOOP\r\nNOOP\r\n");
    reset(std::move(deaf));

    CHECK_THAT(get_page(host.web), StartsWith("HTTP/1.0 200 OK"));
    Client mail = connect_to(host.mail);
    CHECK_THAT(mail.read_line(), StartsWith("220 "));
    host.program.send_signal(SIGTERM);
    CHECK(host.program.wait_for_exit() == 0);
}

TEST_CASE("a UDP answer is shorter than the question; a short question gets none") {
    Host host;
    Client client = udp_socket(host.name, 0, host.datagrams);
    CHECK(ask(client, std::string(1400, '?')) == temperature);
    CHECK(ask(client, std::string(temperature.size() + 1, '?')) == temperature);
    client.send(std::string(temperature.size(), '?'));
    REQUIRE(::send(client.descriptor(), "", 0, 0) == 0);
    CHECK(is_silent(client));
    CHECK(ask(client, question) == temperature);
}

TEST_CASE("the plain form: what is too long, or not read, ends in a reset") {
    Host host;
    Client web = connect_to(host.web);
    web.send(std::string(100000, 'x'));
    CHECK(web.reset_by_peer());
    Client mail = connect_to(host.mail);
    CHECK_THAT(mail.read_line(), StartsWith("220 "));
    mail.send(std::string(100000, 'x'));
    CHECK(mail.reset_by_peer());
    CHECK_THAT(get_page(host.web), EndsWith(temperature));
}

TEST_CASE("what is too long gets an answer that says so, and the service goes on") {
    Host host{.built = "robust"};
    for (const std::string& request : {std::string(100000, 'x'), "GET / HTTP/1.1\r\nX: " + std::string(100000, 'x')}) {
        Client web = connect_to(host.web);
        web.send(request);
        CHECK_THAT(web.read_to_end(), StartsWith("HTTP/1.0 431 "));
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
    CHECK_THAT(get_page(host.web), StartsWith("HTTP/1.0 200 OK"));
}

TEST_CASE("an answer is not lost to what the client has sent too much") {
    Host host{.built = "robust"};
    for (int i = 0; i < 20; ++i) {
        Client web = connect_to(host.web);
        web.send("POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 30000\r\n\r\n" + std::string(30000, 'x'));
        CHECK_THAT(web.read_to_end(), StartsWith("HTTP/1.0 200 OK")); // not a reset
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

#ifdef __linux__
TEST_CASE("nobody_there: an unconnected UDP socket hears nothing, a connected one the refusal") {
    const Client taken = bound_socket("127.0.0.1"); // its number is free in UDP, most likely
    const std::string nobody = to_string(taken.local());
    Process program{support::program("nobody_there"), {.environment = {{"PORT", std::to_string(taken.local().port)}}}};
    CHECK_THAT(program.next_line().value_or(""),
               StartsWith("0.0.0.0:") && EndsWith(" sends to " + nobody + ": silence"));
    CHECK_THAT(program.next_line().value_or(""),
               StartsWith("127.0.0.1:") && EndsWith(" is connected to " + nobody + ": Connection refused"));
    CHECK(program.wait_for_exit() == 0);
}

TEST_CASE(
    "kernel: connect gives a UDP socket a local address and port, and then it takes datagrams of its peer alone") {
    const Client peer = udp_socket("127.0.0.1"), stranger = udp_socket("127.0.0.1");
    const Client connected{::socket(AF_INET, SOCK_DGRAM, 0)};
    CHECK(connected.local().port == 0);
    const sockaddr_in to = internet_address("127.0.0.1", peer.local().port);
    REQUIRE(::connect(connected.descriptor(), reinterpret_cast<const sockaddr*>(&to), sizeof to) == 0);
    CHECK(connected.local().ip == "127.0.0.1");
    CHECK(connected.local().port != 0);
    const sockaddr_in back = internet_address("127.0.0.1", connected.local().port);
    for (const Client* const sender : {&stranger, &peer})
        REQUIRE(::sendto(sender->descriptor(), sender == &peer ? "p" : "s", 1, 0,
                         reinterpret_cast<const sockaddr*>(&back), sizeof back) == 1);
    std::array<char, 2> got{};
    CHECK(::recv(connected.descriptor(), got.data(), got.size(), MSG_DONTWAIT) == 1);
    CHECK(got[0] == 'p');
    CHECK(::recv(connected.descriptor(), got.data(), got.size(), MSG_DONTWAIT) == -1);
}

TEST_CASE("kernel: a datagram goes to the socket at its one address before the one at every address") {
    need_private_network();
    const Client any = udp_socket_shared("0.0.0.0", 8080), one = udp_socket_shared("127.0.0.1", 8080);
    const Client sender = udp_socket("127.0.0.1", 0, {"127.0.0.1", 8080});
    const Client other = udp_socket("127.0.0.1", 0, {"127.0.0.2", 8080});
    REQUIRE(::send(sender.descriptor(), "1", 1, 0) == 1);
    REQUIRE(::send(other.descriptor(), "2", 1, 0) == 1);
    char got = 0;
    CHECK(::recv(one.descriptor(), &got, 1, MSG_DONTWAIT) == 1);
    CHECK(got == '1');
    CHECK(::recv(any.descriptor(), &got, 1, MSG_DONTWAIT) == 1);
    CHECK(got == '2');
}

TEST_CASE("a beacon at every address may answer from another one than it was asked at") {
    need_private_network();
    Host host{.name = "0.0.0.0", .web_port = "8080"};
    Client connected = udp_socket("127.0.0.1", 0, {"127.0.0.2", 8080});
    connected.send(question);
    CHECK(is_silent(connected));

    const Client unconnected = udp_socket("127.0.0.1");
    const sockaddr_in asked = internet_address("127.0.0.2", 8080);
    REQUIRE(::sendto(unconnected.descriptor(), question.data(), question.size(), 0,
                     reinterpret_cast<const sockaddr*>(&asked), sizeof asked) == std::ssize(question));
    timeval limit{patience.count(), 0};
    ::setsockopt(unconnected.descriptor(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    std::array<char, 100> answer{};
    sockaddr_in from{};
    socklen_t size = sizeof from;
    REQUIRE(::recvfrom(unconnected.descriptor(), answer.data(), answer.size(), 0, reinterpret_cast<sockaddr*>(&from),
                       &size) == std::ssize(temperature));
    CHECK(ntohl(from.sin_addr.s_addr) == INADDR_LOOPBACK);
}

TEST_CASE("kernel: of two UDP sockets that share an address by SO_REUSEADDR the last to bind gets the datagrams") {
    need_private_network();
    const Client first = udp_socket_shared("127.0.0.1", 8080), last = udp_socket_shared("127.0.0.1", 8080);
    const Client sender = udp_socket("127.0.0.1", 0, {"127.0.0.1", 8080});
    char got = 0;
    for (int i = 0; i < 20; ++i) {
        REQUIRE(::send(sender.descriptor(), "?", 1, 0) == 1);
        CHECK(::recv(last.descriptor(), &got, 1, MSG_DONTWAIT) == 1);
        CHECK(::recv(first.descriptor(), &got, 1, MSG_DONTWAIT) == -1);
    }
}

TEST_CASE("kernel: a UDP socket at [::] gets datagrams over IPv4, too") {
    need_ipv6();
    const Client both = udp_socket("::");
    const Client sender = udp_socket("127.0.0.1", 0, {"127.0.0.1", both.local().port});
    REQUIRE(::send(sender.descriptor(), "?", 1, 0) == 1);
    char got = 0;
    CHECK(::recv(both.descriptor(), &got, 1, MSG_DONTWAIT) == 1);
}

TEST_CASE("kernel: a datagram has at most 65507 bytes over IPv4, and what the reader has no room for is lost") {
    const Client reader = udp_socket("127.0.0.1");
    const Client sender = udp_socket("127.0.0.1", 0, reader.local());
    const std::string large(65508, '?');
    CHECK(::send(sender.descriptor(), large.data(), 65508, 0) == -1);
    CHECK(errno == EMSGSIZE);
    CHECK(::send(sender.descriptor(), large.data(), 65507, 0) == 65507);
    std::array<char, 10> room{};
    CHECK(::recv(reader.descriptor(), room.data(), room.size(), MSG_DONTWAIT) == 10);
    CHECK(::recv(reader.descriptor(), room.data(), room.size(), MSG_DONTWAIT) == -1);
}

TEST_CASE("a port that is taken, in TCP or in UDP, ends it with status 1, the service and the reason") {
    need_private_network();
    const auto [service, protocol, port] = GENERATE(table<std::string, Protocol, std::uint16_t>(
        {{"web", Protocol::tcp, 8080}, {"mail", Protocol::tcp, 2525}, {"beacon", Protocol::udp, 8080}}));
    CAPTURE(service);
    const Client holder =
        protocol == Protocol::tcp ? listening_socket("127.0.0.1", port) : udp_socket("127.0.0.1", port);
    REQUIRE(holder.error() == 0);
    Process program{support::program("many_services")};
    CHECK(program.wait_for_exit() == 1);
    CHECK(program.output().empty());
    CHECK(program.complaints() == "many_services: " + service + ": bind: Address already in use\n");
}

TEST_CASE("port 80 is refused to an ordinary user, with the reason") {
    need_private_network();
    set_sysctl("net/ipv4/ip_unprivileged_port_start", "1024");
    Process program{support::program("many_services"),
                    {.environment = {{"WEB_PORT", "80"}}, .lacking = Lacking::low_ports}};
    CHECK(program.wait_for_exit() == 1);
    CHECK(program.complaints() == "many_services: web: bind: Permission denied\n");
}

TEST_CASE("the plain form: out of descriptors once, it never accepts again, and the beacon answers") {
    Host host;
    const rlimit few{16, 16};
    REQUIRE(::prlimit(host.program.pid(), RLIMIT_NOFILE, &few, nullptr) == 0);
    std::vector<Client> clients; // more than there can be descriptors
    for (int i = 0; i < 16; ++i)
        clients.push_back(connect_to(host.web));
    Client beacon = udp_socket(host.name, 0, host.datagrams);
    for (int i = 0; i < 10; ++i) // by then it has tried
        CHECK(ask(beacon, question) == temperature);
    clients.clear();
    Client late = connect_to(host.web);
    late.send("GET / HTTP/1.0\r\n\r\n");
    CHECK(is_silent(late));
    CHECK(ask(beacon, question) == temperature);
    CHECK(host.program.complaints().empty());
}

TEST_CASE("out of descriptors it neither ends nor spins, and serves again when there is one") {
    Host host{.built = "robust"};
    const rlimit few{16, 16};
    REQUIRE(::prlimit(host.program.pid(), RLIMIT_NOFILE, &few, nullptr) == 0);
    std::vector<Client> clients; // more than there can be descriptors
    for (int i = 0; i < 16; ++i)
        clients.push_back(connect_to(host.web));
    Client datagrams = udp_socket(host.name, 0, host.datagrams);
    const auto complaints = [&] { return std::ranges::count(host.program.complaints(), '\n'); };
    REQUIRE(eventually([&] { // a datagram needs no new descriptor; the arrival's line lets the test read complaints too
        ask(datagrams, std::string(100, '?'));
        host.program.wait_for_line("UDP from");
        return complaints() > 0;
    }));
    CHECK_THAT(host.program.complaints(), StartsWith("accept: Too many open files"));

    const auto start = std::chrono::steady_clock::now();
    const auto before = complaints();
    for (int i = 0; i < 100; ++i) {
        ask(datagrams, std::string(100, '?'));
        host.program.wait_for_line("UDP from");
    }
    const auto elapsed = std::chrono::steady_clock::now() - start;
    const auto attempts = complaints() - before;
    INFO("attempts to accept during " << std::chrono::duration<double>{elapsed}.count() << " s");
    CHECK(attempts <= 1 + elapsed / std::chrono::milliseconds{50});

    Client last = std::move(clients.back());
    clients.clear();
    last.send("GET / HTTP/1.1\r\n\r\n");
    CHECK_THAT(last.read_to_end(), StartsWith("HTTP/1.0 200 OK"));
}
#endif

TEST_CASE("the same ports are free again at once after it has closed connections") {
    need_private_network();
    const std::string built = GENERATE("many_services", "robust");
    for (int run = 1; run <= 2; ++run) {
        CAPTURE(run);
        Host host{.built = built, .name = "127.0.0.1", .web_port = "80", .mail_port = "25"};
        get_page(host.web); // the service closes first, and its end is left in TIME-WAIT
        Client mail = connect_to(host.mail);
        CHECK_THAT(mail.read_line(), StartsWith("220 "));
        CHECK_THAT(reply(mail, "QUIT"), StartsWith("221 "));
        CHECK(mail.read_to_end().empty());
        host.program.close_input();
        CHECK(host.program.wait_for_exit() == 0);
    }
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
    CHECK_THAT(get_page(host.web), EndsWith(temperature));
    Client datagrams = udp_socket("::1", 0, host.datagrams);
    CHECK(ask(datagrams, question) == temperature);
}

TEST_CASE("Enter, end of input, SIGINT and SIGTERM each end it with status 0, with clients connected") {
    const std::string end = GENERATE("Enter", "end of input", "SIGINT", "SIGTERM");
    CAPTURE(end);
    Host host{.built = GENERATE("many_services", "robust")};
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
