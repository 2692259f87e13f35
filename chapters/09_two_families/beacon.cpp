// One UDP socket for both families: it says who asks, and answers each where it asked from.
#include "common/config.hpp"
#include "common/stop.hpp"

#include <array>
#include <asio.hpp>
#include <cstdlib>
#include <exception>
#include <iostream>
#include <string>

using asio::ip::udp;

int main() {
    try {
        const udp::endpoint wanted{udp::v6(), common::port_from_environment("PORT", 8080)};
        common::Stop stop;
        asio::io_context io;
        udp::socket socket{io, udp::v6()};
        socket.set_option(asio::ip::v6_only{false});
        socket.bind(wanted);
        std::cout << "waiting at " << socket.local_endpoint() << std::endl;

        while (stop.wait_readable(socket.native_handle())) {
            std::array<char, 512> question;
            udp::endpoint peer;
            socket.receive_from(asio::buffer(question), peer);
            std::cout << peer << " asks" << std::endl;
            asio::error_code gone;
            socket.send_to(asio::buffer(std::string{"5.2 degrees\n"}), peer, 0, gone);
        }
    } catch (const common::ConfigError& error) {
        std::cerr << "beacon: " << error.what() << '\n';
        return common::exit_config;
    } catch (const std::exception& error) {
        std::cerr << "beacon: " << error.what() << '\n';
        return EXIT_FAILURE;
    }
}
