#include "tools/harness/network.hpp"
#include "tools/harness/process.hpp"

#include <algorithm>
#include <array>
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <csignal>
#include <cstring>
#include <netinet/in.h>
#include <optional>
#include <sstream>
#include <sys/socket.h>
#include <unistd.h>

using namespace support;
using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::EndsWith;
using Catch::Matchers::StartsWith;

namespace {

struct Answer {
    int status;
    std::string text;
    std::string complaints;

    /// The row of the table that begins so, with one space between its columns; empty where there is none.
    std::string row(std::string_view start) const {
        std::istringstream in{text};
        for (std::string line; std::getline(in, line);) {
            std::istringstream columns{line};
            std::string joined;
            for (std::string word; columns >> word;)
                joined += (joined.empty() ? "" : " ") + word;
            if (joined.starts_with(start))
                return joined;
        }
        return {};
    }
};

Answer answer_of(Process& process) {
    const int status = process.wait_for_exit();
    return {status, process.output(), process.complaints()};
}

Answer who(const std::string& port) {
    Process process{program("portlab"), {.arguments = {"who", port}, .directory = PORTLAB_SOURCE_DIR}};
    return answer_of(process);
}

std::string port_of(const Client& socket) { return std::to_string(socket.local().port); }

/// A child that alone holds a socket of the test. The test may have more rights than `who`, which then cannot look into
/// it.
class Holder {
  public:
    explicit Holder(Client socket) : local{socket.local()} {
        cat_.emplace(installed("cat"), Launch{.passed = {socket.descriptor()}});
        cat_->type("held\n"); // once it answers, it is no copy of the test any more
        cat_->wait_for_line("held");
    }
    std::string port() const { return std::to_string(local.port); }
    std::string name() const { return std::to_string(cat_->pid()) + " cat"; }

    const Address local;

  private:
    std::optional<Process> cat_{};
};

void need_bound_sockets_in_the_table() {
    const Client bound = bound_socket("127.0.0.1");
    for (const auto& row : common::kernel_sockets(common::Protocol::tcp))
        if (row.local == bound.local())
            return;
    SKIP("needs Linux 6.8, whose sock_diag reports TCP sockets that are bound and do not listen");
}

} // namespace

TEST_CASE("a port that nobody holds is one sentence and status 1") {
    need_private_network();
    const Answer answer = who("8080");
    CHECK(answer.status == 1);
    CHECK(answer.text == "Nobody holds port 8080 in this network namespace, in TCP or UDP, over IPv4 or IPv6.\n");
}

TEST_CASE("a listener is shown with its process, and what it means for a bind") {
    const Holder listener{listening_socket("127.0.0.1")};
    const Answer answer = who(listener.port());
    CHECK(answer.status == 0);
    CHECK(answer.row("tcp LISTEN") == "tcp LISTEN 127.0.0.1:" + listener.port() + " - " + listener.name());
    CHECK_THAT(answer.row("LISTEN"), ContainsSubstring("EADDRINUSE"));
    CHECK(answer.row("TIME-WAIT").empty()); // only what is there is explained
}

TEST_CASE("a TCP socket that is bound and does not listen is shown") {
    need_bound_sockets_in_the_table();
    const Holder bound{bound_socket("127.0.0.1")};
    const Answer answer = who(bound.port());
    CHECK(answer.row("tcp BOUND") == "tcp BOUND 127.0.0.1:" + bound.port() + " - " + bound.name());
    CHECK_THAT(answer.row("BOUND"), ContainsSubstring("owns the port"));
}

TEST_CASE("IPv6 and UDP are shown") {
    need_ipv6();
    const Holder listener{listening_socket("::1")}, datagram{udp_socket("127.0.0.1")};
    CHECK(who(listener.port()).row("tcp LISTEN") == "tcp LISTEN [::1]:" + listener.port() + " - " + listener.name());
    CHECK(who(datagram.port()).row("udp UNCONN") ==
          "udp UNCONN 127.0.0.1:" + datagram.port() + " - " + datagram.name());
}

TEST_CASE("nobody holds a connection in TIME-WAIT") {
    Client listener = listening_socket("127.0.0.1");
    Client client = connect_to(listener.local());
    Client served = listener.accept();
    served.close();
    client.read_to_end();
    client.close();
    const Address local = listener.local();
    listener.close();
    REQUIRE(eventually([&] {
        for (const auto& row : common::kernel_sockets(common::Protocol::tcp))
            if (row.local == local && row.state == "TIME-WAIT")
                return true;
        return false;
    }));
    const Answer answer = who(std::to_string(local.port));
    CHECK(answer.status == 0);
    CHECK_THAT(answer.row("tcp TIME-WAIT"), EndsWith(" -"));
    CHECK_THAT(answer.row("TIME-WAIT"), ContainsSubstring("nobody holds it"));
    CHECK_THAT(answer.text, ContainsSubstring("SO_REUSEADDR"));
}

TEST_CASE("a busy server's connections are counted and not all listed") {
    Client listener = listening_socket("127.0.0.1", 0, 64);
    std::vector<Client> both_ends;
    for (int i = 0; i < 30; ++i) {
        both_ends.push_back(connect_to(listener.local()));
        both_ends.push_back(listener.accept());
    }
    const Answer answer = who(port_of(listener));
    CHECK(answer.row("tcp ESTAB and") == "tcp ESTAB and 24 more");
    CHECK(std::ranges::count(answer.text, '\n') <= 24);
}

TEST_CASE("a holder that cannot be seen is said to be hidden, with its user") {
    // Nobody has the socket's descriptor but a message that nobody has read yet, unix(7).
    Client listener = listening_socket("127.0.0.1");
    const std::string port = port_of(listener);
    std::array<int, 2> ends{};
    REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM, 0, ends.data()) == 0);
    const Client one{ends[0]}, other{ends[1]};
    char byte = 'x';
    iovec data{&byte, 1};
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control{};
    msghdr message{};
    message.msg_iov = &data;
    message.msg_iovlen = 1;
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    cmsghdr* const passed = CMSG_FIRSTHDR(&message);
    passed->cmsg_level = SOL_SOCKET;
    passed->cmsg_type = SCM_RIGHTS;
    passed->cmsg_len = CMSG_LEN(sizeof(int));
    const int descriptor = listener.descriptor();
    std::memcpy(CMSG_DATA(passed), &descriptor, sizeof descriptor);
    REQUIRE(::sendmsg(one.descriptor(), &message, 0) == 1);
    listener.close();

    const Answer answer = who(port);
    CHECK(answer.status == 0);
    if (::geteuid() == 0) { // who sees that no process has it, or, in a container, that some may not be looked into
        CHECK_THAT(answer.row("tcp LISTEN"), EndsWith(" - kernel") || ContainsSubstring(" - ?"));
        CHECK_THAT(answer.text, ContainsSubstring("kernel"));
    } else {
        CHECK_THAT(answer.row("tcp LISTEN"), ContainsSubstring(" - ? of "));
        CHECK_THAT(answer.text, ContainsSubstring("sudo ./portlab who " + port));
    }
}

TEST_CASE("an older kernel, which does not list bound sockets, is asked by a bind") {
    const std::string strace = installed("strace");
    const Client bound = bound_socket("127.0.0.1");
    Client free = bound_socket("127.0.0.1");
    // The kernel's answer to each request for its table becomes an empty one: the message NLMSG_DONE, netlink(7).
    const auto with_an_empty_table = [&](const std::string& port) {
        Process process{
            strace,
            {.arguments = {"-qq", "-o", "/dev/null", "-e", "trace=recvfrom", "-e",
                           "inject=recvfrom:retval=20:poke_exit=@arg2=1400000003000000" + std::string(24, '0'),
                           program("portlab"), "who", port},
             .environment = {{"ASAN_OPTIONS", "detect_leaks=0"}}, // impossible under strace
             .directory = PORTLAB_SOURCE_DIR}};
        const Answer answer = answer_of(process);
        if (answer.status != 0 && answer.complaints.find("strace:") != std::string::npos)
            SKIP("needs a strace that may trace and can write what a call returns; it says: " << answer.complaints);
        return answer;
    };
    const Answer answer = with_an_empty_table(port_of(bound));
    CHECK(answer.status == 0);
    CHECK_THAT(answer.row("tcp BOUND?"), EndsWith("somebody has bound it; this kernel does not say who"));
    CHECK(answer.row("udp").empty()); // that bind was not refused

    need_private_network(); // so that nobody takes the port meanwhile
    const std::string port = port_of(free);
    free.close();
    CHECK_THAT(with_an_empty_table(port).text, StartsWith("Nobody holds port " + port));
}

TEST_CASE("all that hold one socket are named, and who is suspended") {
    Client listener = listening_socket("127.0.0.1");
    const std::string port = port_of(listener), cat = installed("cat");
    Process parent{cat, {.passed = {listener.descriptor()}}}, child{cat, {.passed = {listener.descriptor()}}};
    for (Process* const process : {&parent, &child}) {
        process->type("held\n");
        process->wait_for_line("held");
    }
    listener.close();
    child.send_signal(SIGSTOP);
    const auto name = [](const Process& process) { return std::to_string(process.pid()) + " cat"; };
    const auto row = [&] { return who(port).row("tcp LISTEN"); };
    CHECK(eventually([&] { return row().ends_with(" (suspended)"); }));
    const Answer answer = who(port);
    CHECK_THAT(answer.row("tcp LISTEN"), EndsWith(" - " + name(parent) + ", " + name(child) + " (suspended)"));
    CHECK_THAT(answer.text, ContainsSubstring("kill -CONT " + std::to_string(child.pid())));
    child.send_signal(SIGCONT);
}

TEST_CASE("of a process that holds ports for others it says for whom, and what to stop") {
    const std::string name = GENERATE("systemd", "docker-proxy", "nginx");
    Client listener = listening_socket("127.0.0.1");
    const std::string port = port_of(listener);
    Process named{installed("bash"),
                  {.arguments = {"-c", "printf " + name + " >/proc/$$/comm; echo held; read -r"},
                   .passed = {listener.descriptor()}}};
    named.wait_for_line("held");
    listener.close();
    const Answer answer = who(port);
    CHECK_THAT(answer.row("tcp LISTEN"), EndsWith(std::to_string(named.pid()) + " " + name));
    const auto says = [&](const std::string& words) { return answer.text.find(words) != std::string::npos; };
    CHECK(says("systemctl stop NAME.socket") == (name == "systemd"));
    CHECK(says("docker ps") == (name == "docker-proxy"));
}

TEST_CASE("a name commands no terminal") {
    Client listener = listening_socket("127.0.0.1");
    const std::string port = port_of(listener);
    Process named{installed("bash"),
                  {.arguments = {"-c", R"(printf 'ev\e[31mil' >/proc/$$/comm; echo held; read -r)"},
                   .passed = {listener.descriptor()}}};
    named.wait_for_line("held");
    listener.close();
    const Answer answer = who(port);
    CHECK_THAT(answer.row("tcp LISTEN"), EndsWith(std::to_string(named.pid()) + R"( ev\x1b[31mil)"));
    CHECK(answer.text.find('\x1b') == std::string::npos);
}

TEST_CASE("a wildcard for both families is shown as ss shows it, apart from one for IPv6 alone, and so is a bound "
          "interface") {
    need_ipv6();
    const Client both = listening_socket("::");
    const std::string port = port_of(both);
    CHECK_THAT(who(port).row("tcp LISTEN"), StartsWith("tcp LISTEN *:" + port + " - "));
    CHECK_THAT(who(port).text, ContainsSubstring("of IPv4 and of IPv6; [::] is those of IPv6 alone"));

    const auto with = [](int family, int level, int option, auto value, socklen_t size) {
        Client socket{::socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0)};
        REQUIRE(::setsockopt(socket.descriptor(), level, option, value, size) == 0);
        REQUIRE(::listen(socket.descriptor(), 4) == 0); // on a port that the kernel chooses, and on every address
        return socket;
    };
    const int on = 1;
    const Client v6_only = with(AF_INET6, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
    CHECK_THAT(who(port_of(v6_only)).row("tcp LISTEN"), StartsWith("tcp LISTEN [::]:" + port_of(v6_only) + " - "));
    const Client on_lo = with(AF_INET, SOL_SOCKET, SO_BINDTODEVICE, "lo", 2);
    CHECK_THAT(who(port_of(on_lo)).row("tcp LISTEN"), StartsWith("tcp LISTEN 0.0.0.0%lo:" + port_of(on_lo) + " - "));
}

TEST_CASE("a connection that nobody has accepted is no process's, and is said to wait for accept") {
    const Client listener = listening_socket("127.0.0.1");
    const Client client = connect_to(listener.local());
    const Answer answer = who(port_of(listener));
    CHECK_THAT(answer.row("tcp ESTAB"), EndsWith(" -"));
    CHECK_THAT(answer.row("- (ESTAB)"), ContainsSubstring("waits for its listener to call accept"));
}

TEST_CASE("a connection that its process has left is the kernel's for a while") {
    Client listener = listening_socket("127.0.0.1");
    Client client = connect_to(listener.local());
    const Client server = listener.accept();
    const std::string port = port_of(client);
    client.close(); // and the server does not
    const auto row = [&] { return who(port).row("tcp FIN-WAIT-2"); };
    CHECK(eventually([&] { return !row().empty(); }));
    CHECK_THAT(row(), EndsWith(" -"));
    CHECK_THAT(who(port).row("- (FIN-WAIT-2)"), ContainsSubstring("no process"));
    CHECK_THAT(who(port).text, ContainsSubstring("wait a minute or two"));
}

TEST_CASE("of UDP it speaks in UDP's terms") {
    const Client server = udp_socket("127.0.0.1"), client = udp_socket("127.0.0.1", 0, server.local());
    const Answer answer = who(port_of(client));
    CHECK_THAT(answer.row("udp ESTAB"), ContainsSubstring(common::to_string(server.local())));
    CHECK_THAT(answer.row("UDP ESTAB"), ContainsSubstring("has called connect"));
    CHECK(answer.text.find("a connection") == std::string::npos);
    CHECK_THAT(who(port_of(server)).row("or both SO_REUSEPORT"), ContainsSubstring("one user")); // they may share
}

TEST_CASE("every worker that shares a port is listed") {
    std::vector<Client> workers;
    std::uint16_t port = 0;
    for (int i = 0; i < 9; ++i) {
        workers.emplace_back(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
        const int on = 1;
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_port = htons(port);
        REQUIRE(::setsockopt(workers.back().descriptor(), SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) == 0);
        REQUIRE(::bind(workers.back().descriptor(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
        REQUIRE(::listen(workers.back().descriptor(), 4) == 0);
        port = workers.back().local().port;
    }
    const std::string text = who(std::to_string(port)).text;
    std::size_t rows = 0;
    for (auto at = text.find("tcp    LISTEN"); at != text.npos; at = text.find("tcp    LISTEN", at + 1))
        ++rows;
    CHECK(rows == 9);
}

TEST_CASE("another network namespace is told apart") {
    need_private_network();
    Process elsewhere{installed("unshare"),
                      {.arguments = {"--net", installed("python3"), "-c",
                                     "import socket\ns = socket.socket()\ns.bind(('', 8011))\ns.listen()\n"
                                     "print('listens', flush=True)\ninput()"}}};
    if (elsewhere.next_line() != "listens")
        SKIP("needs the right to make a further network namespace");
    const Answer answer = who("8011");
    CHECK(answer.status == 1);
    CHECK_THAT(answer.text, StartsWith("Nobody holds port 8011 in this network namespace"));
    CHECK_THAT(answer.text,
               ContainsSubstring("Elsewhere, and not in the way here: tcp LISTEN over IPv4, in the network "
                                 "namespace of process " +
                                 std::to_string(elsewhere.pid())));
}

TEST_CASE("what is no port is wrong use, in words of our own") {
    for (const char* const wrong : {"0", "65536", "http", "", ":80", "80/tcp", "+80", "0x50", " 80", "-80", "80.0"}) {
        const Answer answer = who(wrong);
        CAPTURE(wrong);
        CHECK(answer.status == 2);
        CHECK(answer.complaints ==
              "portlab: PORT=\"" + std::string{wrong} + "\" is not a whole number from 1 to 65535 in decimal digits\n");
        CHECK(answer.text.empty());
    }
}

TEST_CASE("leading zeros do not change a port") {
    need_private_network();
    CHECK_THAT(who("0443").text, StartsWith("Nobody holds port 443 in"));
    CHECK_THAT(who("08080").text, StartsWith("Nobody holds port 8080 in"));
}
