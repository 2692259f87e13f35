// One thread waits for two sockets at once: poll tells which of them has something.
#include "common/stop.hpp"

#include <array>
#include <asio.hpp>
#include <iostream>
#include <poll.h>
#include <string>

using asio::ip::tcp;
using asio::ip::udp;

int main() {
    common::Stop stop;
    asio::io_context io;
    tcp::acceptor web{io};
    web.open(tcp::v4());
    web.set_option(tcp::acceptor::reuse_address{true});
    web.bind({asio::ip::address_v4::loopback(), 8080});
    web.listen();

    udp::socket beacon{io};
    beacon.open(udp::v4());
    beacon.bind({asio::ip::address_v4::loopback(), 8080});
    std::cout << "web: listening on " << web.local_endpoint() << '\n'
              << "beacon: bound to " << beacon.local_endpoint() << std::endl;

    std::array<pollfd, 2> sockets{{{web.native_handle(), POLLIN, 0}, {beacon.native_handle(), POLLIN, 0}}};
    while (stop.poll(sockets)) { // poll(2); false when the program is asked to stop
        asio::error_code gone;
        if (sockets[0].revents != 0) {
            tcp::socket client = web.accept();
            std::string request;
            asio::read_until(client, asio::dynamic_buffer(request, 8192), "\r\n\r\n", gone);
            const std::string page = "HTTP/1.0 200 OK\r\n\r\n21.5 degrees\n";
            asio::write(client, asio::buffer(page), gone);
        }
        if (sockets[1].revents != 0) {
            std::array<char, 1500> question;
            udp::endpoint sender;
            beacon.receive_from(asio::buffer(question), sender);
            const std::string answer = "21.5 degrees\n";
            beacon.send_to(asio::buffer(answer), sender, 0, gone);
        }
    }
}
