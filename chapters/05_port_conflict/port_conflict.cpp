// port_conflict FIRST SECOND [listening]: two sockets, such as 127.0.0.1+reuse_address, want one port. Who is refused?
#include <asio.hpp>
#include <cstdlib>
#include <exception>
#include <iostream>
#include <sstream>
#include <stdexcept>
#include <string>
#include <sys/socket.h>

using asio::ip::tcp;

asio::ip::address open(tcp::acceptor& socket, const std::string& description) {
    std::istringstream words{description};
    std::string word;
    std::getline(words, word, '+');
    const auto address = asio::ip::make_address(word);
    socket.open(tcp::endpoint{address, 0}.protocol());
    const int on = 1;
    while (std::getline(words, word, '+'))
        if (word == "reuse_address")
            socket.set_option(tcp::acceptor::reuse_address{true});
        else if (word == "reuse_port") // Asio has no name for it
            ::setsockopt(socket.native_handle(), SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
        else if (word == "v6_only")
            socket.set_option(asio::ip::v6_only{true});
        else
            throw std::invalid_argument{"no such option: " + word};
    return address;
}

void report(const char* call, const asio::error_code& error) {
    std::cout << call << ": " << (error ? error.message() : "OK") << '\n';
}

int main(int argc, char** argv) {
    try {
        asio::io_context io;
        tcp::acceptor first{io}, second{io};
        const auto address = open(first, argc > 1 ? argv[1] : "127.0.0.1");
        const auto other_address = open(second, argc > 2 ? argv[2] : "127.0.0.1");
        first.bind({address, 0});
        if (argc > 3)
            first.listen();
        asio::error_code error;
        second.bind({other_address, first.local_endpoint().port()}, error);
        report("second bind", error);
        if (!error) {
            second.listen(tcp::acceptor::max_listen_connections, error);
            report("second listen", error);
            if (argc <= 3) {
                first.listen(tcp::acceptor::max_listen_connections, error);
                report("first listen", error);
            }
        }
    } catch (const std::exception& error) {
        std::cerr << "port_conflict: " << error.what() << '\n';
        return EXIT_FAILURE;
    }
}
