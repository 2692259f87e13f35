// A client names only the server: the system picks the client's port, at connect.
#include "common/stop.hpp"

#include <asio.hpp>
#include <cerrno>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <optional>

using asio::ip::tcp;

const asio::error_code address_not_available{EADDRNOTAVAIL, asio::system_category()};

struct Range {
    unsigned first, last;
};

// The ports that the system picks from: the ephemeral ports.
std::optional<Range> ephemeral_range() {
    std::ifstream setting{"/proc/sys/net/ipv4/ip_local_port_range"};
    if (Range range{}; setting >> range.first >> range.last)
        return range;
    return std::nullopt;
}

// The 4-tuple, as the kernel has it.
void show(const tcp::socket& client) {
    const unsigned port = client.local_endpoint().port();
    std::cout << "  " << client.local_endpoint() << " -> " << client.remote_endpoint();
    if (const auto range = ephemeral_range())
        std::cout << (range->first <= port && port <= range->last ? "  in the range" : "  outside the range");
    std::cout << std::endl;
}

int main() {
    try {
        common::Stop stop;
        asio::io_context io;
        const asio::ip::address_v4 loopback = asio::ip::address_v4::loopback();

        // Two servers to connect to. They need not accept: the kernel completes the connections (chapter 3).
        tcp::acceptor server{io}, other_server{io};
        for (tcp::acceptor* acceptor : {&server, &other_server}) {
            acceptor->open(tcp::v4());
            acceptor->bind({loopback, 0});
            acceptor->listen();
        }
        std::cout << "two servers: " << server.local_endpoint() << " and " << other_server.local_endpoint() << '\n';
        if (const auto range = ephemeral_range())
            std::cout << "the system picks ports from the range " << range->first << "-" << range->last << '\n';
        else
            std::cout << "the range that the system picks ports from cannot be read here\n";

        tcp::socket client{io};
        client.open(tcp::v4());
        std::cout << "\nbefore connect" << std::endl;
        std::cout << "  " << client.local_endpoint() << std::endl;
        client.connect(server.local_endpoint());
        std::cout << "after connect" << std::endl;
        show(client);

        // The same server again: only the client's port can tell these connections apart, so each has its own.
        std::cout << "more connections to that server" << std::endl;
        tcp::socket second{io}, third{io};
        second.connect(server.local_endpoint()); // opens the socket as well
        third.connect(server.local_endpoint());
        show(second);
        show(third);

        // A client may bind, as a server does, and then has its port before connect. SO_REUSEADDR on both sockets
        // lets a second one have the same port, for neither listens (chapter 5).
        tcp::socket bound{io}, sharing{io};
        bound.open(tcp::v4());
        bound.set_option(tcp::socket::reuse_address{true});
        bound.bind({loopback, 0});
        std::cout << "a client that has called bind, before connect\n  " << bound.local_endpoint() << std::endl;
        bound.connect(server.local_endpoint());
        std::cout << "after connect" << std::endl;
        show(bound);

        // One port, two connections: the 4-tuples must differ, the ports need not.
        sharing.open(tcp::v4());
        sharing.set_option(tcp::socket::reuse_address{true});
        sharing.bind(bound.local_endpoint());
        asio::error_code error;
        sharing.connect(server.local_endpoint(), error); // the 4-tuple of `bound` once more
        std::cout << "the same port, to the same server\n  " << sharing.local_endpoint() << " -> "
                  << server.local_endpoint() << ": " << (error ? error.message() : "connected") << std::endl;
        if (error)
            sharing.connect(other_server.local_endpoint());
        std::cout << "the same port, to the other server" << std::endl;
        show(sharing);

        std::cout << "\nPress Enter to close them." << std::endl;
        stop.wait();
    } catch (const asio::system_error& error) {
        std::cerr << "client_port: " << error.what() << '\n';
        const auto range = ephemeral_range();
        if (range && (error.code() == asio::error::address_in_use || error.code() == address_not_available))
            std::cerr << "it seems that no port from " << range->first << " to " << range->last
                      << " is free on 127.0.0.1:\nclose connections, or widen net.ipv4.ip_local_port_range\n";
        return EXIT_FAILURE;
    }
}
