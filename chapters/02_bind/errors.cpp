// Each error of the book's field guide, provoked by its smallest cause: what the kernel answers, as a table.
//
// One socket call fails on each line. Run it as an ordinary user: for root no port is privileged.
#include <array>
#include <asio.hpp>
#include <cerrno>
#include <cstdlib>
#include <exception>
#include <iostream>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/resource.h>
#include <sys/socket.h>

using asio::ip::address_v4;
using asio::ip::tcp;

void row(const char* call, const char* cause, const asio::error_code& error) {
    const char* name = "none";
    switch (error.value()) {
    case EACCES:
        name = "EACCES";
        break;
    case EADDRINUSE:
        name = "EADDRINUSE";
        break;
    case EADDRNOTAVAIL:
        name = "EADDRNOTAVAIL";
        break;
    case EAFNOSUPPORT:
        name = "EAFNOSUPPORT";
        break;
    case EAGAIN:
        name = "EAGAIN";
        break;
    case ECONNREFUSED:
        name = "ECONNREFUSED";
        break;
    case ECONNRESET:
        name = "ECONNRESET";
        break;
    case EINVAL:
        name = "EINVAL";
        break;
    case EISCONN:
        name = "EISCONN";
        break;
    case EMFILE:
        name = "EMFILE";
        break;
    case ENOTCONN:
        name = "ENOTCONN";
        break;
    case EPIPE:
        name = "EPIPE";
        break;
    case ETIMEDOUT:
        name = "ETIMEDOUT";
        break;
    }
    std::cout << "| `" << name << "` | " << error.message() << " | `" << call << "` | " << cause << " |\n";
}

tcp::acceptor listening(asio::io_context& io, int backlog) {
    tcp::acceptor acceptor{io, tcp::v4()};
    acceptor.bind({address_v4::loopback(), 0});
    acceptor.listen(backlog);
    return acceptor;
}

int main() {
    try {
        asio::io_context io;
        asio::error_code error;
        const tcp::endpoint any_port{address_v4::loopback(), 0};
        std::cout << "| error | message | call | smallest cause |\n|---|---|---|---|\n";

        tcp::socket privileged{io, tcp::v4()}, bound{io, tcp::v4()}, other{io, tcp::v4()};
        privileged.bind({address_v4::loopback(), 1}, error);
        row("bind", "a port below 1024, without the privilege", error);

        bound.bind(any_port);
        other.bind(bound.local_endpoint(), error);
        row("bind", "a port that another socket has", error);

        tcp::acceptor one{io, tcp::v4()}, two{io, tcp::v4()};
        one.set_option(tcp::acceptor::reuse_address{true});
        two.set_option(tcp::acceptor::reuse_address{true});
        one.bind(any_port);
        two.bind(one.local_endpoint());
        one.listen();
        two.listen(asio::socket_base::max_listen_connections, error);
        row("listen", "both sockets set SO_REUSEADDR, and the other one listens", error);

        other.bind({asio::ip::make_address_v4("192.0.2.1"), 0}, error);
        row("bind", "an address of another machine", error);
        other.bind({asio::ip::address_v6::loopback(), 0}, error);
        row("bind", "an IPv6 address for an IPv4 socket", error);
        bound.bind(any_port, error);
        row("bind", "a socket that is bound already", error);

        tcp::socket client{io, tcp::v4()};
        client.connect(bound.local_endpoint(), error);
        row("connect", "a port on which nobody listens", error);

        tcp::acceptor server = listening(io, 4);
        server.non_blocking(true);
        tcp::socket nobody{io};
        server.accept(nobody, error);
        row("accept", "no client waits, and the socket is not to block", error);
        server.non_blocking(false);

        tcp::socket near{io, tcp::v4()};
        near.remote_endpoint(error);
        row("getpeername", "a socket that is not connected", error);
        near.connect(server.local_endpoint());
        near.connect(server.local_endpoint(), error);
        row("connect", "a socket that is connected already", error);

        tcp::socket far = server.accept();
        far.set_option(asio::socket_base::linger{true, 0}); // close resets
        far.close();
        std::array<char, 1> byte{};
        near.read_some(asio::buffer(byte), error);
        row("read", "the peer has reset the connection", error);
        near.write_some(asio::buffer(byte), error);
        row("write", "a connection that has ended", error);

        // The queue of this listener holds one connection. What comes after it gets no answer.
        tcp::acceptor full = listening(io, 0);
        tcp::socket queued{io}, waiting{io, tcp::v4()};
        queued.connect(full.local_endpoint());
#ifdef TCP_USER_TIMEOUT
        const unsigned int patience = 500; // milliseconds; the kernel's own takes minutes
        ::setsockopt(waiting.native_handle(), IPPROTO_TCP, TCP_USER_TIMEOUT, &patience, sizeof patience);
#endif
        waiting.connect(full.local_endpoint(), error);
        row("connect", "no answer: here, the listener's queue is full", error);

        rlimit limit{};
        ::getrlimit(RLIMIT_NOFILE, &limit);
        const auto as_it_was = limit.rlim_cur;
        limit.rlim_cur = 3; // standard input, output and error
        ::setrlimit(RLIMIT_NOFILE, &limit);
        tcp::socket one_too_many{io};
        one_too_many.open(tcp::v4(), error);
        limit.rlim_cur = as_it_was;
        ::setrlimit(RLIMIT_NOFILE, &limit);
        row("socket", "the process has as many descriptors as it may", error);
    } catch (const std::exception& error) {
        std::cerr << "errors: " << error.what() << '\n';
        return EXIT_FAILURE;
    }
}
