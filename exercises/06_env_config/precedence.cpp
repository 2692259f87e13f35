// Precedence: the command line wins over the environment, that over a file, and that over the default; it says who won.
#include "common/config.hpp"
#include "common/stop.hpp"
#include "exercises/begin_here.hpp"

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

int main([[maybe_unused]] int argc, [[maybe_unused]] char** argv) {
    begin_here(); // Delete this line and write your program.
}
