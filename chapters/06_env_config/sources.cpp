// One setting, four sources: the command line wins over the environment, that over a file, that over the default.
#include "common/config.hpp"
#include "common/env_file.hpp"
#include "common/stop.hpp"

#include <asio.hpp>
#include <cstdlib>
#include <exception>
#include <iostream>
#include <string>

using asio::ip::tcp;

struct Setting {
    std::string origin, value;

    // Checks the new value even if a stronger source will replace it in turn.
    void replace(const std::string& new_origin, const std::string& new_value) {
        common::parse_port(new_origin, new_value);
        origin = new_origin, value = new_value;
    }
};

int main(int argc, char** argv) {
    try {
        Setting port{"default", "8080"}; // the weakest source first
        if (const char* const file = std::getenv("CONFIG_FILE"))
            for (const common::EnvLine& line : common::read_env_file("CONFIG_FILE", file))
                if (line.name == "PORT")
                    port.replace(line.place + ": PORT", line.value);
        if (const char* const value = std::getenv("PORT"))
            port.replace("environment variable PORT", value);
        if (argc == 3 && std::string{argv[1]} == "--port")
            port.replace("option --port", argv[2]);
        else if (argc > 1)
            throw common::ConfigError{"wrong arguments: use --port NUMBER, or none"};
        std::cout << port.origin << "=" << port.value << " wins\n";

        common::Stop stop;
        asio::io_context io;
        tcp::acceptor acceptor{io};
        acceptor.open(tcp::v4());
        acceptor.bind({asio::ip::address_v4::loopback(), common::parse_port(port.origin, port.value)});
        acceptor.listen();
        std::cout << "listening on " << acceptor.local_endpoint() << std::endl;
        stop.wait();
    } catch (const common::ConfigError& error) {
        std::cerr << "sources: " << error.what() << '\n';
        return common::exit_config; // 78
    } catch (const std::exception& error) {
        std::cerr << "sources: " << error.what() << '\n';
        return EXIT_FAILURE;
    }
}
