// Ends when the first guest leaves: one condition variable, one notification.
// Fails: it serves those who stay when one has left
// Seen: the connection ended
#include <array>
#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/write.hpp>
#include <charconv>
#include <condition_variable>
#include <iostream>
#include <mutex>
#include <string_view>
#include <thread>
#include <vector>

using asio::ip::tcp;

// Sends back what the guest says, until it leaves.
std::mutex mutex;
std::condition_variable left_one;
int left = 0;

void serve(tcp::socket guest) {
    std::array<char, 4096> said;
    asio::error_code error;
    while (!error) {
        const auto size = guest.read_some(asio::buffer(said), error);
        if (!error)
            asio::write(guest, asio::buffer(said, size), error);
    }
    guest.close();
    const std::lock_guard lock{mutex};
    ++left;
    left_one.notify_one();
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
        asio::io_context context;
        tcp::acceptor acceptor{context};
        acceptor.open(tcp::v4());
        acceptor.bind({asio::ip::address_v4::loopback(), 0});
        acceptor.listen();
        std::cout << "listening on " << acceptor.local_endpoint() << std::endl;

        std::vector<std::thread> guests;
        while (guests.size() < seats) {
            tcp::socket guest = acceptor.accept();
            guests.emplace_back(serve, std::move(guest));
        }
        acceptor.close();
        std::unique_lock lock{mutex};
        left_one.wait(lock, [] { return left > 0; });
        std::quick_exit(EXIT_SUCCESS);
    } catch (const std::exception& problem) {
        std::cerr << "closing_time: " << problem.what() << '\n';
        return EXIT_FAILURE;
    }
}
