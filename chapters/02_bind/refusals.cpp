// The five refusals of bind, and which one the kernel names when two are due.
#include <asio.hpp>
#include <cstdlib>
#include <exception>
#include <iostream>

using asio::ip::make_address;
using asio::ip::tcp;

void ask(const char* what, tcp::socket& socket, const tcp::endpoint& wanted) {
    asio::error_code error;
    socket.bind(wanted, error);
    std::cout << what << ": " << (error ? error.message() : "bound") << '\n';
}

int main() {
    try {
        const auto ours = make_address("127.0.0.1");
        const auto foreign = make_address("192.0.2.1"); // for examples: no machine has it
        asio::io_context io;
        tcp::socket bound{io, tcp::v4()}, fresh{io, tcp::v4()}, low{io, tcp::v4()};
        bound.bind({ours, 0});
        const auto taken = bound.local_endpoint().port();

        ask("taken", fresh, {ours, taken});
        ask("below 1024", low, {ours, 80});
        ask("foreign", fresh, {foreign, 0});
        ask("bound already", bound, {ours, 0});
        ask("IPv6", fresh, {make_address("::1"), 0});

        std::cout << "\nTwo reasons at once:\n";
        ask("IPv6, foreign", fresh, {make_address("2001:db8::2"), 0});
        ask("foreign, below 1024", fresh, {foreign, 80});
        ask("below 1024, bound already", bound, {ours, 80});
        ask("bound already, taken", bound, {ours, taken});
    } catch (const std::exception& error) {
        std::cerr << "refusals: " << error.what() << '\n';
        return EXIT_FAILURE;
    }
}
