// call_first NAME [PORT]: a client that calls one of the endpoints behind a name, and leaves it at that.
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
        const tcp::endpoint server = *resolver.resolve(name, port).begin();

        tcp::socket socket{io};
        asio::error_code error;
        socket.connect(server, error); // opens the socket, for the family of the endpoint
        std::cout << server << ": " << (error ? error.message() : "connected") << std::endl;
        return error ? EXIT_FAILURE : EXIT_SUCCESS;
    } catch (const std::exception& error) {
        std::cerr << "call_first: " << error.what() << '\n';
        return EXIT_FAILURE;
    }
}
