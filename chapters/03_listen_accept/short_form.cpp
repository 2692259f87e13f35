// Asio's one-line listener makes four calls, and one of them sets an option that nobody asked for.
#include "common/stop.hpp"

#include <asio.hpp>
#include <iostream>

using asio::ip::tcp;

void report(const char* which, const tcp::acceptor& acceptor) {
    tcp::acceptor::reuse_address reuses;
    acceptor.get_option(reuses); // getsockopt(2)
    std::cout << which << ": SO_REUSEADDR is " << (reuses.value() ? "on" : "off") << std::endl;
}

int main() {
    common::Stop stop;
    asio::io_context io;

    tcp::acceptor in_steps{io};
    in_steps.open(tcp::v4());
    in_steps.bind({asio::ip::address_v4::loopback(), 0});
    in_steps.listen();
    report("in steps", in_steps);

    tcp::acceptor at_once{io, {asio::ip::address_v4::loopback(), 0}};
    report("at once", at_once);
    stop.wait();
}
