// Each error of the book's field guide, provoked by its smallest cause: what the kernel answers, as a table.
//
// One socket call fails on each line. Run it as an ordinary user: for root no port is privileged.
#include <algorithm>
#include <array>
#include <asio.hpp>
#include <cerrno>
#include <cstdlib>
#include <exception>
#include <fcntl.h>
#include <iostream>
#include <iterator>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <utility>

using asio::ip::address_v4;
using asio::ip::tcp;
using asio::ip::udp;

constexpr std::pair<int, const char*> names[]{
    {EACCES, "EACCES"},
    {EADDRINUSE, "EADDRINUSE"},
    {EADDRNOTAVAIL, "EADDRNOTAVAIL"},
    {EAFNOSUPPORT, "EAFNOSUPPORT"},
    {EAGAIN, "EAGAIN"},
    {EBADF, "EBADF"},
    {ECONNREFUSED, "ECONNREFUSED"},
    {ECONNRESET, "ECONNRESET"},
    {EINPROGRESS, "EINPROGRESS"},
    {EINVAL, "EINVAL"},
    {EISCONN, "EISCONN"},
    {EMFILE, "EMFILE"},
    {ENETUNREACH, "ENETUNREACH"},
    {ENOPROTOOPT, "ENOPROTOOPT"},
    {ENOTCONN, "ENOTCONN"},
    {ENOTSOCK, "ENOTSOCK"},
    {EOPNOTSUPP, "EOPNOTSUPP"},
    {EPIPE, "EPIPE"},
    {EPROTONOSUPPORT, "EPROTONOSUPPORT"},
    {ETIMEDOUT, "ETIMEDOUT"},
};

void row(const char* call, const char* cause, const asio::error_code& error) {
    const auto known = std::ranges::find(names, error.value(), &std::pair<int, const char*>::first);
    const char* name = known == std::end(names) ? "none" : known->second;
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

        const int null = ::open("/dev/null", O_RDWR | O_CLOEXEC);
        const int closed = other.native_handle();
        other.close();
        error.assign(::listen(closed, 1) == 0 ? 0 : errno, asio::error::get_system_category());
        row("listen", "a descriptor that has been closed", error);
        error.assign(::listen(null, 1) == 0 ? 0 : errno, asio::error::get_system_category());
        row("listen", "a descriptor that is a file", error);
        udp::socket datagrams{io, udp::v4()};
        error.assign(::listen(datagrams.native_handle(), 1) == 0 ? 0 : errno, asio::error::get_system_category());
        row("listen", "a UDP socket", error);
        datagrams.set_option(tcp::no_delay{true}, error);
        row("setsockopt", "an option of TCP, for a UDP socket", error);
        asio::generic::stream_protocol::socket stream{io};
        stream.open({AF_INET, IPPROTO_UDP}, error);
        row("socket", "a stream, from the protocol UDP", error);

        tcp::socket client{io, tcp::v4()};
        client.connect(bound.local_endpoint(), error);
        row("connect", "a port on which nobody listens", error);

        other.open(tcp::v4());
        other.connect({asio::ip::make_address_v4("224.0.0.1"), 80}, error);
        row("connect", "an address to which no route leads: here, of a multicast group", error);
        tcp::socket impatient{io, tcp::v4()};
        impatient.non_blocking(true);
        error.assign(
            ::connect(impatient.native_handle(), bound.local_endpoint().data(), sizeof(sockaddr_in)) == 0 ? 0 : errno,
            asio::error::get_system_category());
        row("connect", "the handshake is not done yet, and the socket is not to block", error);

        tcp::acceptor silent{io, tcp::v4()};
        silent.bind(any_port);
        tcp::socket nobody{io};
        silent.accept(nobody, error);
        row("accept", "a socket that does not listen", error);
        tcp::acceptor server = listening(io, 4);
        server.non_blocking(true);
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
