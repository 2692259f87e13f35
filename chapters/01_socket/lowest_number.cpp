// The number of a closed socket goes to the next one that is opened.
#include <asio.hpp>
#include <iostream>

using asio::ip::tcp;

int main() {
    asio::io_context io;
    tcp::socket first{io, tcp::v4()}, second{io, tcp::v4()}, third{io, tcp::v4()}; // made and opened in one step
    std::cout << "open: " << first.native_handle() << ", " << second.native_handle() << " and " << third.native_handle()
              << '\n';

    first.close();
    second.close(); // the last one to be closed
    tcp::socket next{io, tcp::v4()};
    std::cout << "after two have been closed, the next one is " << next.native_handle() << '\n';
}
