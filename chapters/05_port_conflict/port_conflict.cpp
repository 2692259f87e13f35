// A port has one holder unless both sides agree to share it: a second bind, or a second listen, is refused.
//
// Six scenes that people meet. Its partner, conflict_matrix, measures every combination.
#include "common/config.hpp"
#include "common/refusal.hpp"
#include "common/socket_table.hpp"
#include "common/stop.hpp"

#include <array>
#include <asio.hpp>
#include <cerrno>
#include <cstdlib>
#include <exception>
#include <iostream>
#include <string>
#include <sys/socket.h>

using asio::ip::tcp;
using reuse_address = tcp::acceptor::reuse_address;

const tcp::endpoint any_port{asio::ip::address_v4::loopback(), 0}; // the kernel chooses
constexpr int backlog = tcp::acceptor::max_listen_connections;

void answer(const std::string& what, const asio::error_code& error) {
    std::cout << "   " << what << ": " << (error ? error.message() : "OK") << '\n';
}

void set_reuse_port(tcp::acceptor& socket) { // Asio has no name of its own for SO_REUSEPORT
    const int on = 1;
    if (::setsockopt(socket.native_handle(), SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) != 0)
        throw asio::system_error{{errno, asio::system_category()}, "setsockopt"};
}

void restart(asio::io_context& io, bool old_reuses, bool new_reuses) {
    tcp::acceptor old_server{io, tcp::v4()}, new_server{io, tcp::v4()}; // socket(2) alone: no port yet
    old_server.set_option(reuse_address{old_reuses});
    old_server.bind(any_port);
    old_server.listen();
    const tcp::endpoint address = old_server.local_endpoint();
    tcp::socket client{io};
    client.connect(address);
    tcp::socket accepted = old_server.accept();
    old_server.close();
    accepted.close(); // the side that closes first keeps the port, to catch late packets
    std::array<char, 1> nothing;
    asio::error_code error;
    client.read_some(asio::buffer(nothing), error); // the end
    client.shutdown(tcp::socket::shutdown_send);
    client.wait(tcp::socket::wait_error); // until the kernel has acknowledged this end, too

    std::cout << "   old server " << (old_reuses ? "with" : "without") << " SO_REUSEADDR, gone; the kernel has";
    for (const common::SocketRow& row : common::kernel_sockets(common::Protocol::tcp))
        if (row.local.port == address.port())
            std::cout << ' ' << row.state << ' ' << to_string(row.local);
    std::cout << '\n';
    new_server.set_option(reuse_address{new_reuses});
    new_server.bind(address, error);
    answer(std::string{"  new server "} + (new_reuses ? "with" : "without") + " it, bind", error);
}

int main() {
    try {
        common::Stop stop;
        asio::io_context io;
        asio::error_code error;
        const tcp::endpoint wanted{any_port.address(), common::port_from_environment("PORT", 0)};
        tcp::acceptor holder{io, tcp::v4()};
        holder.bind(wanted, error);
        if (error) {
            std::cerr << "port_conflict: bind " << wanted << ": " << error.message() << ":\n"
                      << common::why_refused(common::Protocol::tcp, wanted, error, {.host = ""}) << '\n';
            return EXIT_FAILURE;
        }
        holder.listen();
        const tcp::endpoint address = holder.local_endpoint();
        std::cout << "listening on " << address << std::endl;

        std::cout << "1. Two sockets, one address\n";
        tcp::acceptor second{io, tcp::v4()};
        second.bind(address, error);
        answer("second bind", error);
        std::cout << "   " << common::why_refused(common::Protocol::tcp, address, error, {.host = "", .port = ""})
                  << '\n';

        std::cout << "2. One port, other addresses\n";
        second.bind({asio::ip::address_v4::any(), address.port()}, error); // every address: 127.0.0.1 is one
        answer("bind 0.0.0.0", error);
        second.bind({asio::ip::make_address_v4("127.0.0.2"), address.port()}, error);
        answer("bind 127.0.0.2", error);

        std::cout << "3. A server that closed its connection first is started again\n";
        restart(io, false, true); // the option on the new socket alone does not help
        restart(io, true, false);
        restart(io, true, true);

        std::cout << "4. SO_REUSEADDR on both, neither listens: the conflict moves to listen\n";
        tcp::acceptor one{io, tcp::v4()}, other{io, tcp::v4()};
        one.set_option(reuse_address{true});
        other.set_option(reuse_address{true});
        one.bind(any_port);
        other.bind(one.local_endpoint(), error);
        answer("second bind", error);
        one.listen(backlog, error);
        answer("first listen", error);
        other.listen(backlog, error);
        answer("second listen", error);

        std::cout << "5. SO_REUSEPORT on both: both listen, and the kernel deals the clients out\n";
        tcp::acceptor left{io, tcp::v4()}, right{io, tcp::v4()};
        set_reuse_port(left);
        set_reuse_port(right);
        left.bind(any_port);
        left.listen();
        right.bind(left.local_endpoint(), error);
        answer("second bind", error);
        right.listen(backlog, error);
        answer("second listen", error);

        std::cout << "6. Remedies\n";
        tcp::acceptor elsewhere{io, tcp::v4()}, heir{io, tcp::v4()};
        elsewhere.bind(any_port);
        std::cout << "   port 0: the kernel chose " << elsewhere.local_endpoint() << '\n';
        const tcp::endpoint inheritance = elsewhere.local_endpoint();
        elsewhere.close(); // stop the holder: with no connection left over, the port is free at once
        heir.bind(inheritance, error);
        answer("that socket closed, bind its address", error);

        std::cout << "Holding " << address << ": try PORT=" << address.port()
                  << " in a second terminal. Press Enter to end." << std::endl;
        stop.wait();
    } catch (const common::ConfigError& error) {
        std::cerr << "port_conflict: " << error.what() << '\n';
        return common::exit_config;
    } catch (const std::exception& error) {
        std::cerr << "port_conflict: " << error.what() << '\n';
        return EXIT_FAILURE;
    }
}
