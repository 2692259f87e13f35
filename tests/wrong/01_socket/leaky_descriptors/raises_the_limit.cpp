// Raises the limit of descriptors and leaves the leak.
// Fails: it holds no socket while it waits
// Seen: it has answered and waits for the next line, and of its descriptors these are sockets:
#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <cerrno>
#include <iostream>
#include <sys/resource.h>
#include <sys/socket.h>

using asio::ip::tcp;

// A property of the socket, as the kernel knows it: see socket(7).
int ask_kernel(int descriptor, int option) {
    int value = 0;
    socklen_t size = sizeof value;
    if (::getsockopt(descriptor, SOL_SOCKET, option, &value, &size) != 0)
        throw asio::system_error{{errno, asio::system_category()}, "getsockopt"};
    return value;
}

// Returns the descriptor of a new socket.
int open_socket(asio::io_context& io) {
    tcp::socket socket{io};
    socket.open(tcp::v4());
    return socket.release(); // without this the object would close it at the brace
}

int main() {
    rlimit limit{};
    ::getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &limit);
    try {
        asio::io_context io;
        for (int option = 0; std::cin >> option;) {
            const int descriptor = open_socket(io);
            std::cout << "descriptor " << descriptor << ": option " << option;
            try {
                const int value = ask_kernel(descriptor, option);
                std::cout << " is " << value << std::endl;
            } catch (const asio::system_error& error) {
                std::cout << ": " << error.code().message() << std::endl;
            }
        }
    } catch (const std::exception& error) {
        std::cerr << "leaky_descriptors: " << error.what() << '\n';
        return EXIT_FAILURE;
    }
}
