// Two services that take turns: a page over TCP, and a beacon over UDP with the same number.
#include "common/stop.hpp"

#include <array>
#include <asio.hpp>
#include <iostream>
#include <string>

using asio::ip::tcp;
using asio::ip::udp;

int main() {
    common::Stop stop;
    asio::io_context io;
    tcp::acceptor web{io};
    web.open(tcp::v4());
    web.set_option(tcp::acceptor::reuse_address{true}); // the server closes first: see chapter 5
    web.bind({asio::ip::address_v4::loopback(), 8080});
    web.listen();

    udp::socket beacon{io};
    beacon.open(udp::v4());
    beacon.bind({asio::ip::address_v4::loopback(), 8080}); // 8080 of the other protocol
    std::cout << "web: listening on " << web.local_endpoint() << '\n'
              << "beacon: bound to " << beacon.local_endpoint() << std::endl;

    while (stop.wait_readable(web.native_handle())) { // first a client of the web,
        tcp::socket client = web.accept();
        std::string request;
        asio::error_code gone;
        asio::read_until(client, asio::dynamic_buffer(request, 8192), "\r\n\r\n", gone);
        const std::string page = "HTTP/1.0 200 OK\r\n\r\n21.5 degrees\n";
        asio::write(client, asio::buffer(page), gone);
        client.close();

        if (!stop.wait_readable(beacon.native_handle())) // then a datagram
            break;
        std::array<char, 1500> question;
        udp::endpoint sender;
        beacon.receive_from(asio::buffer(question), sender);
        const std::string answer = "21.5 degrees\n";
        beacon.send_to(asio::buffer(answer), sender, 0, gone);
    }
}
