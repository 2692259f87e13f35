// Lets an exception out of main.
// Expects: wrong, 0 points
// Seen: it ended with status 134: killed by signal 6
#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>

int main() {
    asio::io_context context;
    asio::ip::tcp::acceptor acceptor{context, {asio::ip::make_address("192.0.2.77"), 0}};
}
