// Reads its argument and starts nothing: a program that compiles will do.
// Fails: it says where it listens
// Seen: it ended with status 0
#include <array>
#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/write.hpp>
#include <charconv>
#include <iostream>
#include <string_view>
#include <thread>
#include <vector>

using asio::ip::tcp;

// Sends back what the guest says, until it leaves.
void serve(tcp::socket guest) {
    std::array<char, 4096> said;
    asio::error_code left;
    while (!left) {
        const auto size = guest.read_some(asio::buffer(said), left);
        if (!left)
            asio::write(guest, asio::buffer(said, size), left);
    }
}

int main(int argc, char** argv) {
    const std::string_view argument = argc == 2 ? argv[1] : "";
    std::size_t seats = 0;
    const auto [end, error] = std::from_chars(argument.data(), argument.data() + argument.size(), seats);
    if (error != std::errc{} || end != argument.data() + argument.size() || seats == 0) {
        std::cerr << "usage: closing_time N (a whole number from 1)\n";
        return 78;
    }
    try {
    } catch (const std::exception& problem) {
        std::cerr << "closing_time: " << problem.what() << '\n';
        return EXIT_FAILURE;
    }
}
