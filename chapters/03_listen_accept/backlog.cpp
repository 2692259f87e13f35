// The kernel connects clients before accept runs: as many as the backlog and one more. The next one waits.
//
// Server and clients in one process, on a listener with a backlog of 1. Each step shows what the kernel's socket table
// has for both ends of each connection.
#include "common/socket_table.hpp"
#include "common/stop.hpp"

#include <array>
#include <asio.hpp>
#include <chrono>
#include <cstdlib>
#include <exception>
#include <iostream>
#include <optional>
#include <stdexcept>
#include <string_view>
#include <vector>

using asio::ip::tcp;
using namespace std::chrono_literals;

std::optional<common::SocketRow> look_up(const tcp::endpoint& local, const tcp::endpoint& peer) {
    const auto address = [](const tcp::endpoint& end) {
        return common::Address{end.address().to_string(), end.port()};
    };
    for (const common::SocketRow& row : common::kernel_sockets(common::Protocol::tcp))
        if (row.local == address(local) && row.peer == address(peer))
            return row;
    return std::nullopt;
}

// Some steps of the kernel are finished a moment after the call that began them has returned.
void wait_until_received(unsigned count, const tcp::endpoint& local, const tcp::endpoint& peer) {
    const auto deadline = std::chrono::steady_clock::now() + 10s;
    for (auto row = look_up(local, peer); !row || row->received != count; row = look_up(local, peer))
        if (std::chrono::steady_clock::now() > deadline)
            throw std::runtime_error{"the kernel's socket table cannot be read here, or lacks what is due"};
}

void show(const tcp::endpoint& server, const std::vector<tcp::endpoint>& clients) {
    if (const auto listener = look_up(server, {}))
        std::cout << "  listener: " << listener->state << ", backlog " << listener->sent << ", waiting for accept "
                  << listener->received << '\n';
    else
        std::cout << "  listener: none\n";
    for (const tcp::endpoint& client : clients) {
        const auto near = look_up(client, server), far = look_up(server, client);
        std::cout << "  client " << client << ": " << (near ? near->state : "none") << "; server's end "
                  << (far ? far->state : "none") << (far && far->inode == 0 ? ", held by no process" : "");
        if (far && far->received > 0)
            std::cout << ", bytes to read " << far->received;
        std::cout << std::endl;
    }
}

int main() {
    try {
        common::Stop stop;
        asio::io_context io;
        tcp::acceptor acceptor{io};
        acceptor.open(tcp::v4());
        acceptor.bind({asio::ip::address_v4::loopback(), 0});
        acceptor.listen(1); // the backlog
        const tcp::endpoint server = acceptor.local_endpoint();
        std::cout << "listening on " << server << std::endl;

        tcp::socket first{io}, second{io}, third{io};
        std::array<char, 5> said;
        first.connect(server);
        asio::write(first, asio::buffer("early", 5));
        std::vector<tcp::endpoint> clients{first.local_endpoint()};
        wait_until_received(5, server, clients[0]); // bytes
        second.connect(server);
        clients.push_back(second.local_endpoint());
        wait_until_received(2, server, {}); // connections
        std::cout << "\nTwo clients connect and the first sends \"early\"; accept is not called:\n";
        show(server, clients);

        asio::error_code outcome = asio::error::in_progress;
        third.async_connect(server, [&](const asio::error_code& error) { outcome = error; });
        clients.push_back(third.local_endpoint());
        io.poll();
        std::cout << "\nA third client connects; its call: " << outcome.message() << '\n';
        show(server, clients);

        tcp::socket accepted = acceptor.accept();
        asio::read(accepted, asio::buffer(said));
        std::cout << "\naccept returns the connection of " << accepted.remote_endpoint() << ", which has said \""
                  << std::string_view{said.data(), said.size()} << "\".\n";
        io.run_for(10s); // the third client's kernel sends its SYN again, after about a second
        std::cout << "There is room in the queue. The third client's call: " << outcome.message() << '\n';
        if (!outcome)
            wait_until_received(2, server, {});
        show(server, clients);

        acceptor.close();
        asio::error_code second_end, third_end;
        second.read_some(asio::buffer(said), second_end);
        third.read_some(asio::buffer(said), third_end);
        std::cout << "\nThe server closes its listening socket.\nTo those in the queue: " << second_end.message()
                  << ", " << third_end.message() << '\n';
        show(server, clients);

        asio::write(accepted, asio::buffer("hello", 5));
        asio::read(first, asio::buffer(said));
        asio::write(first, asio::buffer(said));
        asio::read(accepted, asio::buffer(said));
        std::cout << "\nThe accepted connection lives: \"" << std::string_view{said.data(), said.size()}
                  << "\" went to the client and came back. Press Enter to close it." << std::endl;
        stop.wait();
    } catch (const std::exception& error) {
        std::cerr << "backlog: " << error.what() << '\n';
        return EXIT_FAILURE;
    }
}
