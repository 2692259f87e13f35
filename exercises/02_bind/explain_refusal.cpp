// Explain a refusal: listens where HOST and PORT say, or ends with status 1 and says where it could not listen, and
// why.
#include "common/config.hpp"
#include "common/stop.hpp"
#include "exercises/begin_here.hpp"

#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <iostream>

using asio::ip::tcp;

int main() {
    begin_here(); // Delete this line and repair the program.
    try {
        const std::string host = common::address_from_environment("HOST", "127.0.0.1");
        const tcp::endpoint wanted{asio::ip::make_address(host), common::port_from_environment("PORT", 8080)};
        common::Stop stop;
        asio::io_context context;
        tcp::acceptor acceptor{context};
        acceptor.open(wanted.protocol());
        asio::error_code error;
        acceptor.bind(wanted, error);
        acceptor.listen(asio::socket_base::max_listen_connections, error);
        if (error)
            std::cout << "cannot listen: " << error.message() << '\n';
        std::cout << "listening on " << wanted << std::endl;
        stop.wait();
    } catch (const common::ConfigError& error) {
        std::cerr << "explain_refusal: " << error.what() << '\n';
        return common::exit_config;
    } catch (const std::exception& error) {
        std::cerr << "explain_refusal: " << error.what() << '\n';
        return EXIT_FAILURE;
    }
}
