// Measures how many callers the kernel connects before accept runs, and prints the table of chapter 3.
//
// Each row is a listener of its own, on which accept is never called.
#include "common/socket_table.hpp"

#include <asio.hpp>
#include <chrono>
#include <cstdlib>
#include <exception>
#include <iostream>
#include <list>
#include <stdexcept>

using asio::ip::tcp;
using namespace std::chrono_literals;

namespace {

common::Address address(const tcp::endpoint& end) { return {end.address().to_string(), end.port()}; }

common::SocketRow row_of(const tcp::endpoint& listener) {
    for (const common::SocketRow& row : common::kernel_sockets(common::Protocol::tcp))
        if (row.state == "LISTEN" && row.local == address(listener))
            return row;
    throw std::runtime_error{"the kernel's table has no row for the listener"};
}

// A connection enters the queue a moment after connect has returned.
void wait_until_queued(std::size_t connections, const tcp::endpoint& listener) {
    const auto deadline = std::chrono::steady_clock::now() + 20s;
    while (row_of(listener).received != connections)
        if (std::chrono::steady_clock::now() > deadline)
            throw std::runtime_error{"a client is connected and not in the queue"};
}

void measure(int backlog) {
    asio::io_context io;
    tcp::acceptor acceptor{io, tcp::v4()};
    acceptor.bind({asio::ip::address_v4::loopback(), 0});
    acceptor.listen(backlog);
    const tcp::endpoint server = acceptor.local_endpoint();

    std::list<tcp::socket> clients;
    std::string next;
    while (next.empty()) {
        tcp::socket& client = clients.emplace_back(io);
        bool connected = false;
        client.async_connect(server, [&](const asio::error_code& error) {
            connected = !error;
            next = error && error != asio::error::operation_aborted ? error.message() : "";
        });
        // A full queue drops the SYN, and the kernel sends it again after a second.
        io.restart();
        io.run_for(500ms);
        if (connected)
            wait_until_queued(clients.size(), server);
        else if (next.empty()) {
            const auto row =
                common::kernel_socket(common::Protocol::tcp, address(client.local_endpoint()), address(server));
            next = row ? "waits: " + row->state : "none";
        }
    }
    const common::SocketRow row = row_of(server);
    std::cout << "| `listen(" << backlog << ")` | " << row.received << " | " << row.sent << " | " << next << " |\n";
}

} // namespace

int main() {
    try {
        std::cout << "| call | connected, `Recv-Q` | backlog, `Send-Q` | the next client |\n|---|---|---|---|\n";
        for (const int backlog : {0, 1, 2, 5, 16})
            measure(backlog);
    } catch (const std::exception& error) {
        std::cerr << "backlog: " << error.what() << '\n';
        return EXIT_FAILURE;
    }
}
