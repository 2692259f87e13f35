#include "tools/harness/asleep.hpp"
#include "tools/harness/network.hpp"
#include "tools/harness/process.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <list>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <set>
#include <sstream>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>

using namespace support;
using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::StartsWith;
using common::Protocol;
using common::SocketRow;
using common::to_string;

namespace {

using Rows = std::vector<SocketRow>;

Address ready(Process& server) { return address_in(server.wait_for_line("listening on")); }

const Launch any_port{.environment = {{"PORT", "0"}}};

Client served_client(const Address& server) {
    Client client = connect_to(server);
    INFO("connect to " << to_string(server) << ": " << std::strerror(client.error()));
    REQUIRE(client.error() == 0);
    CHECK(client.read_line() == "21.5 degrees");
    return client;
}

Rows in_state(const std::string& state, Rows rows) {
    std::erase_if(rows, [&](const SocketRow& row) { return row.state != state; });
    return rows;
}

// The rows that the kernel has for one port of the server, on the server's side.
Rows server_side(const Address& server) {
    Rows rows = common::kernel_sockets(Protocol::tcp);
    std::erase_if(rows, [&](const SocketRow& row) { return row.local != server; });
    return rows;
}

std::string state_of(const Client& client, const Address& server) {
    for (const SocketRow& row : common::kernel_sockets(Protocol::tcp))
        if (row.local == client.local() && row.peer == server)
            return row.state;
    return "none";
}

bool queue_holds(std::size_t connections, const Address& server) {
    const Rows listening = in_state("LISTEN", server_side(server));
    return listening.size() == 1 && listening[0].received == connections;
}

// From here on the server calls nothing, accept least of all, until it gets SIGCONT.
void stop_running(Process& server) {
    server.send_signal(SIGSTOP);
    REQUIRE(eventually([&] {
        siginfo_t stopped{};
        return ::waitid(P_PID, static_cast<id_t>(server.pid()), &stopped, WSTOPPED | WNOHANG) == 0 &&
               stopped.si_pid == server.pid();
    }));
}

#if defined(__SANITIZE_ADDRESS__)
void allow_descriptors(const Process&, rlim_t) {
    SKIP("the sanitizers need a descriptor themselves, to see whether memory can be read");
}
#elif defined(__linux__)
// Leaves the server room for `more` descriptors: accept takes the lowest number that is free.
void allow_descriptors(const Process& server, rlim_t more) {
    const std::string directory = "/proc/" + std::to_string(server.pid()) + "/fd/";
    rlim_t limit = 0;
    for (;; ++limit) {
        const bool taken = std::filesystem::is_symlink(directory + std::to_string(limit));
        if (!taken && more-- == 0)
            break;
    }
    const rlimit limits{limit, limit};
    REQUIRE(::prlimit(server.pid(), RLIMIT_NOFILE, &limits, nullptr) == 0);
}
#else
void allow_descriptors(const Process&, rlim_t) { SKIP("needs prlimit, which Linux has"); }
#endif

// The kernel's limit to the backlog of every listener that comes after.
void limit_backlogs(const std::string& connections) {
    need_private_network();
    if (!std::filesystem::exists("/proc/sys/net/core/somaxconn"))
        SKIP("this kernel keeps somaxconn from network namespaces of ordinary users");
    set_sysctl("net/core/somaxconn", connections);
}

// A counter of this network namespace: nstat(8) shows them.
unsigned long kernel_counter(const std::string& file, const std::string& group, const std::string& name) {
    std::ifstream lines{"/proc/net/" + file};
    for (std::string names, values; std::getline(lines, names) && std::getline(lines, values);) {
        if (!names.starts_with(group + ":"))
            continue;
        std::istringstream name_words{names}, value_words{values};
        for (std::string word, value; name_words >> word && value_words >> value;)
            if (word == name)
                return std::stoul(value);
    }
    FAIL("no counter " << group << name << " in /proc/net/" << file);
    return 0;
}

} // namespace

// listen: the one call more than in chapter 2.

TEST_CASE("listen: a caller is connected although accept is never called, and nobody answers") {
    need_private_network();
    Process server{program("listen")};
    const Address address = ready(server);
    Client client = connect_to(address); // returns when it is connected
    REQUIRE(client.error() == 0);
    client.send("early");
    const bool arrived = eventually([&] {
        const Rows waiting = in_state("ESTAB", server_side(address));
        return waiting.size() == 1 && waiting[0].received == 5 && waiting[0].inode == 0;
    });
    CHECK(arrived);
    REQUIRE(eventually([&] { return asleep(server.pid()).has_value(); })); // whatever it wanted to do, it has done
    CHECK(queue_holds(1, address));
    CHECK(server.sockets(Protocol::tcp).size() == 1); // the listening one
    CHECK(client.take().empty());
}

TEST_CASE("listen: when the server ends, those who waited are reset, and the next is refused") {
    need_private_network();
    Process server{program("listen")};
    const Address address = ready(server);
    Client client = connect_to(address);
    REQUIRE(client.error() == 0);
    server.type("\n");
    CHECK(server.wait_for_exit() == 0);
    CHECK(client.reset_by_peer());
    CHECK(connect_to(address).error() == ECONNREFUSED);
}

// first_server: the fourth call.

TEST_CASE("first_server: each client gets a new socket on the listener's port, and the 4-tuple tells them apart") {
    need_private_network();
    Process server{program("first_server")};
    const Address address = ready(server);
    CHECK(to_string(address) == "127.0.0.1:8080");
    std::set<std::string> clients, peers;
    std::set<unsigned long> sockets;
    std::list<Client> connected;
    for (int i = 0; i < 5; ++i) {
        const Client& client = connected.emplace_back(served_client(address));
        clients.insert(to_string(client.local()));
        server.wait_for_line(to_string(address) + " <- " + to_string(client.local()));
    }
    const Rows accepted = in_state("ESTAB", server.sockets(Protocol::tcp));
    CHECK(accepted.size() == 5);
    for (const SocketRow& row : accepted) {
        CHECK(to_string(row.local) == to_string(address));
        peers.insert(to_string(row.peer));
        sockets.insert(row.inode);
    }
    CHECK(peers == clients);
    CHECK(sockets.size() == 5);
    CHECK(in_state("LISTEN", server.sockets(Protocol::tcp)).size() == 1);
}

TEST_CASE("first_server: one client that resets its connection in the queue ends it for all") {
    need_private_network();
    Process server{program("first_server")};
    const Address address = ready(server);
    Client steady = served_client(address);
    stop_running(server);
    Client hasty = connect_to(address);
    REQUIRE(hasty.error() == 0);
    REQUIRE(eventually([&] { return queue_holds(1, address); }));
    reset(std::move(hasty));
    REQUIRE(eventually([&] { return in_state("ESTAB", server_side(address)).size() == 1; }));
    server.send_signal(SIGCONT);
    CHECK(server.wait_for_exit() == 128 + SIGABRT);
    CHECK_THAT(server.complaints(), ContainsSubstring("write: "));
    steady.read_to_any_end();
    CHECK(connect_to(address).error() == ECONNREFUSED);
}

TEST_CASE("first_server: one client more than it has descriptors ends it for all") {
    need_private_network();
    Process server{program("first_server")};
    const Address address = ready(server);
    allow_descriptors(server, 2);
    Client first = served_client(address), second = served_client(address);
    const Client third = connect_to(address);
    CHECK(server.wait_for_exit() == 128 + SIGABRT);
    CHECK_THAT(server.complaints(), ContainsSubstring("accept: Too many open files"));
    CHECK(first.read_to_end().empty());
    CHECK(second.read_to_end().empty());
}

// listen_accept: the same, grown up.

TEST_CASE("it listens on loopback alone, and with PORT=0 on a port that the kernel chose") {
    Process server{program("listen_accept"), any_port};
    const Address address = ready(server);
    CHECK(address.ip == "127.0.0.1");
    if (std::ifstream range{"/proc/sys/net/ipv4/ip_local_port_range"}) { // from which the kernel chooses; ip(7)
        unsigned low = 0, high = 0;
        range >> low >> high;
        CHECK(address.port >= low);
        CHECK(address.port <= high);
    }
    Process another{program("listen_accept"), any_port};
    CHECK(ready(another).port != address.port);
    const Rows sockets = server.sockets(Protocol::tcp);
    REQUIRE(sockets.size() == 1);
    CHECK(sockets[0].state == "LISTEN");
    CHECK(to_string(sockets[0].local) == to_string(address));
}

TEST_CASE("with PORT in the environment it listens on that port, and without on 8080") {
    need_private_network();
    Process server{program("listen_accept")}, other{program("listen_accept"), {.environment = {{"PORT", "8081"}}}};
    CHECK(to_string(ready(server)) == "127.0.0.1:8080");
    CHECK(to_string(ready(other)) == "127.0.0.1:8081");
    served_client({"127.0.0.1", 8080});
    served_client({"127.0.0.1", 8081});
}

TEST_CASE("each client gets a new socket on the listener's port, and the 4-tuple tells them apart") {
    Process server{program("listen_accept"), any_port};
    const Address address = ready(server);
    std::set<std::string> clients;
    std::list<Client> connected;
    for (int i = 0; i < 5; ++i) {
        const Client& client = connected.emplace_back(served_client(address));
        clients.insert(to_string(client.local()));
        server.wait_for_line(to_string(address) + " <- " + to_string(client.local()));
    }
    const Rows accepted = in_state("ESTAB", server.sockets(Protocol::tcp));
    CHECK(accepted.size() == 5);
    std::set<std::string> peers;
    std::set<unsigned long> sockets;
    for (const SocketRow& row : accepted) {
        CHECK(to_string(row.local) == to_string(address));
        peers.insert(to_string(row.peer));
        sockets.insert(row.inode);
    }
    CHECK(peers == clients);
    CHECK(sockets.size() == 5);
}

TEST_CASE("the listening socket goes on when clients have come and gone") {
    Process server{program("listen_accept"), any_port};
    const Address address = ready(server);
    const Rows before = in_state("LISTEN", server.sockets(Protocol::tcp));
    REQUIRE(before.size() == 1);
    for (int i = 0; i < 3; ++i)
        served_client(address);
    const Rows after = in_state("LISTEN", server.sockets(Protocol::tcp));
    REQUIRE(after.size() == 1);
    CHECK(after[0].inode == before[0].inode);
    CHECK(to_string(after[0].local) == to_string(address));
}

TEST_CASE("a client is served while others stay connected and idle") {
    Process server{program("listen_accept"), any_port};
    const Address address = ready(server);
    std::list<Client> idle;
    for (int i = 0; i < 16; ++i)
        idle.push_back(served_client(address));
    const Client another = served_client(address);
    for (const Client& client : idle)
        CHECK(state_of(client, address) == "ESTAB");
    CHECK(in_state("ESTAB", server.sockets(Protocol::tcp)).size() == 17);
}

TEST_CASE(
    "clients that connect before accept runs are connected already, their data arrives, and they are served later") {
    Process server{program("listen_accept"), any_port};
    const Address address = ready(server);
    stop_running(server);
    std::list<Client> early;
    for (int i = 0; i < 3; ++i) {
        Client& client = early.emplace_back(connect_to(address)); // returns when it is connected
        REQUIRE(client.error() == 0);
        CHECK(to_string(client.peer()) == to_string(address));
        client.send("early");
    }
    // The kernel has their connections, with the data; the server has none of them.
    const bool arrived = eventually([&] {
        const Rows waiting = in_state("ESTAB", server_side(address));
        return waiting.size() == 3 && std::all_of(waiting.begin(), waiting.end(), [](const SocketRow& row) {
                   return row.received == 5 && row.inode == 0;
               });
    });
    CHECK(arrived);
    CHECK(queue_holds(3, address));
    CHECK(in_state("ESTAB", server.sockets(Protocol::tcp)).empty());

    server.send_signal(SIGCONT);
    for (Client& client : early)
        CHECK(client.read_line() == "21.5 degrees");
    CHECK(in_state("ESTAB", server.sockets(Protocol::tcp)).size() == 3);
}

TEST_CASE("when the queue is full the next client waits, not refused, until accept makes room") {
    limit_backlogs("1");
    Process server{program("listen_accept"), any_port};
    const Address address = ready(server);
    stop_running(server);
    std::list<Client> clients;
    for (std::size_t i = 1; i <= 2; ++i) {
        REQUIRE(clients.emplace_back(connect_to(address)).error() == 0);
        REQUIRE(eventually([&] { return queue_holds(i, address); }));
    }
    Client& next = clients.emplace_back(begin_to_connect(address));
    REQUIRE(eventually([] { return kernel_counter("netstat", "TcpExt", "ListenOverflows") > 0; }));
    CHECK(state_of(next, address) == "SYN-SENT");
    CHECK(queue_holds(2, address));

    server.send_signal(SIGCONT); // the client's kernel sends its SYN again after a second
    for (Client& client : clients)
        CHECK(client.read_line() == "21.5 degrees");
}

TEST_CASE("a client that resets its connection before accept does not stop the server") {
    Process server{program("listen_accept"), any_port};
    const Address address = ready(server);
    stop_running(server);
    Client hasty = connect_to(address);
    REQUIRE(hasty.error() == 0);
    REQUIRE(eventually([&] { return queue_holds(1, address); }));
    const std::string name = to_string(hasty.local());
    reset(std::move(hasty));
    REQUIRE(eventually([&] { return in_state("ESTAB", server_side(address)).empty(); }));
    server.send_signal(SIGCONT);
    server.wait_for_line(" <- " + name + ", gone");
    served_client(address);
}

TEST_CASE("a socket whose client has gone is closed when the next one comes") {
    Process server{program("listen_accept"), any_port};
    const Address address = ready(server);
    {
        std::list<Client> clients;
        for (int i = 0; i < 3; ++i)
            clients.push_back(served_client(address));
        clients.front().send("a word that nobody reads");
    }
    REQUIRE(eventually([&] { return in_state("ESTAB", server_side(address)).empty(); }));
    std::list<Client> later; // the one that spoke needs a second look: first its word, then its end
    for (int i = 0; i < 2; ++i)
        later.push_back(served_client(address));
    CHECK(in_state("CLOSE-WAIT", server.sockets(Protocol::tcp)).empty());
    CHECK(in_state("ESTAB", server.sockets(Protocol::tcp)).size() == 2);
}

TEST_CASE("without a free descriptor the client that came first makes room for the next") {
    Process server{program("listen_accept"), any_port};
    const Address address = ready(server);
    allow_descriptors(server, 2);
    Client first = served_client(address);
    const Client second = served_client(address);
    const Client third = served_client(address);
    CHECK(first.read_to_end().empty());
    CHECK(state_of(second, address) == "ESTAB");
    CHECK(state_of(third, address) == "ESTAB");
    server.close_input();
    CHECK(server.wait_for_exit() == 0);
    CHECK(server.complaints().empty());
}

TEST_CASE("without a descriptor for even one client it ends with status 1 and the reason") {
    Process server{program("listen_accept"), any_port};
    const Address address = ready(server);
    allow_descriptors(server, 0);
    const Client client = connect_to(address); // connected, and perhaps reset already
    CHECK(server.wait_for_exit() == 1);
    CHECK_THAT(server.complaints(), ContainsSubstring("listen_accept: accept: Too many open files"));
}

TEST_CASE("a port that is taken is refused with the endpoint and the reason, and status 1") {
    Process holder{program("listen_accept"), any_port};
    const Address address = ready(holder);
    Process server{program("listen_accept"), {.environment = {{"PORT", std::to_string(address.port)}}}};
    server.close_input();
    CHECK(server.wait_for_exit() == 1);
    CHECK(server.output().empty());
    CHECK(server.complaints() == "listen_accept: " + to_string(address) + ": Address already in use\n");
    served_client(address);
}

TEST_CASE("a server that ends with clients connected cannot start again while TIME-WAIT keeps its port") {
    need_private_network();
    {
        Process server{program("listen_accept")};
        Client client = served_client(ready(server));
        server.close_input(); // the server closes first
        CHECK(server.wait_for_exit() == 0);
        client.read_to_end();
    }
    REQUIRE(eventually([] { return in_state("TIME-WAIT", server_side({"127.0.0.1", 8080})).size() == 1; }));
    Process server{program("listen_accept")};
    server.close_input();
    CHECK(server.wait_for_exit() == 1);
    CHECK_THAT(server.complaints(), ContainsSubstring("127.0.0.1:8080: Address already in use"));
}

TEST_CASE("a PORT that is not a port stops it with status 78 before it opens a socket") {
    const auto value = GENERATE("", "80abc", "70000");
    CAPTURE(value);
    Process server{program("listen_accept"), {.environment = {{"PORT", value}}, .lacking = Lacking::sockets}};
    server.close_input();
    CHECK(server.wait_for_exit() == 78);
    CHECK(server.output().empty());
    CHECK_THAT(server.complaints(), ContainsSubstring("PORT=\"" + std::string{value} + "\" is not a port"));
}

#ifdef __linux__
TEST_CASE("the proof that no socket was opened can fail: without PORT the same watch ends the program") {
    Process server{program("listen_accept"), {.lacking = Lacking::sockets}};
    CHECK(server.wait_for_exit() == 128 + SIGSYS);
}
#endif

TEST_CASE("Enter, end of input, SIGINT and SIGTERM each end it with status 0, and its clients' connections in order") {
    const std::string end = GENERATE("Enter", "end of input", "SIGINT", "SIGTERM");
    CAPTURE(end);
    Process server{program("listen_accept"), any_port};
    Client client = served_client(ready(server));
    if (end == "Enter")
        server.type("\n");
    else if (end == "end of input")
        server.close_input();
    else
        server.send_signal(end == "SIGINT" ? SIGINT : SIGTERM);
    CHECK(server.wait_for_exit() == 0);
    CHECK(server.complaints().empty());
    CHECK(client.read_to_end().empty());
}

// backlog: server and three clients in one process.

TEST_CASE("backlog: two clients are connected before accept, and the third waits until accept has made room") {
    need_private_network();
    Process backlog{program("backlog")};
    const Address server = ready(backlog);
    CHECK(backlog.wait_for_line("first: ") == "first: Success");
    CHECK(backlog.wait_for_line("second: ") == "second: Success");
    CHECK(backlog.wait_for_line("third: ") == "third: Operation now in progress");
    CHECK(queue_holds(2, server));
    CHECK(kernel_counter("netstat", "TcpExt", "ListenOverflows") > 0);
    CHECK(in_state("ESTAB", server_side(server)).size() == 2);
    CHECK(in_state("SYN-SENT", common::kernel_sockets(Protocol::tcp)).size() == 1);

    backlog.type("\n");
    CHECK(backlog.wait_for_line("accepted: ") == "accepted: the first");
    CHECK(backlog.wait_for_line("third: ") == "third: Success");
    CHECK(backlog.wait_for_exit() == 0);
    CHECK(backlog.complaints().empty());
}

TEST_CASE("backlog: closing the listener leaves the accepted connection alive and resets those in the queue") {
    need_private_network();
    Process backlog{program("backlog")};
    backlog.close_input();
    CHECK(backlog.wait_for_exit() == 0);
    CHECK_THAT(backlog.output(), ContainsSubstring("the server listens no more; second: Connection reset by peer\n"
                                                   "first: Success"));
    CHECK(kernel_counter("snmp", "Tcp", "OutRsts") >= 2);
}

TEST_CASE("kernel: listen(n) queues the smaller of n and somaxconn, plus one") {
    limit_backlogs("3");
    const auto [backlog, room] =
        GENERATE(std::pair{0, 1U}, std::pair{2, 3U}, std::pair{3, 4U}, std::pair{16, 4U}, std::pair{-1, 4U});
    CAPTURE(backlog, room);
    const Client listener = listening_socket("127.0.0.1", 0, backlog);
    const auto overflows = [] { return kernel_counter("netstat", "TcpExt", "ListenOverflows"); };
    const auto before = overflows();
    std::list<Client> clients;
    for (unsigned i = 1; i <= room; ++i) {
        REQUIRE(clients.emplace_back(connect_to(listener.local())).error() == 0);
        REQUIRE(eventually([&] { return queue_holds(i, listener.local()); }));
    }
    CHECK(overflows() == before);
    const Client next = begin_to_connect(listener.local());
    CHECK(eventually([&] { return overflows() > before; }));
    CHECK(state_of(next, listener.local()) == "SYN-SENT");
    CHECK(queue_holds(room, listener.local()));
}

TEST_CASE("kernel: somaxconn counts at the moment of listen, and a second listen sets the backlog anew") {
    limit_backlogs("3");
    const Client listener = listening_socket("127.0.0.1", 0, 16);
    const auto backlog = [&] { return in_state("LISTEN", server_side(listener.local())).at(0).sent; };
    CHECK(backlog() == 3);
    set_sysctl("net/core/somaxconn", "8");
    CHECK(backlog() == 3);
    REQUIRE(::listen(listener.descriptor(), 16) == 0);
    CHECK(backlog() == 8);
    REQUIRE(::listen(listener.descriptor(), 2) == 0);
    CHECK(backlog() == 2);
}

TEST_CASE("kernel: a client whose call nobody answers gives up with ETIMEDOUT") {
    need_private_network();
    set_sysctl("net/ipv4/tcp_syn_retries", "1");
    const Client listener = listening_socket("127.0.0.1", 0, 0);
    const Client first = connect_to(listener.local());
    REQUIRE(first.error() == 0);
    REQUIRE(eventually([&] { return queue_holds(1, listener.local()); }));
    CHECK(connect_to(listener.local()).error() == ETIMEDOUT); // after 3 seconds, here
}

TEST_CASE("kernel: a call without a route fails at once, and a call to a neighbour that is not there after seconds") {
    need_private_network();
    CHECK(connect_to({"192.0.2.1", 8080}).error() == ENETUNREACH);
    if (std::system("ip link add here type veth peer name there 2>/dev/null && ip address add 192.0.2.2/24 dev here && "
                    "ip link set there up && ip link set here up") != 0)
        SKIP("needs ip(8) and a pair of virtual interfaces");
    CHECK(connect_to({"192.0.2.1", 8080}).error() == EHOSTUNREACH);
    CHECK(std::system("ip link delete here") == 0);
}

TEST_CASE("kernel: closing a socket does not close what accept has returned") {
    Client listener = listening_socket("127.0.0.1");
    Client client = connect_to(listener.local()), accepted = listener.accept();
    const Address server = listener.local();
    listener.close();
    CHECK(connect_to(server).error() == ECONNREFUSED);
    client.send("still here");
    CHECK(accepted.read(10) == "still here");
}

TEST_CASE("kernel: a listening socket has no peer, and can neither read nor write") {
    const Client listener = listening_socket("127.0.0.1"), client = connect_to(listener.local());
    REQUIRE(client.error() == 0);
    sockaddr_storage peer{};
    socklen_t size = sizeof peer;
    char byte = 0;
    CHECK(::getpeername(listener.descriptor(), reinterpret_cast<sockaddr*>(&peer), &size) == -1);
    CHECK(errno == ENOTCONN);
    CHECK(::recv(listener.descriptor(), &byte, 1, MSG_DONTWAIT) == -1);
    CHECK(errno == ENOTCONN);
    CHECK(::send(listener.descriptor(), &byte, 1, MSG_NOSIGNAL) == -1);
    CHECK(errno == EPIPE);
}

TEST_CASE(
    "kernel: a caller for whom no descriptor is left stays in the queue, and accept fails as often as it is called") {
#if defined(__SANITIZE_ADDRESS__)
    SKIP("the sanitizers need a descriptor themselves, to see whether memory can be read");
#endif
    Client listener = listening_socket("127.0.0.1");
    const Client client = connect_to(listener.local());
    REQUIRE(client.error() == 0);
    REQUIRE(eventually([&] { return queue_holds(1, listener.local()); }));
    rlimit as_it_was{};
    REQUIRE(::getrlimit(RLIMIT_NOFILE, &as_it_was) == 0);
    const rlimit none{0, as_it_was.rlim_max};
    for (int i = 0; i < 3; ++i) {
        REQUIRE(::setrlimit(RLIMIT_NOFILE, &none) == 0);
        const int accepted = ::accept(listener.descriptor(), nullptr, nullptr);
        const int error = errno;
        REQUIRE(::setrlimit(RLIMIT_NOFILE, &as_it_was) == 0);
        CHECK(accepted == -1);
        CHECK(error == EMFILE);
        CHECK(queue_holds(1, listener.local()));
    }
    CHECK(listener.accept().error() == 0);
    CHECK(queue_holds(0, listener.local()));
}

TEST_CASE("kernel: who calls 0.0.0.0 reaches loopback") {
    const Client listener = listening_socket("127.0.0.1");
    const Client client = connect_to({"0.0.0.0", listener.local().port});
    REQUIRE(client.error() == 0);
    CHECK(client.peer() == listener.local());
}

TEST_CASE("kernel: of the two wildcards getaddrinfo gives that of IPv4 first") {
    need_ipv6();
    addrinfo hints{}, *found = nullptr;
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = AI_PASSIVE;
    REQUIRE(::getaddrinfo(nullptr, "8080", &hints, &found) == 0);
    std::vector<int> families;
    for (const addrinfo* each = found; each; each = each->ai_next)
        families.push_back(each->ai_family);
    ::freeaddrinfo(found);
    CHECK(families == std::vector<int>{AF_INET, AF_INET6});
}

TEST_CASE("kernel: who calls an address or a family at which nobody listens is refused") {
    need_ipv6();
    const Client four = listening_socket("127.0.0.1"), six = listening_socket("::1");
    CHECK(connect_to({"127.0.0.1", four.local().port}).error() == 0);
    CHECK(connect_to({"::1", four.local().port}).error() == ECONNREFUSED);
    CHECK(connect_to({"::1", six.local().port}).error() == 0);
    CHECK(connect_to({"127.0.0.1", six.local().port}).error() == ECONNREFUSED);
}

// wildcards and short_form.

TEST_CASE("wildcards: who gets in over which family, and as whom") {
    need_ipv6();
    Process wildcards{program("wildcards")};
    const auto called = [&] {
        const Address address = ready(wildcards);
        return std::array{address.ip, wildcards.wait_for_line("127.0.0.1: "), wildcards.wait_for_line("::1: ")};
    };
    CHECK(called() ==
          std::array<std::string, 3>{"0.0.0.0", "  127.0.0.1: comes in as 127.0.0.1", "  ::1: Connection refused"});
    CHECK(called() ==
          std::array<std::string, 3>{"::", "  127.0.0.1: comes in as ::ffff:127.0.0.1", "  ::1: comes in as ::1"});
    CHECK(called() == std::array<std::string, 3>{"::", "  127.0.0.1: Connection refused", "  ::1: comes in as ::1"});
    CHECK(in_state("LISTEN", wildcards.sockets(Protocol::tcp)).size() == 3);
    wildcards.type("\n");
    CHECK(wildcards.wait_for_exit() == 0);
}

TEST_CASE("short_form: the constructor sets SO_REUSEADDR, and open leaves it off") {
    Process form{program("short_form")};
    CHECK(form.wait_for_line("in steps: ") == "in steps: SO_REUSEADDR is off");
    CHECK(form.wait_for_line("at once: ") == "at once: SO_REUSEADDR is on");
    for (const SocketRow& row : form.sockets(Protocol::tcp)) {
        CHECK(row.state == "LISTEN");
        CHECK(row.local.ip == "127.0.0.1");
    }
    form.type("\n");
    CHECK(form.wait_for_exit() == 0);
}

TEST_CASE("kernel: a peer that closes with data unread resets, which the next read or write tells") {
    const bool reads = GENERATE(true, false);
    Client listener = listening_socket("127.0.0.1");
    const Client client = connect_to(listener.local());
    Client peer = listener.accept();
    REQUIRE(::send(client.descriptor(), "unread", 6, MSG_NOSIGNAL) == 6);
    REQUIRE(eventually([&] {
        const auto row = common::kernel_socket(Protocol::tcp, peer.local(), client.local());
        return row && row->received == 6;
    }));
    const Address server = peer.local();
    peer.close();
    REQUIRE(eventually([&] { return state_of(client, server) == "none"; })); // the reset has come
    char byte = 0;
    CHECK((reads ? ::recv(client.descriptor(), &byte, 1, 0) : ::send(client.descriptor(), "x", 1, MSG_NOSIGNAL)) == -1);
    CHECK(errno == ECONNRESET);
    CHECK(::send(client.descriptor(), "x", 1, MSG_NOSIGNAL) == -1); // and after it
    CHECK(errno == EPIPE);
}

TEST_CASE("kernel: a write to a connection that has ended kills by SIGPIPE whoever does not expect it") {
    Client listener = listening_socket("127.0.0.1");
    const Client client = connect_to(listener.local());
    listener.accept().close();
    const pid_t child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) {
        std::signal(SIGPIPE, SIG_DFL);
        while (::write(client.descriptor(), "x", 1) == 1) // the first one is answered by a reset
            ::poll(nullptr, 0, 1);
        ::_exit(0);
    }
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    CHECK((WIFSIGNALED(status) && WTERMSIG(status) == SIGPIPE));
}

TEST_CASE("kernel: where bind has failed, listen succeeds, on another port and on every address") {
    const Client holder = listening_socket("127.0.0.1");
    const Client careless{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(holder.local().port);
    REQUIRE(::bind(careless.descriptor(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == -1);
    REQUIRE(::listen(careless.descriptor(), 16) == 0);
    CHECK(careless.local().ip == "0.0.0.0");
    CHECK(careless.local().port != 0);
    CHECK(careless.local().port != holder.local().port);
    CHECK(connect_to({"127.0.0.1", careless.local().port}).error() == 0);
}

TEST_CASE("kernel: v6_only decides whether a socket on [::] takes IPv4 clients, which it then sees as ::ffff:") {
    need_ipv6();
    const auto wildcard = [](int v6_only) {
        Client listener{::socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0)};
        REQUIRE(::setsockopt(listener.descriptor(), IPPROTO_IPV6, IPV6_V6ONLY, &v6_only, sizeof v6_only) == 0);
        sockaddr_in6 any{};
        any.sin6_family = AF_INET6;
        REQUIRE(::bind(listener.descriptor(), reinterpret_cast<const sockaddr*>(&any), sizeof any) == 0);
        REQUIRE(::listen(listener.descriptor(), 16) == 0);
        return listener;
    };
    {
        INFO("the option is off");
        Client listener = wildcard(0);
        const Client v6 = connect_to({"::1", listener.local().port}), accepted_v6 = listener.accept();
        CHECK(accepted_v6.peer() == v6.local());
        const Client v4 = connect_to({"127.0.0.1", listener.local().port});
        REQUIRE(v4.error() == 0);
        const Client accepted = listener.accept();
        sockaddr_in6 peer{}; // as the kernel has it: Client::peer() takes a mapped address for IPv4
        socklen_t size = sizeof peer;
        REQUIRE(::getpeername(accepted.descriptor(), reinterpret_cast<sockaddr*>(&peer), &size) == 0);
        CHECK(IN6_IS_ADDR_V4MAPPED(&peer.sin6_addr));
        CHECK(ntohs(peer.sin6_port) == v4.local().port);
        const int too_late = 1;
        CHECK(::setsockopt(listener.descriptor(), IPPROTO_IPV6, IPV6_V6ONLY, &too_late, sizeof too_late) == -1);
        CHECK(errno == EINVAL);
    }
    {
        INFO("the option is on");
        const Client listener = wildcard(1);
        CHECK(connect_to({"::1", listener.local().port}).error() == 0);
        CHECK(connect_to({"127.0.0.1", listener.local().port}).error() == ECONNREFUSED);
    }
    const Client v4_only = listening_socket("0.0.0.0");
    CHECK(connect_to({"::1", v4_only.local().port}).error() == ECONNREFUSED);
}

TEST_CASE("kernel: net.ipv6.bindv6only decides whether v6_only is on at first") {
    need_ipv6();
    for (const int value : {1, 0}) {
        set_sysctl("net/ipv6/bindv6only", std::to_string(value));
        const Client socket{::socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0)};
        int has = -1;
        socklen_t size = sizeof has;
        REQUIRE(::getsockopt(socket.descriptor(), IPPROTO_IPV6, IPV6_V6ONLY, &has, &size) == 0);
        CHECK(has == value);
    }
}
