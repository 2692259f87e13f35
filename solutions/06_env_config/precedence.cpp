// Precedence: the command line wins over the environment, that over a file, and that over the default; it says who won.
#include "common/config.hpp"
#include "common/stop.hpp"

#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <optional>
#include <string>

using asio::ip::tcp;

// What follows --port on the command line; nothing if the command line is empty.
std::optional<std::string> port_on_command_line(int argc, char** argv) {
    if (argc == 1)
        return std::nullopt;
    if (argc != 3 || std::string{argv[1]} != "--port")
        throw common::ConfigError{"the command line takes --port NUMBER, or nothing"};
    return argv[2];
}

// What follows PORT= in the first line of the file that begins so; nothing if no line does.
std::optional<std::string> port_in_file(const std::string& path) {
    std::ifstream file{path};
    for (std::string line; std::getline(file, line);)
        if (line.starts_with("PORT="))
            return line.substr(5);
    if (!file.eof()) // it could not be opened, or it is a directory, or its disk fails
        throw common::ConfigError{"CONFIG_FILE=\"" + path + "\" cannot be read"};
    return std::nullopt;
}

int main(int argc, char** argv) {
    try {
        std::uint16_t port = 8080;
        std::string origin = "the default";
        if (const char* const path = std::getenv("CONFIG_FILE"))
            if (const auto text = port_in_file(path)) {
                port = common::parse_port(std::string{path} + ": PORT", *text);
                origin = path;
            }
        if (const char* const text = std::getenv("PORT")) {
            port = common::parse_port("PORT", text);
            origin = "the environment";
        }
        if (const auto text = port_on_command_line(argc, argv)) {
            port = common::parse_port("--port", *text);
            origin = "the command line";
        }
        std::cout << "PORT=" << port << " from " << origin << std::endl;

        common::Stop stop;
        asio::io_context context;
        tcp::acceptor acceptor{context};
        acceptor.open(tcp::v4());
        acceptor.bind({asio::ip::address_v4::loopback(), port});
        acceptor.listen();
        std::cout << "listening on " << acceptor.local_endpoint() << std::endl;
        stop.wait();
    } catch (const common::ConfigError& error) {
        std::cerr << "precedence: " << error.what() << '\n';
        return common::exit_config;
    } catch (const std::exception& error) {
        std::cerr << "precedence: " << error.what() << '\n';
        return EXIT_FAILURE;
    }
}
