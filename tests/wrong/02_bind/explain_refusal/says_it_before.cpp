// Prints its line, and looks at the error afterwards.
// Fails: it prints nothing on standard output when it is refused
// Seen: listening on 0.0.0.0:0
// why.
#include "common/config.hpp"
#include "common/stop.hpp"

#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <iostream>

using asio::ip::tcp;

int main() {
    try {
        const std::string host = common::address_from_environment("HOST", "127.0.0.1");
        const tcp::endpoint wanted{asio::ip::make_address(host), common::port_from_environment("PORT", 8080)};
        common::Stop stop;
        asio::io_context context;
        tcp::acceptor acceptor{context};
        acceptor.open(wanted.protocol());
        asio::error_code error;
        acceptor.bind(wanted, error);
        if (!error)
            acceptor.listen(asio::socket_base::max_listen_connections, error);
        std::cout << "listening on " << acceptor.local_endpoint() << std::endl;
        if (error) {
            std::cerr << "explain_refusal: cannot listen on " << wanted << ": " << error.message() << '\n';
            return EXIT_FAILURE;
        }
        stop.wait();
    } catch (const common::ConfigError& error) {
        std::cerr << "explain_refusal: " << error.what() << '\n';
        return common::exit_config;
    } catch (const std::exception& error) {
        std::cerr << "explain_refusal: " << error.what() << '\n';
        return EXIT_FAILURE;
    }
}
