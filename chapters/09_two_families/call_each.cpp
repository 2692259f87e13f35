// call_each NAME [PORT]: a client that calls the endpoints behind a name in turn, until one of them answers.
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
        for (const auto& found : resolver.resolve(name, port)) {
            const tcp::endpoint server = found.endpoint();
            tcp::socket socket{io}; // a new one each time: the next endpoint may be of the other family
            asio::error_code error;
            socket.connect(server, error);
            std::cout << server << ": " << (error ? error.message() : "connected") << std::endl;
            if (!error)
                return EXIT_SUCCESS;
        }
        return EXIT_FAILURE;
    } catch (const std::exception& error) {
        std::cerr << "call_each: " << error.what() << '\n';
        return EXIT_FAILURE;
    }
}
