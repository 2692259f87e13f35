// A server at HOST and PORT. It says who comes in, and by which of its addresses.
#include "common/config.hpp"
#include "common/stop.hpp"

#include <asio.hpp>
#include <cstdlib>
#include <exception>
#include <iostream>

using asio::ip::tcp;

int main() {
    try {
        const auto host = common::address_from_environment("HOST", "127.0.0.1");
        const tcp::endpoint wanted{asio::ip::make_address(host), common::port_from_environment("PORT", 8080)};
        common::Stop stop;
        asio::io_context io;
        tcp::acceptor acceptor{io};
        acceptor.open(wanted.protocol());
        acceptor.set_option(tcp::acceptor::reuse_address{true});
        if (wanted.address().is_v6())
            acceptor.set_option(asio::ip::v6_only{false}); // both families, whatever the system's default is
        acceptor.bind(wanted);
        acceptor.listen();
        std::cout << "listening on " << acceptor.local_endpoint() << std::endl;

        while (stop.wait_readable(acceptor.native_handle())) {
            tcp::endpoint peer;
            asio::error_code gone;
            const tcp::socket client = acceptor.accept(peer);
            std::cout << peer.address() << " came in by " << client.local_endpoint(gone).address() << std::endl;
        }
    } catch (const common::ConfigError& error) {
        std::cerr << "door: " << error.what() << '\n';
        return common::exit_config;
    } catch (const std::exception& error) {
        std::cerr << "door: " << error.what() << '\n';
        return EXIT_FAILURE;
    }
}
