// A server that no single client can end: it reads the answers of accept and write, and closes what is over.
#include "common/config.hpp"
#include "common/stop.hpp"

#include <asio.hpp>
#include <cstdlib>
#include <exception>
#include <iostream>
#include <list>
#include <string_view>

using asio::ip::tcp;

bool has_gone(tcp::socket& client) {
    char ignored[4096];
    asio::error_code error;
    client.read_some(asio::buffer(ignored), error);
    return error && error != asio::error::would_block;
}

int main() {
    constexpr std::string_view reading = "21.5 degrees\n";
    try {
        const tcp::endpoint wanted{asio::ip::address_v4::loopback(), common::port_from_environment("PORT", 8080)};
        common::Stop stop;
        asio::io_context io;
        tcp::acceptor acceptor{io};
        acceptor.open(wanted.protocol());
        asio::error_code error;
        acceptor.bind(wanted, error);
        if (error) {
            std::cerr << "listen_accept: " << wanted << ": " << error.message() << '\n';
            return EXIT_FAILURE;
        }
        acceptor.listen();
        std::cout << "listening on " << acceptor.local_endpoint() << std::endl;
        std::list<tcp::socket> clients;
        while (stop.wait_readable(acceptor.native_handle())) {
            clients.remove_if(has_gone); // closes their sockets
            tcp::endpoint peer;          // accept fills it in, even if the client has gone by now
            tcp::socket client = acceptor.accept(peer, error);
            if (error == asio::error::no_descriptors && !clients.empty()) {
                clients.pop_front(); // the client that came first makes room
                continue;
            }
            if (error)
                throw asio::system_error{error, "accept"};
            asio::write(client, asio::buffer(reading), error); // a client that has gone is no reason to end
            std::cout << client.local_endpoint() << " <- " << peer << (error ? ", gone" : "") << std::endl;
            client.non_blocking(true);
            clients.push_back(std::move(client));
        }
    } catch (const common::ConfigError& error) {
        std::cerr << "listen_accept: " << error.what() << '\n';
        return common::exit_config; // 78
    } catch (const std::exception& error) {
        std::cerr << "listen_accept: " << error.what() << '\n';
        return EXIT_FAILURE;
    }
}
