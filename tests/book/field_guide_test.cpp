// What the book's field guide says of each error, beyond what a chapter's tests and the table of errors show.
#include "tools/harness/network.hpp"
#include "tools/harness/process.hpp"

#include <arpa/inet.h>
#include <asio.hpp>
#include <catch2/catch_test_macros.hpp>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string>
#include <sys/socket.h>
#include <unistd.h>

using namespace support;

#ifdef __linux__

namespace {

int error_of(int result) { return result < 0 ? errno : 0; }

Client open_socket(int family, int type) { return Client{::socket(family, type | SOCK_CLOEXEC, 0)}; }

sockaddr_storage storage_of(const Address& address) {
    sockaddr_storage storage{};
    if (address.ip.find(':') != address.ip.npos) {
        auto& v6 = reinterpret_cast<sockaddr_in6&>(storage);
        v6.sin6_family = AF_INET6;
        v6.sin6_port = htons(address.port);
        REQUIRE(::inet_pton(AF_INET6, address.ip.c_str(), &v6.sin6_addr) == 1);
    } else {
        auto& v4 = reinterpret_cast<sockaddr_in&>(storage);
        v4.sin_family = AF_INET;
        v4.sin_port = htons(address.port);
        REQUIRE(::inet_pton(AF_INET, address.ip.c_str(), &v4.sin_addr) == 1);
    }
    return storage;
}

int connect_error(const Client& socket, const Address& to) {
    const sockaddr_storage storage = storage_of(to);
    return error_of(::connect(socket.descriptor(), reinterpret_cast<const sockaddr*>(&storage),
                              storage.ss_family == AF_INET ? sizeof(sockaddr_in) : sizeof(sockaddr_in6)));
}

int connect_error(const Address& to) {
    const int family = to.ip.find(':') == to.ip.npos ? AF_INET : AF_INET6;
    return connect_error(open_socket(family, SOCK_STREAM), to);
}

/// Runs ip(8) in the test's own network; skips the test if that is refused.
void ip(const std::vector<std::string>& arguments) {
    need_private_network();
    Process process{installed("ip"), {.arguments = arguments}};
    if (process.wait_for_exit() != 0)
        SKIP("needs the right to change the test's network; ip says: " << process.complaints());
}

struct Pair {
    Client client, server;
};
Pair connected() {
    Client listener = listening_socket("127.0.0.1");
    Client client = connect_to(listener.local());
    Client server = listener.accept();
    return {std::move(client), std::move(server)};
}

int send_error(const Client& socket) {
    return error_of(static_cast<int>(::send(socket.descriptor(), "x", 1, MSG_NOSIGNAL)));
}

int receive_error(const Client& socket) {
    char byte = 0;
    pollfd readable{socket.descriptor(), POLLIN, 0};
    REQUIRE(::poll(&readable, 1, 20'000) == 1);
    return error_of(static_cast<int>(::recv(socket.descriptor(), &byte, 1, MSG_DONTWAIT)));
}

/// Waits until the peer's answer to what was sent has come.
void wait_for_an_end(const Client& socket) {
    pollfd ended{socket.descriptor(), 0, 0}; // POLLHUP and POLLERR are always reported
    REQUIRE(::poll(&ended, 1, 20'000) == 1);
}

} // namespace

TEST_CASE("EACCES: a datagram to a broadcast address is denied without SO_BROADCAST") {
    const Client socket = open_socket(AF_INET, SOCK_DGRAM);
    const sockaddr_storage everybody = storage_of({"127.255.255.255", 9});
    const auto send = [&] {
        return error_of(static_cast<int>(::sendto(socket.descriptor(), "x", 1, 0,
                                                  reinterpret_cast<const sockaddr*>(&everybody), sizeof(sockaddr_in))));
    };
    CHECK(send() == EACCES);
    const int yes = 1;
    REQUIRE(::setsockopt(socket.descriptor(), SOL_SOCKET, SO_BROADCAST, &yes, sizeof yes) == 0);
    CHECK(send() == 0);
}

TEST_CASE("EADDRNOTAVAIL: where IPv6 is switched off, ::1 is not there, though a socket and [::] are") {
    need_private_network();
    need_ipv6();
    set_sysctl("net/ipv6/conf/lo/disable_ipv6", "1");
    const bool kernel_has_ipv6 = ::access("/proc/sys/net/ipv6", F_OK) == 0;
    const int at_loopback = bound_socket("::1").error(), anywhere = bound_socket("::").error(),
              to_loopback = connect_error({"::1", 9});
    set_sysctl("net/ipv6/conf/lo/disable_ipv6", "0");
    CHECK(kernel_has_ipv6);
    CHECK(at_loopback == EADDRNOTAVAIL);
    CHECK(to_loopback == EADDRNOTAVAIL);
    CHECK(anywhere == 0);
}

TEST_CASE("EADDRNOTAVAIL: a second connection from one port to one server has the 4-tuple of the first") {
    const Client server = listening_socket("127.0.0.1");
    const int yes = 1;
    const Client first = open_socket(AF_INET, SOCK_STREAM), second = open_socket(AF_INET, SOCK_STREAM);
    Address own{"127.0.0.1", 0};
    for (const Client* const socket : {&first, &second}) {
        REQUIRE(::setsockopt(socket->descriptor(), SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) == 0);
        const sockaddr_storage at = storage_of(own);
        REQUIRE(::bind(socket->descriptor(), reinterpret_cast<const sockaddr*>(&at), sizeof(sockaddr_in)) == 0);
        own = socket->local();
    }
    CHECK(connect_error(first, server.local()) == 0);
    CHECK(connect_error(second, server.local()) == EADDRNOTAVAIL);
}

TEST_CASE("EAGAIN: a read whose deadline has passed") {
    const Pair pair = connected();
    const timeval soon{0, 1000};
    REQUIRE(::setsockopt(pair.client.descriptor(), SOL_SOCKET, SO_RCVTIMEO, &soon, sizeof soon) == 0);
    char byte = 0;
    CHECK(error_of(static_cast<int>(::recv(pair.client.descriptor(), &byte, 1, 0))) == EAGAIN);
}

TEST_CASE("EAGAIN: UDP's connect and send, when the range of ports is used up") {
    set_sysctl("net/ipv4/ip_local_port_range", "40000 40003");
    const Address peer{"127.0.0.1", 9};
    std::vector<Client> all;
    for (int i = 0; i < 4; ++i) {
        all.push_back(open_socket(AF_INET, SOCK_DGRAM));
        CHECK(connect_error(all.back(), peer) == 0);
    }
    const Client late = open_socket(AF_INET, SOCK_DGRAM);
    CHECK(connect_error(late, peer) == EAGAIN);
    const sockaddr_storage to = storage_of(peer);
    CHECK(error_of(static_cast<int>(::sendto(late.descriptor(), "x", 1, 0, reinterpret_cast<const sockaddr*>(&to),
                                             sizeof(sockaddr_in)))) == EAGAIN);
    CHECK(udp_socket("127.0.0.1").error() == EADDRINUSE); // and bind(0) says it otherwise
}

TEST_CASE("ECONNREFUSED: a server at 127.0.0.1 is not at ::1") {
    need_private_network();
    need_ipv6();
    const Client server = listening_socket("127.0.0.1");
    CHECK(connect_error({"::1", server.local().port}) == ECONNREFUSED);
    CHECK(connect_error(server.local()) == 0);
}

TEST_CASE("ECONNRESET: a peer that ends with data unread resets the connection") {
    Pair pair = connected();
    pair.client.send("unread");
    pollfd readable{pair.server.descriptor(), POLLIN, 0};
    REQUIRE(::poll(&readable, 1, 20'000) == 1);
    pair.server.close();
    wait_for_an_end(pair.client);
    CHECK(receive_error(pair.client) == ECONNRESET);
    CHECK(send_error(pair.client) == EPIPE); // it is told once
}

TEST_CASE("EPIPE: the first write after the peer's end succeeds, and the next does not") {
    Pair pair = connected();
    pair.server.close(); // in good order: nothing is unread
    CHECK(receive_error(pair.client) == 0);
    CHECK(send_error(pair.client) == 0); // the peer's kernel answers with a reset
    wait_for_an_end(pair.client);
    CHECK(send_error(pair.client) == EPIPE);
}

TEST_CASE("EHOSTUNREACH: a machine of one's own network that is not there, after seconds") {
    ip({"link", "add", "near0", "type", "veth", "peer", "name", "far0"});
    ip({"address", "add", "10.9.9.1/24", "dev", "near0"});
    ip({"link", "set", "near0", "up"});
    ip({"link", "set", "far0", "up"}); // and nobody there answers for 10.9.9.2
    const auto before = std::chrono::steady_clock::now();
    CHECK(connect_error({"10.9.9.2", 80}) == EHOSTUNREACH);
    const auto took = std::chrono::steady_clock::now() - before;
    CHECK(took > std::chrono::seconds{1});
    CHECK(took < std::chrono::seconds{20});
    ip({"link", "delete", "near0"});
}

TEST_CASE("EHOSTUNREACH: a route that says so, at once") {
    ip({"route", "add", "unreachable", "203.0.113.0/24"});
    CHECK(connect_error({"203.0.113.1", 80}) == EHOSTUNREACH);
    ip({"route", "delete", "unreachable", "203.0.113.0/24"});
}

TEST_CASE("ENETUNREACH: no route leads to the address, over IPv4 or IPv6") {
    need_private_network();
    CHECK(connect_error({"192.0.2.1", 80}) == ENETUNREACH);
    need_ipv6();
    CHECK(connect_error({"2001:db8:2::1", 80}) == ENETUNREACH);
}

TEST_CASE("EINPROGRESS: connect goes on, and SO_ERROR says how it ended") {
    const Address nobody = [] {
        const Client bound = bound_socket("127.0.0.1");
        return bound.local();
    }();
    const Client socket{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
    CHECK(connect_error(socket, nobody) == EINPROGRESS);
    pollfd done{socket.descriptor(), POLLOUT, 0};
    REQUIRE(::poll(&done, 1, 20'000) == 1);
    int error = 0;
    socklen_t size = sizeof error;
    REQUIRE(::getsockopt(socket.descriptor(), SOL_SOCKET, SO_ERROR, &error, &size) == 0);
    CHECK(error == ECONNREFUSED);
}

TEST_CASE("EINVAL: Asio's make_address takes no name") {
    asio::error_code error;
    asio::ip::make_address("localhost", error);
    CHECK(error.value() == EINVAL);
    CHECK(error.message() == "Invalid argument");
    asio::ip::make_address("127.0.0.1", error);
    CHECK_FALSE(error);
}

TEST_CASE("ENOTSOCK: a descriptor that is a file, such as one that should have been passed on") {
    const int file = ::open("/dev/null", O_RDWR | O_CLOEXEC);
    CHECK(error_of(::listen(file, 1)) == ENOTSOCK);
    ::close(file);
}

TEST_CASE("ETIMEDOUT: a connection whose peer has fallen silent") {
    ip({"link", "add", "near0", "type", "veth", "peer", "name", "far0"});
    ip({"address", "add", "10.9.9.1/24", "dev", "near0"});
    ip({"link", "set", "near0", "up"});
    ip({"link", "set", "far0", "up"});
    // A neighbour that answers nothing, as behind a firewall that drops: its address is known, nobody has it.
    ip({"neighbour", "add", "10.9.9.2", "lladdr", "02:00:00:00:00:02", "dev", "near0"});
    const Client socket = open_socket(AF_INET, SOCK_STREAM);
    const unsigned patience_ms = 500; // the kernel's own takes minutes
    REQUIRE(::setsockopt(socket.descriptor(), IPPROTO_TCP, TCP_USER_TIMEOUT, &patience_ms, sizeof patience_ms) == 0);
    CHECK(connect_error(socket, {"10.9.9.2", 80}) == ETIMEDOUT);
    ip({"link", "delete", "near0"});
}

// ---- Asio's own

TEST_CASE("asio: operation canceled is told to a call whose socket is closed, or which is cancelled") {
    using asio::ip::tcp;
    asio::io_context io;
    tcp::acceptor acceptor{io, {asio::ip::address_v4::loopback(), 0}};
    asio::error_code told;
    const auto note = [&](const asio::error_code& error, const tcp::socket&) { told = error; };
    acceptor.async_accept(note);
    acceptor.cancel();
    io.run();
    CHECK(told == asio::error::operation_aborted);
    CHECK((told.message() == "Operation aborted." || told.message() == "Operation canceled")); // Asio, or the system
    told = {};
    acceptor.async_accept(note);
    acceptor.close();
    io.restart();
    io.run();
    CHECK(told == asio::error::operation_aborted);
}

TEST_CASE("asio: already open is told to an acceptor that was opened by its constructor") {
    using asio::ip::tcp;
    asio::io_context io;
    tcp::acceptor acceptor{io, tcp::v4()};
    asio::error_code error;
    acceptor.open(tcp::v4(), error);
    CHECK(error == asio::error::already_open);
    CHECK(error.message() == "Already open");
    acceptor.close();
    acceptor.open(tcp::v4(), error);
    CHECK_FALSE(error);
}

TEST_CASE("asio: end of file is how a read tells that the peer has closed, and no error of the system") {
    using asio::ip::tcp;
    asio::io_context io;
    tcp::acceptor acceptor{io, {asio::ip::address_v4::loopback(), 0}};
    tcp::socket client{io};
    client.connect(acceptor.local_endpoint());
    acceptor.accept().close();
    char byte = 0;
    asio::error_code error;
    client.read_some(asio::buffer(&byte, 1), error);
    CHECK(error == asio::error::eof);
    CHECK(error.message() == "End of file");
    CHECK(error.category() != asio::system_category());
}

TEST_CASE("asio: host not found is told of a name that has no address") {
    using asio::ip::tcp;
    asio::io_context io;
    asio::error_code error;
    tcp::resolver{io}.resolve("no-number", "80", tcp::resolver::numeric_host, error); // asks nobody
    CHECK(error == asio::error::host_not_found);
    CHECK(error.message().starts_with("Host not found"));
}
#endif
