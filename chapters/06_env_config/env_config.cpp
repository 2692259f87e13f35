// One build listens wherever HOST and PORT say. A value that cannot be used stops it before it opens a socket.
#include "common/config.hpp"
#include "common/stop.hpp"
#include "common/text.hpp"

#include <asio.hpp>
#include <charconv>
#include <cstdint>
#include <cstdlib>
#include <exception>
#include <iostream>
#include <string>
#include <string_view>

using asio::ip::tcp;

std::uint16_t port_in(const char* variable, std::uint16_t fallback) {
    const char* const value = std::getenv(variable);
    if (!value) // not set; set and empty is another case
        return fallback;
    const std::string_view text{value};
    std::uint16_t port = 0; // unsigned, so that no sign is read
    const auto [stopped, error] = std::from_chars(text.data(), text.data() + text.size(), port);
    if (error != std::errc{} || stopped != text.data() + text.size())
        throw common::ConfigError{std::string{variable} + "=" + common::quoted(text) +
                                  " is not a port: use a whole number from 0 to 65535 (0 lets the system choose)"};
    return port;
}

int main() {
    tcp::endpoint wanted;
    try {
        const auto host = common::address_from_environment("HOST", "127.0.0.1");
        wanted = {asio::ip::make_address(host), port_in("PORT", 8080)};

        common::Stop stop;
        asio::io_context io;
        tcp::acceptor acceptor{io};
        acceptor.open(wanted.protocol());
        acceptor.bind(wanted);
        acceptor.listen();
        std::cout << "listening on " << acceptor.local_endpoint() << std::endl;
        stop.wait();
    } catch (const common::ConfigError& error) { // somebody has to correct a setting
        std::cerr << "env_config: " << error.what() << '\n';
        return common::exit_config;         // 78
    } catch (const std::exception& error) { // the settings are right, and the system says no
        std::cerr << "env_config: " << wanted << ": " << error.what() << '\n';
        return EXIT_FAILURE;
    }
}
