// Where descriptor 3 is no socket, takes a new one in its place.
// Fails: it refuses what is no TCP or UDP socket
// Seen: it ended with status 0, printed "IPv4 TCP, no port"
#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/ip/udp.hpp>
#include <cerrno>
#include <iostream>
#include <stdexcept>
#include <sys/socket.h>
#include <unistd.h>

using asio::ip::tcp;
using asio::ip::udp;

constexpr int inherited = 3;

// A property of the inherited socket, as the kernel knows it: see socket(7).
int ask_kernel(int option) {
    int value = 0;
    socklen_t size = sizeof value;
    if (::getsockopt(inherited, SOL_SOCKET, option, &value, &size) != 0)
        throw asio::system_error{{errno, asio::system_category()}, "getsockopt"};
    return value;
}

template <class Protocol>
void describe(const Protocol& protocol, const std::string& kind) {
    asio::io_context io;
    typename Protocol::socket socket{io};
    socket.assign(protocol, inherited); // no system call makes a socket here: it is there already
    const auto local = socket.local_endpoint();
    asio::error_code not_connected;
    const auto peer = socket.remote_endpoint(not_connected);

    std::cout << kind;
    if (ask_kernel(SO_ACCEPTCONN) != 0)
        std::cout << ", listening on " << local << '\n';
    else if (!not_connected)
        std::cout << ", connected from " << local << " to " << peer << '\n';
    else if (local.port() != 0)
        std::cout << ", bound to " << local << '\n';
    else
        std::cout << ", no port\n";
}

int main() {
    try {
        int type = 0;
        socklen_t size = sizeof type;
        if (::getsockopt(inherited, SOL_SOCKET, SO_TYPE, &type, &size) != 0)
            ::dup2(::socket(AF_INET, SOCK_STREAM, 0), inherited);
        const int domain = ask_kernel(SO_DOMAIN);
        const int number = ask_kernel(SO_PROTOCOL);
        const bool v6 = domain == AF_INET6;
        if (!v6 && domain != AF_INET)
            throw std::runtime_error{"descriptor 3 is a socket of another family"};
        if (number == IPPROTO_TCP)
            describe(v6 ? tcp::v6() : tcp::v4(), v6 ? "IPv6 TCP" : "IPv4 TCP");
        else if (number == IPPROTO_UDP)
            describe(v6 ? udp::v6() : udp::v4(), v6 ? "IPv6 UDP" : "IPv4 UDP");
        else
            throw std::runtime_error{"descriptor 3 is a socket of another protocol"};
    } catch (const std::exception& error) {
        std::cerr << "inherited_socket: " << error.what() << '\n';
        return EXIT_FAILURE;
    }
}
