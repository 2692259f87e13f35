// Front door: one public port for two services. The first line of a client says which of the two it wants.
#include "common/config.hpp"
#include "common/stop.hpp"
#include "exercises/begin_here.hpp"

#include <array>
#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/read_until.hpp>
#include <asio/steady_timer.hpp>
#include <asio/write.hpp>
#include <chrono>
#include <cstdlib>
#include <iostream>
#include <memory>
#include <string>
#include <thread>

using asio::ip::tcp;

// The ADDRESS:PORT in an environment variable, such as 127.0.0.1:8080.
tcp::endpoint backend(const std::string& variable) {
    const char* const value = std::getenv(variable.c_str());
    const std::string text = value ? value : "";
    const auto colon = text.rfind(':');
    if (colon == text.npos)
        throw common::ConfigError{variable + " must be ADDRESS:PORT, and is \"" + text + "\""};
    return {asio::ip::make_address(common::parse_address(variable, text.substr(0, colon))),
            common::parse_port(variable, text.substr(colon + 1))};
}

int main() {
    begin_here(); // Delete this line and write your program.
    try {
        const tcp::endpoint web = backend("WEB_BACKEND"), chat = backend("CHAT_BACKEND");
        // Your own port: common::port_from_environment("PORT", 0)
        std::cerr << "the backends are " << web << " and " << chat << '\n';
    } catch (const common::ConfigError& error) {
        std::cerr << "front_door: " << error.what() << '\n';
        return common::exit_config;
    } catch (const std::exception& error) {
        std::cerr << "front_door: " << error.what() << '\n';
        return EXIT_FAILURE;
    }
}
