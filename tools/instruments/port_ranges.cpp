// Which ports an ordinary program may bind, and which the kernel chooses by itself: both measured, as a table.
//
// The names of the ranges are IANA's (RFC 6335). A range ends where a name, the right to bind or the setting ends.
#include <asio.hpp>
#include <cstdint>
#include <cstdlib>
#include <exception>
#include <fstream>
#include <iostream>
#include <iterator>
#include <set>
#include <stdexcept>
#include <vector>

using asio::ip::tcp;

constexpr unsigned end_of_ports = 65536;
constexpr unsigned samples = 4000;

const char* name_of(unsigned port) {
    return port < 1024 ? "well-known (system)" : port < 49152 ? "registered (user)" : "dynamic (private)";
}

// True when the kernel denies the port for want of privilege. That somebody else has it is another matter.
bool is_denied(asio::io_context& io, unsigned port) {
    tcp::socket socket{io, tcp::v4()};
    asio::error_code error;
    socket.bind({asio::ip::address_v4::loopback(), static_cast<std::uint16_t>(port)}, error);
    if (error && error != asio::error::access_denied && error != asio::error::address_in_use)
        throw asio::system_error{error, "bind"};
    return error == asio::error::access_denied;
}

unsigned kernels_choice(asio::io_context& io) {
    tcp::socket socket{io, tcp::v4()};
    socket.bind({asio::ip::address_v4::loopback(), 0});
    return socket.local_endpoint().port();
}

int main() {
    try {
        asio::io_context io;
        std::set<unsigned> starts{1, 1024, 49152};

        unsigned first = 0, last = 0;
        if (std::ifstream setting{"/proc/sys/net/ipv4/ip_local_port_range"}; !(setting >> first >> last))
            throw std::runtime_error{"the range that the system chooses from cannot be read here"};
        starts.insert({first, last + 1});

        std::vector<bool> denied(end_of_ports);
        for (unsigned port = 1; port < end_of_ports; ++port) {
            denied[port] = is_denied(io, port);
            if (port > 1 && denied[port] != denied[port - 1])
                starts.insert(port);
        }
        starts.insert(end_of_ports);

        std::vector<bool> chosen(end_of_ports);
        for (unsigned i = 0; i < samples; ++i)
            chosen[kernels_choice(io)] = true;

        std::cout << "| ports | IANA's name | `bind` by an ordinary program | chosen for port 0 |\n|---|---|---|---|\n";
        for (auto start = starts.begin(); *start != end_of_ports; ++start) {
            const unsigned from = *start, to = *std::next(start) - 1;
            bool ever = false;
            for (unsigned port = from; port <= to; ++port)
                ever = ever || chosen[port];
            std::cout << "| " << from << "-" << to << " | " << name_of(from) << " | "
                      << (denied[from] ? "refused: EACCES" : "allowed") << " | " << (ever ? "yes" : "never") << " |\n";
        }
    } catch (const std::exception& error) {
        std::cerr << "port_ranges: " << error.what() << '\n';
        return EXIT_FAILURE;
    }
}
