// Echo both: one number, two services. What comes over TCP goes back as lines, what comes over UDP as datagrams.
#include "common/config.hpp"
#include "common/stop.hpp"
#include "exercises/begin_here.hpp"

#include <array>
#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/ip/udp.hpp>
#include <asio/read_until.hpp>
#include <asio/steady_timer.hpp>
#include <asio/write.hpp>
#include <chrono>
#include <iostream>
#include <memory>
#include <string>
#include <thread>

using asio::ip::tcp;
using asio::ip::udp;

int main() {
    begin_here(); // Delete this line and write your program.
    try {
        // The number: common::port_from_environment("PORT", 0)
    } catch (const common::ConfigError& error) {
        std::cerr << "echo_both: " << error.what() << '\n';
        return common::exit_config;
    } catch (const std::exception& error) {
        std::cerr << "echo_both: " << error.what() << '\n';
        return EXIT_FAILURE;
    }
}
