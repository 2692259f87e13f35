#include "tools/harness/network.hpp"
#include "tools/harness/process.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <list>
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

Client greeted_client(const Address& server) {
    Client client = connect_to(server);
    INFO("connect to " << to_string(server) << ": " << std::strerror(client.error()));
    REQUIRE(client.error() == 0);
    CHECK_THAT(client.read_line(),
               StartsWith("hello " + to_string(client.local()) + ", you reached " + to_string(server)));
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

TEST_CASE("it listens on loopback alone, on the port of its ready line, which the kernel chose") {
    Process server{program("listen_accept")};
    const Address address = ready(server);
    CHECK(address.ip == "127.0.0.1");
    if (std::ifstream range{"/proc/sys/net/ipv4/ip_local_port_range"}) { // from which the kernel chooses; ip(7)
        unsigned low = 0, high = 0;
        range >> low >> high;
        CHECK(address.port >= low);
        CHECK(address.port <= high);
    }
    Process another{program("listen_accept")};
    CHECK(ready(another).port != address.port);
    const Rows sockets = server.sockets(Protocol::tcp);
    REQUIRE(sockets.size() == 1);
    CHECK(sockets[0].state == "LISTEN");
    CHECK(to_string(sockets[0].local) == to_string(address));
}

TEST_CASE("with PORT in the environment it listens on that port") {
    need_private_network();
    Process server{program("listen_accept"), {.environment = {{"PORT", "8080"}}}};
    CHECK(to_string(ready(server)) == "127.0.0.1:8080");
    greeted_client({"127.0.0.1", 8080});
}

TEST_CASE("each client is greeted with its own endpoint and the one that it reached") {
    Process server{program("listen_accept")};
    const Address address = ready(server);
    for (int i = 0; i < 3; ++i) {
        Client client = connect_to(address);
        REQUIRE(client.error() == 0);
        CHECK_THAT(client.read_line(),
                   StartsWith("hello " + to_string(client.local()) + ", you reached " + to_string(client.peer())));
    }
}

TEST_CASE("each client gets a new socket on the listener's port, and the 4-tuple tells them apart") {
    Process server{program("listen_accept")};
    const Address address = ready(server);
    std::set<std::string> clients;
    std::list<Client> connected;
    for (int i = 0; i < 5; ++i)
        clients.insert(to_string(connected.emplace_back(greeted_client(address)).local()));

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

TEST_CASE("the descriptor and the 4-tuple that it prints are the accepted socket's") {
    Process server{program("listen_accept")};
    const Address address = ready(server);
    std::set<int> descriptors;
    std::list<Client> connected;
    for (int i = 0; i < 3; ++i) {
        const Client& client = connected.emplace_back(greeted_client(address));
        const std::string line = server.wait_for_line("descriptor ");
        INFO("printed: " << line);
        std::istringstream words{line};
        int descriptor = -1;
        std::string skip, local, peer;
        REQUIRE(words >> skip >> descriptor >> skip >> skip >> local >> skip >> peer);
        CHECK(descriptors.insert(descriptor).second);
        const Client accepted = server.borrow(descriptor);
        CHECK(to_string(accepted.local()) == local);
        CHECK(to_string(accepted.peer()) == peer);
        CHECK(to_string(client.local()) == peer);
    }
}

TEST_CASE("the listening socket goes on when clients have come and gone") {
    Process server{program("listen_accept")};
    const Address address = ready(server);
    const Rows before = in_state("LISTEN", server.sockets(Protocol::tcp));
    REQUIRE(before.size() == 1);
    for (int i = 0; i < 3; ++i)
        greeted_client(address);
    const Rows after = in_state("LISTEN", server.sockets(Protocol::tcp));
    REQUIRE(after.size() == 1);
    CHECK(after[0].inode == before[0].inode);
    CHECK(to_string(after[0].local) == to_string(address));
}

TEST_CASE("a client is greeted while others stay connected and idle") {
    Process server{program("listen_accept")};
    const Address address = ready(server);
    std::list<Client> idle;
    for (int i = 0; i < 16; ++i)
        idle.push_back(greeted_client(address));
    const Client another = greeted_client(address);
    for (const Client& client : idle)
        CHECK(state_of(client, address) == "ESTAB");
    CHECK(in_state("ESTAB", server.sockets(Protocol::tcp)).size() == 17);
}

TEST_CASE(
    "clients that connect before accept runs are connected already, their data arrives, and they are served later") {
    Process server{program("listen_accept")};
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
        CHECK_THAT(client.read_line(), StartsWith("hello " + to_string(client.local())));
    CHECK(in_state("ESTAB", server.sockets(Protocol::tcp)).size() == 3);
}

TEST_CASE("when the queue is full the next client waits, not refused, until accept makes room") {
    limit_backlogs("1");
    Process server{program("listen_accept")};
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
        CHECK_THAT(client.read_line(), StartsWith("hello " + to_string(client.local())));
}

TEST_CASE("listen(n) queues the smaller of n and somaxconn, plus one") {
    limit_backlogs("3");
    const auto [backlog, room] = GENERATE(std::pair{0, 1U}, std::pair{2, 3U}, std::pair{16, 4U});
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

TEST_CASE("a client that resets its connection before accept does not stop the server") {
    Process server{program("listen_accept")};
    const Address address = ready(server);
    stop_running(server);
    Client hasty = connect_to(address);
    REQUIRE(hasty.error() == 0);
    REQUIRE(eventually([&] { return queue_holds(1, address); }));
    const std::string name = to_string(hasty.local());
    reset(std::move(hasty));
    REQUIRE(eventually([&] { return in_state("ESTAB", server_side(address)).empty(); }));
    server.send_signal(SIGCONT);
    server.wait_for_line("peer " + name + "  gone: ");
    greeted_client(address);
}

TEST_CASE("a socket whose client has gone is closed when the next one comes") {
    Process server{program("listen_accept")};
    const Address address = ready(server);
    {
        std::list<Client> clients;
        for (int i = 0; i < 3; ++i)
            clients.push_back(greeted_client(address));
        clients.front().send("a word that nobody reads");
    }
    REQUIRE(eventually([&] { return in_state("ESTAB", server_side(address)).empty(); }));
    std::list<Client> later; // the one that spoke needs a second look: first its word, then its end
    for (int i = 0; i < 2; ++i)
        later.push_back(greeted_client(address));
    CHECK(in_state("CLOSE-WAIT", server.sockets(Protocol::tcp)).empty());
    CHECK(in_state("ESTAB", server.sockets(Protocol::tcp)).size() == 2);
}

TEST_CASE("without a free descriptor the client that came first makes room for the next") {
    Process server{program("listen_accept")};
    const Address address = ready(server);
    allow_descriptors(server, 2);
    Client first = greeted_client(address);
    const Client second = greeted_client(address);
    const Client third = greeted_client(address);
    CHECK(first.read_to_end().empty());
    CHECK(state_of(second, address) == "ESTAB");
    CHECK(state_of(third, address) == "ESTAB");
    server.close_input();
    CHECK(server.wait_for_exit() == 0);
    CHECK_THAT(server.complaints(),
               ContainsSubstring("accept: Too many open files: the client that came first makes room"));
}

TEST_CASE("without a descriptor for even one client it ends with status 1 and the reason") {
    Process server{program("listen_accept")};
    const Address address = ready(server);
    allow_descriptors(server, 0);
    const Client client = connect_to(address); // connected, and perhaps reset already
    CHECK(server.wait_for_exit() == 1);
    CHECK_THAT(server.complaints(), ContainsSubstring("accept: Too many open files"));
}

TEST_CASE("a port that is taken is refused with the address, the reason, the holder and what to do") {
    Process holder{program("listen_accept")};
    const Address address = ready(holder);
    Process server{program("listen_accept"), {.environment = {{"PORT", std::to_string(address.port)}}}};
    server.close_input();
    CHECK(server.wait_for_exit() == 1);
    CHECK(server.output().empty());
    CHECK_THAT(server.complaints(), ContainsSubstring("bind " + to_string(address) + ": Address already in use"));
    CHECK_THAT(server.complaints(),
               ContainsSubstring("held by listen_accept, process " + std::to_string(holder.pid()) + ": stop it"));
    CHECK_THAT(server.complaints(), ContainsSubstring("choose another PORT (0 lets the system choose)"));
    greeted_client(address);
}

TEST_CASE("a port that only an old connection holds is refused with that reason") {
    need_private_network();
    const Launch launch{.environment = {{"PORT", "8080"}}};
    {
        Process server{program("listen_accept"), launch};
        Client client = greeted_client(ready(server));
        server.close_input(); // the server closes first
        CHECK(server.wait_for_exit() == 0);
        client.read_to_end();
    }
    REQUIRE(eventually([] { return in_state("TIME-WAIT", server_side({"127.0.0.1", 8080})).size() == 1; }));
    Process server{program("listen_accept"), launch};
    server.close_input();
    CHECK(server.wait_for_exit() == 1);
    CHECK_THAT(server.complaints(), ContainsSubstring("bind 127.0.0.1:8080: Address already in use"));
    CHECK_THAT(server.complaints(),
               ContainsSubstring("held by no process but kept for a connection that has ended (TIME-WAIT): wait"));
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
    Process server{program("listen_accept")};
    Client client = greeted_client(ready(server));
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

// The second program, backlog, plays its scenes without stopping and holds what is left.

namespace {

// The lines that it printed between one that contains `from` and the next empty one.
std::vector<std::string> scene(const std::string& output, const std::string& from) {
    std::vector<std::string> lines;
    std::istringstream text{output};
    bool inside = false;
    for (std::string line; std::getline(text, line) && !(inside && line.empty());) {
        inside = inside || line.find(from) != std::string::npos;
        if (inside)
            lines.push_back(line);
    }
    INFO("looking for a scene with \"" << from << "\" in:\n" << output);
    REQUIRE(lines.size() > 1);
    return lines;
}

std::size_t count(const std::vector<std::string>& lines, const std::string& text) {
    UNSCOPED_INFO("the lines that are counted for \"" << text << '"');
    for (const std::string& line : lines)
        UNSCOPED_INFO(line);
    return static_cast<std::size_t>(
        std::count_if(lines.begin(), lines.end(), [&](const auto& line) { return line.find(text) != line.npos; }));
}

} // namespace

TEST_CASE("backlog: clients are connected before accept, held by no process, and their data is there") {
    Process backlog{program("backlog")};
    backlog.wait_for_line("A third client connects");
    const auto lines = scene(backlog.output(), "Two clients connect");
    CHECK(count(lines, "listener: LISTEN, backlog 1, waiting for accept 2") == 1);
    CHECK(count(lines, ": ESTAB; server's end ESTAB, held by no process") == 2);
    CHECK(count(lines, "bytes to read 5") == 1);
}

TEST_CASE("backlog: the client beyond the backlog and one waits, and gets in when accept has made room") {
    need_private_network();
    Process backlog{program("backlog")};
    backlog.wait_for_line("accept returns");
    const auto waiting = scene(backlog.output(), "A third client connects");
    CHECK(count(waiting, "its call: Operation now in progress") == 1);
    CHECK(count(waiting, "waiting for accept 2") == 1);
    CHECK(count(waiting, ": SYN-SENT; server's end none") == 1);
    CHECK(kernel_counter("netstat", "TcpExt", "ListenOverflows") > 0);

    backlog.wait_for_line("The server closes its listening socket");
    const auto inside = scene(backlog.output(), "The third client's call: Success");
    CHECK(count(inside, "waiting for accept 2") == 1);
    CHECK(count(inside, ": ESTAB; server's end ESTAB, held by no process") == 2);
    CHECK(count(inside, "SYN-SENT") == 0);
}

TEST_CASE("backlog: closing the listener leaves the accepted connection alive and resets those in the queue") {
    need_private_network();
    Process backlog{program("backlog")};
    const Address server = ready(backlog);
    backlog.wait_for_line("Press Enter");
    CHECK_THAT(backlog.output(), ContainsSubstring("To those in the queue: Connection reset by peer, Connection reset "
                                                   "by peer"));
    CHECK_THAT(backlog.output(), ContainsSubstring("\"hello\" went to the client and came back"));
    CHECK(kernel_counter("snmp", "Tcp", "OutRsts") >= 2);

    const Rows held = backlog.sockets(Protocol::tcp);
    REQUIRE(held.size() == 2);
    CHECK(in_state("ESTAB", held).size() == 2);
    CHECK(held[0].local == held[1].peer);
    CHECK(held[0].peer == held[1].local);
    CHECK((held[0].local == server || held[1].local == server));
    CHECK(server_side(server).size() == 1);
    CHECK(connect_to(server).error() == ECONNREFUSED);
}

TEST_CASE("backlog: Enter, end of input, SIGINT and SIGTERM each end it with status 0") {
    Process enter{program("backlog")}, end_of_input{program("backlog")}, interrupt{program("backlog")},
        terminate{program("backlog")};
    for (Process* backlog : {&enter, &end_of_input, &interrupt, &terminate})
        backlog->wait_for_line("Press Enter");
    enter.type("\n");
    end_of_input.close_input();
    interrupt.send_signal(SIGINT);
    terminate.send_signal(SIGTERM);
    for (Process* backlog : {&enter, &end_of_input, &interrupt, &terminate}) {
        CHECK(backlog->wait_for_exit() == 0);
        CHECK(backlog->complaints().empty());
    }
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
