#include "common/conflict.hpp"

#include "tools/harness/client.hpp"
#include "tools/harness/network.hpp"
#include "tools/harness/process.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/generators/catch_generators_range.hpp>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <net/if.h>
#include <netinet/in.h>
#include <optional>
#include <string>
#include <sys/socket.h>
#include <unistd.h>
#include <vector>

#ifdef __linux__
#include <sys/fsuid.h>

using namespace support;
using common::Blocks;
using common::Claim;
using common::Protocol;
using common::Verdict;
using State = common::Claim::State;

namespace {

struct Place {
    std::string ip;
    bool v6_only = false;
    std::string device{}; // SO_BINDTODEVICE
};
const std::vector<Place> places{{"0.0.0.0"},
                                {"127.0.0.1"},
                                {"::"},
                                {"::", true},
                                {"::1"},
                                {"::ffff:0.0.0.0"},
                                {"::ffff:127.0.0.1"},
                                {"0.0.0.0", false, "lo"},
                                {"::", false, "lo"}};

struct Options {
    bool reuse_address, reuse_port;
};
constexpr std::array<Options, 3> all_options{{{false, false}, {true, false}, {false, true}}};

struct Scene { // of the first socket
    Protocol protocol;
    State state;
};
constexpr std::array<Scene, 6> scenes{{{Protocol::tcp, State::bound},
                                       {Protocol::tcp, State::listening},
                                       {Protocol::tcp, State::connected},
                                       {Protocol::tcp, State::time_wait},
                                       {Protocol::udp, State::bound},
                                       {Protocol::udp, State::connected}}};

bool is_v6(const std::string& ip) { return ip.find(':') != ip.npos; }

Claim claim_of(Protocol protocol, const Place& place, const Options& options) {
    Claim claim{protocol, place.ip};
    claim.v6_only = place.v6_only;
    claim.interface = place.device.empty() ? 0 : ::if_nametoindex(place.device.c_str());
    claim.reuse_address = options.reuse_address;
    claim.reuse_port = options.reuse_port;
    return claim;
}

Client open_for(const Claim& claim, const std::string& device) {
    const int family = is_v6(claim.ip) ? AF_INET6 : AF_INET;
    Client socket{::socket(family, (claim.protocol == Protocol::tcp ? SOCK_STREAM : SOCK_DGRAM) | SOCK_CLOEXEC, 0)};
    const auto set = [&](int level, int option, int value) {
        REQUIRE(::setsockopt(socket.descriptor(), level, option, &value, sizeof value) == 0);
    };
    if (family == AF_INET6)
        set(IPPROTO_IPV6, IPV6_V6ONLY, claim.v6_only);
    set(SOL_SOCKET, SO_REUSEADDR, claim.reuse_address);
    set(SOL_SOCKET, SO_REUSEPORT, claim.reuse_port);
    if (!device.empty())
        REQUIRE(::setsockopt(socket.descriptor(), SOL_SOCKET, SO_BINDTODEVICE, device.data(),
                             static_cast<socklen_t>(device.size())) == 0);
    return socket;
}

int bind_to(const Client& socket, const std::string& ip, std::uint16_t port) {
    sockaddr_storage storage{};
    socklen_t size = sizeof(sockaddr_in);
    if (is_v6(ip)) {
        auto& v6 = reinterpret_cast<sockaddr_in6&>(storage);
        v6.sin6_family = AF_INET6;
        v6.sin6_port = htons(port);
        ::inet_pton(AF_INET6, ip.c_str(), &v6.sin6_addr);
        size = sizeof v6;
    } else {
        auto& v4 = reinterpret_cast<sockaddr_in&>(storage);
        v4.sin_family = AF_INET;
        v4.sin_port = htons(port);
        ::inet_pton(AF_INET, ip.c_str(), &v4.sin_addr);
    }
    return ::bind(socket.descriptor(), reinterpret_cast<const sockaddr*>(&storage), size) == 0 ? 0 : errno;
}

// An unshared bind to every address is given a port on which there is no socket at all.
std::uint16_t fresh_port(Protocol protocol) {
    return (protocol == Protocol::tcp ? bound_socket("::") : udp_socket("::")).local().port;
}

// A first socket in its scene, or what it has left.
class First {
  public:
    First(const Scene& scene, const Place& place, const Options& options, const std::string& called)
        : claim{claim_of(scene.protocol, place, options)},
          port{fresh_port(scene.protocol)},
          socket{open_for(claim, place.device)} {
        REQUIRE(bind_to(socket, place.ip, port) == 0);
        const bool has_a_connection = scene.state == State::connected || scene.state == State::time_wait;
        if (scene.protocol == Protocol::udp && has_a_connection) {
            client = udp_socket(is_v6(place.ip) && is_v6(called) ? "::1" : "127.0.0.1"); // a peer to be connected to
            return;
        }
        if (scene.protocol == Protocol::udp || scene.state == State::bound)
            return;
        REQUIRE(::listen(socket.descriptor(), 4) == 0);
        claim.state = State::listening;
        if (!has_a_connection)
            return;
        client = connect_to({called, port});
        REQUIRE(client.error() == 0);
        clients_end = client.local();
        accepted = socket.accept();
        const auto rows = common::kernel_sockets(Protocol::tcp); // which have the addresses as they are, mapped or not
        const auto row = std::ranges::find_if(rows, [this](const common::SocketRow& one) {
            return one.local.port == port && one.peer.port == clients_end.port;
        });
        REQUIRE(row != rows.end());
        socket.close();
        claim = left_in_time_wait(claim, row->local.ip);
        claim.state = scene.state;
        if (scene.state == State::connected)
            return;
        accepted.close();
        client.read_to_end();
        client.close();
        REQUIRE(eventually([&] {
            const auto left = common::kernel_socket(Protocol::tcp, row->local, row->peer);
            return left && left->state == "TIME-WAIT";
        }));
    }

    Claim claim;
    std::uint16_t port;
    Client socket, client{-1}, accepted{-1};
    Address clients_end{};

    ~First() { // a reset leaves nothing in TIME-WAIT
        const linger at_once{1, 0};
        ::setsockopt(client.descriptor(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
        client.close();
    }
    First(const First&) = delete;
};

// What a client may call to reach a server there.
std::vector<std::string> callable(const Place& server) {
    if (server.ip == "::")
        return server.v6_only ? std::vector<std::string>{"::1"} : std::vector<std::string>{"::1", "127.0.0.1"};
    const std::string ip = server.ip.starts_with("::ffff:") ? server.ip.substr(7) : server.ip;
    return {ip == "0.0.0.0" ? "127.0.0.1" : ip};
}

std::string in_words(const Claim& claim) {
    constexpr std::array<const char*, 4> states{"bound", "listening", "connected", "time_wait"};
    return claim.ip + (claim.v6_only ? " v6only" : "") + (claim.interface != 0 ? " on an interface" : "") +
           (claim.reuse_address ? " reuse_address" : "") + (claim.reuse_port ? " reuse_port" : "") + " user " +
           std::to_string(claim.user) + " " + states[static_cast<std::size_t>(claim.state)];
}

// What becomes of the second socket.
Verdict measured(First& first, const Claim& second, const std::string& device) {
    const Client other = open_for(second, device);
    if (const int error = bind_to(other, second.ip, first.port); error != 0) {
        REQUIRE(error == EADDRINUSE);
        return Verdict::refused_at_bind;
    }
    if (second.protocol == Protocol::udp)
        return Verdict::ok;
    REQUIRE(::listen(other.descriptor(), 4) == 0);
    if (first.claim.state != State::bound || ::listen(first.socket.descriptor(), 4) == 0)
        return Verdict::ok;
    REQUIRE(errno == EADDRINUSE);
    return Verdict::one_listens;
}

void compare_in(const Scene& scene, const std::vector<Place>& all) {
    unsigned cells = 0;
    std::vector<std::string> differences;
    for (const Place& place : all)
        for (const std::string& called : callable(place))
            for (const Place& wanted : all)
                for (const Options& options : all_options)
                    for (const Options& second_options : all_options) {
                        First first{scene, place, options, called};
                        const Claim second = claim_of(scene.protocol, wanted, second_options);
                        ++cells;
                        const Verdict predicted = conflict(first.claim, second);
                        if (measured(first, second, wanted.device) != predicted)
                            differences.push_back("\n" + in_words(first.claim) + "  |  " + in_words(second) +
                                                  ": predicted " + std::to_string(static_cast<int>(predicted)));
                    }
    INFO(differences.size() << " of " << cells << " cells differ, such as");
    for (std::size_t i = 0; i < differences.size() && i < 12; ++i)
        UNSCOPED_INFO(differences[i * differences.size() / std::min<std::size_t>(differences.size(), 12)]);
    CHECK(differences.empty());
}

} // namespace

TEST_CASE("the rule of conflict is this kernel's, with mapped addresses, connections and interfaces too") {
    need_private_network();
    need_ipv6();
    const Scene scene = GENERATE(from_range(scenes));
    compare_in(scene, places);
}

TEST_CASE("sockets of two interfaces do not meet") {
    need_private_network();
    need_ipv6();
    Process ip{installed("ip"), {.arguments = {"link", "add", "other0", "type", "bridge"}}};
    if (ip.wait_for_exit() != 0)
        SKIP("needs ip link add type bridge; it says: " << ip.complaints());
    const Scene scene = GENERATE(Scene{Protocol::tcp, State::listening}, Scene{Protocol::udp, State::bound});
    compare_in(scene, {{"0.0.0.0"}, {"0.0.0.0", false, "lo"}, {"0.0.0.0", false, "other0"}, {"::", false, "other0"}});
    Process gone{installed("ip"), {.arguments = {"link", "delete", "other0"}}};
    CHECK(gone.wait_for_exit() == 0);
}

TEST_CASE("SO_REUSEPORT shares a port among the sockets of one user alone") {
    need_private_network();
    const Scene scene = GENERATE(from_range(scenes));
    const Place here{"127.0.0.1"};
    for (const Options& options : all_options)
        for (const Options& second_options : all_options) {
            First first{scene, here, options, "127.0.0.1"};
            Claim second = claim_of(scene.protocol, here, second_options);
            const auto own = static_cast<uid_t>(::setfsuid(65534));
            if (static_cast<uid_t>(::setfsuid(65534)) != 65534)
                SKIP("needs the right to make a socket of another user");
            second.user = 65534;
            first.claim.user = own;
            const Verdict predicted = conflict(first.claim, second), observed = measured(first, second, "");
            ::setfsuid(own);
            INFO(in_words(first.claim) << "  |  " << in_words(second));
            CHECK(observed == predicted);
        }
}

TEST_CASE("a row of the kernel's table that refuses a bind is never said not to, nor one that does not said to") {
    need_private_network();
    need_ipv6();
    const Scene scene = GENERATE(from_range(scenes));
    std::vector<std::string> innocent, guilty;
    unsigned sure = 0, refused = 0;
    for (const Place& place : places)
        for (const std::string& called : callable(place))
            for (const Place& wanted : places)
                for (const Options& options : {Options{false, false}, Options{true, true}}) {
                    First first{scene, place, options, called};
                    Claim second = claim_of(scene.protocol, wanted, options);
                    second.user = ::geteuid();
                    Blocks most = Blocks::no;
                    bool seen = false;
                    for (const auto& row : common::kernel_sockets(scene.protocol))
                        if (row.local.port == first.port && row.local != first.clients_end) {
                            seen = true;
                            most = std::max(most, blocks(row, second));
                        }
                    if (!seen)
                        SKIP("needs Linux 6.8, whose sock_diag reports TCP sockets that are bound and do not listen");
                    const bool is_refused = measured(first, second, wanted.device) == Verdict::refused_at_bind;
                    const std::string pair = "\n" + in_words(first.claim) + "  |  " + in_words(second);
                    if (is_refused && most == Blocks::no)
                        guilty.push_back(pair);
                    if (!is_refused && most == Blocks::yes)
                        innocent.push_back(pair);
                    refused += is_refused;
                    sure += most == Blocks::yes;
                }
    for (const auto* pairs : {&innocent, &guilty})
        for (std::size_t i = 0; i < pairs->size() && i < 6; ++i)
            UNSCOPED_INFO((pairs == &innocent ? "innocent: " : "guilty: ") << (*pairs)[i]);
    CHECK(innocent.empty());
    CHECK(guilty.empty());
    CHECK(refused > 0);
    CHECK(sure >= refused - refused / 8); // few are in doubt
}
#endif
