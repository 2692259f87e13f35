// The list of callers: lets in, over either family, whose address is in ALLOW.
#include "common/config.hpp"
#include "common/stop.hpp"
#include "exercises/begin_here.hpp"

#include <algorithm>
#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/ip/v6_only.hpp>
#include <asio/write.hpp>
#include <cstdlib>
#include <iostream>
#include <sstream>
#include <string>
#include <vector>

using asio::ip::tcp;

std::vector<std::string> permitted() {
    std::vector<std::string> result;
    const char* const list = std::getenv("ALLOW");
    std::istringstream entries{list ? list : ""};
    for (std::string entry; std::getline(entries, entry, ',');)
        result.push_back(common::parse_address("ALLOW", entry));
    return result;
}

int main() {
    begin_here(); // Delete this line and repair the program.
    try {
        const auto list = permitted();
        const std::string host = common::address_from_environment("HOST", "::");
        const tcp::endpoint address{asio::ip::make_address(host), common::port_from_environment("PORT", 0)};
        common::Stop stop;
        asio::io_context context;
        tcp::acceptor acceptor{context};
        acceptor.open(address.protocol());
        acceptor.bind(address);
        acceptor.listen();
        std::cout << "listening on " << acceptor.local_endpoint() << std::endl;

        while (stop.wait_readable(acceptor.native_handle())) {
            tcp::endpoint peer;
            tcp::socket client = acceptor.accept(peer);
            asio::error_code gone; // a caller that has left already does not stop the server
            if (std::find(list.begin(), list.end(), peer.address().to_string()) != list.end())
                asio::write(client, asio::buffer(std::string{"welcome\n"}), gone);
        }
    } catch (const common::ConfigError& error) {
        std::cerr << "list_of_callers: " << error.what() << '\n';
        return common::exit_config;
    } catch (const std::exception& error) {
        std::cerr << "list_of_callers: " << error.what() << '\n';
        return EXIT_FAILURE;
    }
}
