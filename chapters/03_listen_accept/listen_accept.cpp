// A server is four calls, and each accept yields a new socket on the listener's own port.
//
// The listening socket carries no data: it goes on listening while each client has a socket of its own. All of these
// have the same local port; what tells them apart is the 4-tuple: local address and port, peer's address and port.
#include "common/config.hpp"
#include "common/refusal.hpp"
#include "common/stop.hpp"

#include <array>
#include <asio.hpp>
#include <cstdlib>
#include <exception>
#include <iostream>
#include <list>
#include <sstream>

using asio::ip::tcp;

// What a client says is not this chapter's matter; that it has gone is.
bool has_gone(tcp::socket& client) {
    std::array<char, 4096> ignored;
    asio::error_code error;
    client.read_some(asio::buffer(ignored), error);
    return error && error != asio::error::would_block;
}

int main() {
    try {
        const tcp::endpoint address{asio::ip::address_v4::loopback(), common::port_from_environment("PORT", 0)};
        common::Stop stop;
        asio::io_context io;
        tcp::acceptor acceptor{io};
        asio::error_code error;

        acceptor.open(address.protocol()); // 1: a socket, without a port
        acceptor.bind(address, error);     // 2: the port is ours, and refuses connections
        if (error) {
            std::cerr << "listen_accept: bind " << address << ": " << error.message() << ":\n"
                      << common::why_refused(common::Protocol::tcp, address, error, {.host = ""}) << '\n';
            return EXIT_FAILURE;
        }
        acceptor.listen(); // 3: from here on the kernel completes connections
        std::cout << "listening on " << acceptor.local_endpoint() << std::endl;
        std::cout << "Press Enter to stop." << std::endl;

        std::list<tcp::socket> clients;
        while (stop.wait_readable(acceptor.native_handle())) {
            clients.remove_if(has_gone);

            tcp::endpoint peer;
            tcp::socket client = acceptor.accept(peer, error); // 4: a new socket for the first in the queue
            if (error == asio::error::no_descriptors && !clients.empty()) {
                clients.pop_front();
                std::cerr << "accept: " << error.message() << ": the client that came first makes room\n";
                continue;
            }
            if (error)
                throw asio::system_error{error, "accept"};

            // A client may have reset its connection while it was in the queue. Then remote_endpoint() and the
            // greeting fail; accept still names the peer, and the server goes on.
            std::ostringstream greeting;
            greeting << "hello " << peer << ", you reached " << client.local_endpoint() << " on descriptor "
                     << client.native_handle() << '\n';
            asio::write(client, asio::buffer(greeting.str()), error);
            std::cout << "descriptor " << client.native_handle() << ": local " << client.local_endpoint() << "  peer "
                      << peer << (error ? "  gone: " + error.message() : "") << std::endl;
            client.non_blocking(true);
            clients.push_back(std::move(client));
        }
    } catch (const common::ConfigError& error) {
        std::cerr << "listen_accept: " << error.what() << '\n';
        return common::exit_config;
    } catch (const std::exception& error) {
        std::cerr << "listen_accept: " << error.what() << '\n';
        return EXIT_FAILURE;
    }
}
