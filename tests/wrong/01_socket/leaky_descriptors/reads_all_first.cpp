// Reads the whole input before it answers, as if nobody waited for an answer.
// Fails: it answers a line when it is typed
// Seen: it neither printed more nor ended
#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <cerrno>
#include <iostream>
#include <iterator>
#include <sys/socket.h>
#include <vector>

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
        const std::vector<int> options{std::istream_iterator<int>{std::cin}, {}};
        for (const int option : options) {
            tcp::socket socket{io}; // closes itself at the end of each turn, however the turn ends
            socket.open(tcp::v4());
            std::cout << "descriptor " << socket.native_handle() << ": option " << option;
            try {
                const int value = ask_kernel(socket.native_handle(), option);
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
