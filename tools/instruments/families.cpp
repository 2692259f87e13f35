// Five listeners, each called by three clients: who gets in, and with which address? Measured, as a table.
#include "common/socket_table.hpp"

#include <algorithm>
#include <asio.hpp>
#include <cstdlib>
#include <exception>
#include <iostream>
#include <optional>
#include <stdexcept>
#include <string>
#include <tuple>
#include <vector>

using asio::ip::tcp;

// The listening socket as `ss` writes it.
std::string as_ss_writes_it(const tcp::endpoint& local) {
    const common::Address address{local.address().to_string(), local.port()};
    const auto rows = common::kernel_sockets(common::Protocol::tcp);
    const auto row = std::find_if(rows.begin(), rows.end(),
                                  [&](const auto& each) { return each.local == address && each.state == "LISTEN"; });
    if (row == rows.end())
        throw std::runtime_error{"the kernel's table does not have the listener"};
    const std::string end = common::local_end(*row);
    return end.substr(0, end.rfind(':')) + ":PORT";
}

// The client calls the addresses in turn until it gets in. How the listener sees it; nothing: refused each time.
std::optional<std::string> call(tcp::acceptor& listener, const std::vector<const char*>& addresses) {
    for (const char* const address : addresses) {
        tcp::socket client{listener.get_executor()};
        asio::error_code error;
        client.connect({asio::ip::make_address(address), listener.local_endpoint().port()}, error);
        if (!error) {
            tcp::endpoint peer;
            listener.accept(peer);
            return peer.address().to_string();
        }
        if (error != asio::error::connection_refused)
            throw asio::system_error{error, "connect"};
    }
    return std::nullopt;
}

int main() {
    try {
        asio::io_context io;
        std::cout
            << "| the server listens on | `ss` writes | who calls `127.0.0.1` is | who calls `::1` is | who tries "
               "`::1`, then `127.0.0.1`, is |\n|---|---|---|---|---|\n";
        for (const auto& [address, v6_only, name] : {std::tuple{"127.0.0.1", false, "127.0.0.1"},
                                                     {"0.0.0.0", false, "0.0.0.0"},
                                                     {"::1", false, "[::1]"},
                                                     {"::", false, "[::]"},
                                                     {"::", true, "[::]` with `v6_only"}}) {
            const tcp::endpoint wanted{asio::ip::make_address(address), 0};
            tcp::acceptor listener{io, wanted.protocol()};
            if (wanted.address().is_v6())
                listener.set_option(asio::ip::v6_only{v6_only});
            listener.bind(wanted);
            listener.listen();
            std::cout << "| `" << name << "` | `" << as_ss_writes_it(listener.local_endpoint()) << "` |";
            for (const auto& addresses :
                 std::vector<std::vector<const char*>>{{"127.0.0.1"}, {"::1"}, {"::1", "127.0.0.1"}}) {
                const auto seen = call(listener, addresses);
                std::cout << (seen ? " `" + *seen + "` |" : " refused |");
            }
            std::cout << '\n';
        }
    } catch (const std::exception& error) {
        std::cerr << "families: " << error.what() << '\n';
        return EXIT_FAILURE;
    }
}
