// Takes the form of open that does not throw, and never looks at the error.
// Fails: where no socket can be opened it ends with status 1
// Seen: Bad file descriptor
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
            asio::error_code error;
            socket.open(tcp::v4(), error);
            std::cout << "descriptor " << socket.native_handle() << ": option " << option;
            try {
                const int value = ask_kernel(socket.native_handle(), option);
                std::cout << " is " << value << std::endl;
            } catch (const asio::system_error& refusal) {
                std::cout << ": " << refusal.code().message() << std::endl;
            }
        }
    } catch (const std::exception& error) {
        std::cerr << "leaky_descriptors: " << error.what() << '\n';
        return EXIT_FAILURE;
    }
}
