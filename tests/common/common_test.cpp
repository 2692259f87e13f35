#include "common/config.hpp"
#include "common/refusal.hpp"
#include "common/socket_table.hpp"
#include "common/text.hpp"
#include "tools/harness/client.hpp"
#include "tools/harness/process.hpp"

#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/matchers/catch_matchers_exception.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <cstdlib>
#include <unistd.h>

using namespace support;
using common::Protocol;

TEST_CASE("a port is decimal digits alone, from 0 to 65535") {
    CHECK(common::parse_port("PORT", "0") == 0);
    CHECK(common::parse_port("PORT", "80") == 80);
    CHECK(common::parse_port("PORT", "0080") == 80);
    CHECK(common::parse_port("PORT", "65535") == 65535);
}

TEST_CASE("a number is decimal digits alone, within its limits") {
    CHECK(common::parse_number("--count", "1", 1, 100) == 1);
    CHECK(common::parse_number("--count", "0100", 1, 100) == 100);
    CHECK(common::parse_number("SIZE", "18446744073709551615", 0, ~0ULL) == ~0ULL);
    const std::string text = GENERATE("0", "101", "18446744073709551617", "", "1 ", "+1", "-1", "1e1", "0x1", "one");
    CAPTURE(text);
    CHECK_THROWS_MATCHES(
        common::parse_number("--count", text, 1, 100), common::ConfigError,
        Catch::Matchers::Message("--count=\"" + text + "\" is not a whole number from 1 to 100 in decimal digits"));
}

TEST_CASE("anything else is refused with the setting, the value and what is allowed") {
    const std::string text = GENERATE("", "80abc", " 8080", "8080 ", "+80", "-1", "65536", "70000", "0x50", "8e3",
                                      "99999999999999999999", "http");
    CAPTURE(text);
    CHECK_THROWS_MATCHES(
        common::parse_port("PORT", text), common::ConfigError,
        Catch::Matchers::Message("PORT=\"" + text +
                                 "\" is not a port: use a whole number from 0 to 65535 (0 lets the system choose)"));
}

TEST_CASE("text from outside reaches a terminal escaped, and cut to a length") {
    using namespace std::string_literals;
    CHECK(common::shown("8080 is Größe 日本 👍") == "8080 is Größe 日本 👍");
    CHECK(common::shown("a\nb\rc\td\0\x1b[31m\x7f"s) == "a\\nb\\rc\\td\\x00\\x1b[31m\\x7f");
    CHECK(common::shown("\u0085\u009b\u00a0\u00ad\u061c\u200b\u202e\u2066\ufeff\U000e0041") ==
          "\\u0085\\u009b\\u00a0\\u00ad\\u061c\\u200b\\u202e\\u2066\\ufeff\\U000e0041");
    CHECK(common::shown(
              "\xff \xc0\xaf \xed\xa0\x80 \xf4\x90\x80\x80 \xe2\x82") == // overlong, surrogate, too big, cut off
          R"(\xff \xc0\xaf \xed\xa0\x80 \xf4\x90\x80\x80 \xe2\x82)");
    CHECK(common::shown(R"(\x1b "C:\env")") == R"(\\x1b "C:\\env")"); // not to be mistaken for an escape
    CHECK(common::quoted("80\"\r") == R"("80\"\r")");
    CHECK(common::shown(std::string(100, 'a')) == std::string(100, 'a'));
    CHECK(common::quoted(std::string(100'000, 'a'), 5) == "\"aaaaa\"... (100000 bytes)");
    CHECK(common::shown("ab\x1b\x1b", 9) == "ab\\x1b... (4 bytes)"); // no escape is cut in two
    CHECK(common::shown("").empty());
}

TEST_CASE("what is no port is shown in full, whatever is in it") {
    CHECK_THROWS_MATCHES(
        common::parse_port("PORT", "8080\r"), common::ConfigError,
        Catch::Matchers::Message(
            R"(PORT="8080\r" is not a port: use a whole number from 0 to 65535 (0 lets the system choose))"));
    CHECK_THROWS_MATCHES(common::parse_address("HOST", "\u202e::1"), common::ConfigError,
                         Catch::Matchers::Message(
                             R"(HOST="\u202e::1" is not an IP address: use one such as 127.0.0.1 or ::1 (0.0.0.0 is )"
                             "every IPv4 address of this machine)"));
}

TEST_CASE("a variable that is not set gives the fallback, and an empty one is an error") {
    ::unsetenv("PORTLAB_TEST_PORT");
    CHECK(common::port_from_environment("PORTLAB_TEST_PORT", 8080) == 8080);
    ::setenv("PORTLAB_TEST_PORT", "0", 1);
    CHECK(common::port_from_environment("PORTLAB_TEST_PORT", 8080) == 0);
    ::setenv("PORTLAB_TEST_PORT", "", 1);
    CHECK_THROWS_AS(common::port_from_environment("PORTLAB_TEST_PORT", 8080), common::ConfigError);
}

TEST_CASE("a number that is not set gives the fallback, and one that is empty or outside of the limits is an error") {
    ::unsetenv("PORTLAB_TEST_NUMBER");
    CHECK(common::number_from_environment("PORTLAB_TEST_NUMBER", 4, 0, 60) == 4);
    ::setenv("PORTLAB_TEST_NUMBER", "60", 1);
    CHECK(common::number_from_environment("PORTLAB_TEST_NUMBER", 4, 0, 60) == 60);
    for (const char* const text : {"", "61", "-1", "4s"}) {
        ::setenv("PORTLAB_TEST_NUMBER", text, 1);
        CHECK_THROWS_AS(common::number_from_environment("PORTLAB_TEST_NUMBER", 4, 0, 60), common::ConfigError);
    }
}

TEST_CASE("an address is numeric, IPv4 or IPv6, and nothing besides") {
    const std::string good = GENERATE("127.0.0.1", "0.0.0.0", "::", "::1", "::ffff:127.0.0.1");
    CHECK(common::parse_address("HOST", good) == good);
    const std::string bad = GENERATE(as<std::string>{}, "", "localhost", "127.1", "127.0.0.01", "127.0.0.256",
                                     "127.0.0.1:80", " ::1", "::1 ", "[::1]", "::1%lo", "0x7f.0.0.1", "2130706433");
    CAPTURE(bad);
    CHECK_THROWS_MATCHES(
        common::parse_address("HOST", bad), common::ConfigError,
        Catch::Matchers::Message("HOST=\"" + bad +
                                 "\" is not an IP address: use one such as 127.0.0.1 or ::1 (0.0.0.0 is "
                                 "every IPv4 address of this machine)"));
}

TEST_CASE("a link-local address may name its interface, which must be there") {
    CHECK(common::parse_address("HOST", "fe80::1%lo") == "fe80::1%lo");
    CHECK(common::parse_address("HOST", "fe80::1") == "fe80::1");
    for (const std::string none : {"fe80::1%", "fe80::1%no_such", "fe80::1%0", "fe80::1%lo ", "fe80::1%999999"})
        CHECK_THROWS_MATCHES(common::parse_address("HOST", none), common::ConfigError,
                             Catch::Matchers::Message("HOST=\"" + none +
                                                      "\" names an interface that this machine does "
                                                      "not have; `ip link` lists them"));
}

TEST_CASE("nobody can listen at a multicast or broadcast address, nor at a link-local one of an unknown interface") {
    const std::string good = GENERATE("127.0.0.1", "0.0.0.0", "::", "::1", "::ffff:127.0.0.1", "fe80::1%lo");
    CHECK(common::parse_host("HOST", good) == good);
    const auto [bad, why] = GENERATE(table<std::string, std::string>({
        {"224.0.0.1", "is a multicast address"},
        {"239.255.255.250", "is a multicast address"},
        {"::ffff:224.0.0.1", "is a multicast address"},
        {"ff02::1", "is a multicast address"},
        {"255.255.255.255", "is a broadcast address"},
        {"127.255.255.255", "is a broadcast address"},
        {"fe80::1", "is a link-local address, which needs the name of its interface: use one such as fe80::1%eth0"},
        {"localhost", "is not an IP address"},
    }));
    CHECK_THROWS_MATCHES(common::parse_host("HOST", bad), common::ConfigError,
                         Catch::Matchers::MessageMatches(Catch::Matchers::StartsWith("HOST=\"" + bad + "\" " + why)));
}

TEST_CASE("a NUL does not end an address early") {
    using namespace std::string_literals;
    CHECK_THROWS_AS(common::parse_address("HOST", "127.0.0.1\0"s), common::ConfigError);
}

TEST_CASE("an address comes from the variable, and from the fallback only where that is not set") {
    ::unsetenv("PORTLAB_TEST_HOST");
    CHECK(common::address_from_environment("PORTLAB_TEST_HOST", "127.0.0.1") == "127.0.0.1");
    ::setenv("PORTLAB_TEST_HOST", "::1", 1);
    CHECK(common::address_from_environment("PORTLAB_TEST_HOST", "127.0.0.1") == "::1");
    ::setenv("PORTLAB_TEST_HOST", "", 1);
    CHECK_THROWS_AS(common::address_from_environment("PORTLAB_TEST_HOST", "127.0.0.1"), common::ConfigError);
}

#ifdef __linux__
namespace {

// A port of ours may also be one end of somebody's older connection, which is in TIME-WAIT: hence the peer.
common::SocketRow row_of(Protocol protocol, const Address& local, const Address& peer = {"0.0.0.0", 0}) {
    const auto rows = common::kernel_sockets(protocol);
    const auto row =
        std::find_if(rows.begin(), rows.end(), [&](const auto& r) { return r.local == local && r.peer == peer; });
    INFO("looking for " << common::to_string(local) << " among " << rows.size() << " sockets");
    REQUIRE(row != rows.end());
    return *row;
}

} // namespace

TEST_CASE("the socket table shows a listener, both ends of a connection and a UDP socket, with their holder") {
    const Client listener = listening_socket("127.0.0.1");
    const Client client = connect_to(listener.local());
    const Client datagrams = udp_socket("127.0.0.1");

    const auto listening = row_of(Protocol::tcp, listener.local());
    CHECK(listening.state == "LISTEN");
    const auto connected = row_of(Protocol::tcp, client.local(), listener.local());
    CHECK(connected.state == "ESTAB");
    CHECK(row_of(Protocol::udp, datagrams.local()).state == "UNCONN");

    for (const auto& row : {listening, connected}) {
        const auto holder = common::holder_of(row);
        REQUIRE(holder);
        CHECK(holder->pid == ::getpid());
        CHECK(holder->command == "common_test");
    }
}

TEST_CASE("one connection is found by its two ends, in the state that the kernel has it in") {
    const Client listener = listening_socket("127.0.0.1");
    Client client = connect_to(listener.local());
    const Address server = listener.local(), source = client.local();
    const auto connected = common::kernel_socket(Protocol::tcp, source, server);
    REQUIRE(connected);
    CHECK(connected->state == "ESTAB");
    CHECK(connected->local == source);
    CHECK_FALSE(common::kernel_socket(Protocol::tcp, server, {"127.0.0.2", 1}));
}

TEST_CASE("the socket table shows what waits: connections for accept, and bytes to be read") {
    const Client listener = listening_socket("127.0.0.1", 0, 7);
    Client client = connect_to(listener.local());
    client.send("early");
    const auto accepted = [&] {
        for (const auto& row : common::kernel_sockets(Protocol::tcp))
            if (row.local == listener.local() && row.peer == client.local())
                return row;
        return common::SocketRow{};
    };
    CHECK(eventually([&] { return accepted().received == 5; }));
    CHECK(row_of(Protocol::tcp, listener.local()).received == 1);
    CHECK(row_of(Protocol::tcp, listener.local()).sent == 7);
}

TEST_CASE("the socket table shows a TCP socket that is bound and does not listen") {
    const Client bound = bound_socket("127.0.0.1");
    const auto rows = common::kernel_sockets(Protocol::tcp);
    const auto row = std::find_if(rows.begin(), rows.end(), [&](const auto& r) { return r.local == bound.local(); });
    if (row == rows.end())
        SKIP("needs Linux 6.8, whose sock_diag reports such sockets");
    CHECK(row->state == "BOUND");
    REQUIRE(common::holder_of(*row));
    CHECK(common::holder_of(*row)->pid == ::getpid());
}
#endif

TEST_CASE("an address is written with its port, IPv6 in brackets") {
    CHECK(common::to_string({"127.0.0.1", 8080}) == "127.0.0.1:8080");
    CHECK(common::to_string({"::1", 80}) == "[::1]:80");
}
