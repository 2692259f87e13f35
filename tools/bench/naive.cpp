// An exercise as it is usually graded: the answer and its test in one translation unit, with all of Asio and Catch2.
#include <asio.hpp>
#include <catch2/catch_test_macros.hpp>

using asio::ip::tcp;

TEST_CASE("an acceptor gets a port of loopback that the kernel chooses") {
    asio::io_context context;
    tcp::acceptor acceptor{context};
    acceptor.open(tcp::v4());
    acceptor.bind({asio::ip::address_v4::loopback(), 0});
    acceptor.listen();
    tcp::socket client{context};
    client.connect(acceptor.local_endpoint());
    CHECK(acceptor.accept().remote_endpoint() == client.local_endpoint());
}
