// Thinks that after one refusal nothing more can be asked.
// Fails: an option that the kernel refuses costs no descriptor either
// Seen: it says "descriptor
#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <cerrno>
#include <iostream>
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

int main() {
    try {
        asio::io_context io;
        for (int option = 0; std::cin >> option;) {
            tcp::socket socket{io}; // closes itself at the end of each turn, however the turn ends
            socket.open(tcp::v4());
            std::cout << "descriptor " << socket.native_handle() << ": option " << option;
            const int value = ask_kernel(socket.native_handle(), option);
            std::cout << " is " << value << std::endl;
        }
    } catch (const std::exception& error) {
        std::cerr << "leaky_descriptors: " << error.what() << '\n';
        return EXIT_FAILURE;
    }
}
