// The port comes from the environment: one program, never rebuilt, runs wherever its settings put it.
//
// HOST and PORT are looked for in four places, and the first that has one wins:
//   the command line      --host ADDRESS, --port NUMBER
//   the environment       the variables HOST and PORT
//   a file                lines HOST=ADDRESS and PORT=NUMBER; the variable CONFIG_FILE names it
//   the default           127.0.0.1 and 8080
// Every value that is given is checked, those that lose as well, before any socket is opened: a mistake is reported on
// the day on which it is made, not on the day on which it first wins. Nothing invalid turns into a default.
#include "common/config.hpp"
#include "common/refusal.hpp"
#include "common/stop.hpp"
#include "common/text.hpp"
#include "env_file.hpp"

#include <asio.hpp>
#include <cerrno>
#include <cstdlib>
#include <exception>
#include <iostream>
#include <map>
#include <string>
#include <string_view>
#include <vector>

using asio::ip::tcp;

struct Setting {
    std::string name, value;
    std::string written; // how its place spells the name: "PORT", "--port", "production.env:3: PORT"
    std::string origin;  // the place itself
};

std::vector<Setting> from_command_line(int argc, char** argv) {
    const std::string allowed = "use --host ADDRESS and --port NUMBER";
    std::vector<Setting> found;
    for (int i = 1; i < argc; i += 2) {
        const std::string option = argv[i];
        if (option != "--host" && option != "--port")
            throw common::ConfigError{"unknown option " + common::quoted(option) + ": " + allowed};
        if (i + 1 == argc)
            throw common::ConfigError{option + " comes without its value: " + allowed};
        found.push_back({option == "--host" ? "HOST" : "PORT", argv[i + 1], option, "the option " + option});
    }
    return found;
}

std::vector<Setting> from_environment() {
    std::vector<Setting> found;
    for (const std::string name : {"HOST", "PORT"})
        if (const char* const value = std::getenv(name.c_str())) // null when unset; "" when set and empty
            found.push_back({name, value, name, "the environment variable " + name});
    return found;
}

std::vector<Setting> from_file() {
    std::vector<Setting> found;
    if (const char* const path = std::getenv("CONFIG_FILE"))
        for (const EnvLine& line : read_env_file(path)) {
            const std::string place = common::shown(path) + ":" + std::to_string(line.number);
            if (line.name != "HOST" && line.name != "PORT")
                throw common::ConfigError{place + ": unknown name " + common::shown(line.name) +
                                          ": use HOST and PORT, and nothing besides"};
            found.push_back({line.name, line.value, place + ": " + line.name, place});
        }
    return found;
}

int main(int argc, char** argv) {
    if (argc == 2 && argv[1] == std::string_view{"--help"}) {
        std::cout << "usage: env_config [--host ADDRESS] [--port NUMBER]\n";
        return EXIT_SUCCESS;
    }
    tcp::endpoint endpoint;
    try {
        std::map<std::string, Setting> settings;
        const std::vector<Setting> defaults{{"HOST", "127.0.0.1", "HOST", "the default"},
                                            {"PORT", "8080", "PORT", "the default"}};
        for (const auto& source : {defaults, from_file(), from_environment(), from_command_line(argc, argv)})
            for (const Setting& setting : source) {
                if (setting.name == "HOST")
                    common::parse_host(setting.written, setting.value);
                else
                    common::parse_port(setting.written, setting.value);
                settings[setting.name] = setting; // a later source wins
            }
        for (const auto& [name, setting] : settings)
            std::cout << name << ' ' << setting.value << ", from " << setting.origin << '\n';

        endpoint = {asio::ip::make_address(settings["HOST"].value), common::parse_port("PORT", settings["PORT"].value)};
        common::Stop stop;
        asio::io_context io;
        tcp::acceptor acceptor{io};
        acceptor.open(endpoint.protocol());
        acceptor.bind(endpoint);
        acceptor.listen();
        std::cout << "listening on " << acceptor.local_endpoint() << std::endl;
        stop.wait();
    } catch (const common::ConfigError& error) {
        std::cerr << "env_config: " << error.what() << '\n';
        return common::exit_config;
    } catch (const asio::system_error& error) { // what() begins with the call: "bind: Address already in use"
        std::cerr << "env_config: " << endpoint << ": " << error.what() << ": "
                  << common::why_refused(common::Protocol::tcp, endpoint, error.code()) << '\n';
        return EXIT_FAILURE;
    } catch (const std::exception& error) {
        std::cerr << "env_config: " << error.what() << '\n';
        return EXIT_FAILURE;
    }
}
