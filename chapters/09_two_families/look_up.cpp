// look_up NAME [PORT]: the endpoints behind a name, in the order in which a client should try them.
#include <asio.hpp>
#include <cstdlib>
#include <exception>
#include <iostream>

using asio::ip::tcp;

int main(int argc, char** argv) {
    try {
        const char* const name = argc > 1 ? argv[1] : "localhost";
        const char* const port = argc > 2 ? argv[2] : "8080";
        asio::io_context io;
        tcp::resolver resolver{io};
        for (const auto& found : resolver.resolve(name, port)) // getaddrinfo(3)
            std::cout << found.endpoint() << '\n';
    } catch (const std::exception& error) {
        std::cerr << "look_up: " << error.what() << '\n';
        return EXIT_FAILURE;
    }
}
