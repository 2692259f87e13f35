// Web, mail and a beacon in one thread: each client has a coroutine, and each waits only for itself.
#include "common/config.hpp"
#include "common/stop.hpp"
#include "loops.hpp"
#include "mail.hpp"
#include "web.hpp"

#include <asio.hpp>
#include <exception>
#include <iostream>
#include <string>
#include <thread>

using asio::ip::tcp;
using asio::ip::udp;

void listen_at(tcp::acceptor& acceptor, const tcp::endpoint& wanted) {
    acceptor.open(wanted.protocol());
    acceptor.set_option(tcp::acceptor::reuse_address{true});
    acceptor.bind(wanted);
    acceptor.listen();
}

int main() {
    std::string service = "web"; // the one that is being set up
    try {
        const auto host = asio::ip::make_address(common::address_from_environment("HOST", "127.0.0.1"));
        const auto web_port = common::port_from_environment("WEB_PORT", 8080);
        const auto mail_port = common::port_from_environment("MAIL_PORT", 2525);

        common::Stop stop;
        asio::io_context io;
        tcp::acceptor web{io}, mail{io};
        listen_at(web, {host, web_port});
        service = "mail";
        listen_at(mail, {host, mail_port});
        service = "beacon";
        const udp::endpoint same_number{host, web.local_endpoint().port()};
        udp::socket beacon{io};
        beacon.open(same_number.protocol());
        beacon.bind(same_number);
        std::cout << "web: listening on " << web.local_endpoint() << "\nmail: listening on " << mail.local_endpoint()
                  << "\nbeacon: bound to " << beacon.local_endpoint() << std::endl;

        co_spawn(io, serve_each(web, serve_web), asio::detached);
        co_spawn(io, serve_each(mail, serve_mail), asio::detached);
        co_spawn(io, answer_each(beacon), asio::detached);
        std::thread services{[&] { io.run(); }};
        stop.wait();
        io.stop();
        services.join();
    } catch (const common::ConfigError& error) {
        std::cerr << "many_services: " << error.what() << '\n';
        return common::exit_config; // 78
    } catch (const std::exception& error) {
        std::cerr << "many_services: " << service << ": " << error.what() << '\n';
        return EXIT_FAILURE;
    }
}
