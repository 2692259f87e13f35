// Three things decide whether a second socket gets the port: whether the addresses overlap, what both sockets allow,
// and what the first one is doing.
//
// Measures every combination on the running kernel, each on a port of its own, and compares it with the rule in
// common/conflict.cpp, by which the chapters' programs and ./portlab tell who is in the way.
// In the state "bound" the first socket stays bound while the second one binds and then listens. Whether the first can
// still listen after that is measured as well, and told in the tables.
#include "common/config.hpp"
#include "common/conflict.hpp"
#include "common/socket_table.hpp"
#include "common/text.hpp"

#include <algorithm>
#include <array>
#include <asio.hpp>
#include <cerrno>
#include <cstdlib>
#include <exception>
#include <iomanip>
#include <iostream>
#include <map>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <sys/socket.h>
#include <type_traits>
#include <utility>
#include <vector>

using asio::ip::address_v4;
using asio::ip::address_v6;
using asio::ip::tcp;
using asio::ip::udp;

struct Address {
    std::string name;
    asio::ip::address ip;
    bool v6_only = false;
};
const std::array<Address, 6> addresses{{{"0.0.0.0", address_v4::any()},
                                        {"127.0.0.1", address_v4::loopback()},
                                        {"127.0.0.2", address_v4{0x7f000002}},
                                        {"[::]", address_v6::any(), false},
                                        {"[::]v6only", address_v6::any(), true},
                                        {"[::1]", address_v6::loopback()}}};

struct Options {
    std::string name;
    bool reuse_address, reuse_port;
};
const std::array<Options, 4> options{
    {{"none", false, false}, {"reuse_address", true, false}, {"reuse_port", false, true}, {"both", true, true}}};

struct Cell {
    std::string protocol, state;
    Address first;
    Options first_options;
    Address second;
    Options second_options;
    asio::ip::address called; // what the client of the first one calls, if that has one: it stays in TIME-WAIT
};
struct Answer {
    std::string bind, listen;
    std::string first_listen = "-"; // after the second one, if the first was only bound
    friend bool operator==(const Answer&, const Answer&) = default;
};

// ---- The rule -------------------------------------------------------------------------------------------------------

common::Claim claim_of(const std::string& protocol, const Address& address, const Options& chosen) {
    common::Claim claim{protocol == "tcp" ? common::Protocol::tcp : common::Protocol::udp, address.ip.to_string()};
    claim.v6_only = address.v6_only;
    claim.reuse_address = chosen.reuse_address;
    claim.reuse_port = chosen.reuse_port;
    return claim;
}

asio::ip::address client_connects_to(const asio::ip::address& server) {
    if (!server.is_unspecified())
        return server;
    return server.is_v4() ? asio::ip::address{address_v4::loopback()} : address_v6::loopback();
}

Answer rule(const Cell& cell) {
    common::Claim first = claim_of(cell.protocol, cell.first, cell.first_options);
    if (cell.state == "listening")
        first.state = common::Claim::State::listening;
    if (cell.state == "time_wait")
        first = common::left_in_time_wait(first, cell.called.to_string());
    const auto verdict = conflict(first, claim_of(cell.protocol, cell.second, cell.second_options));
    if (verdict == common::Verdict::refused_at_bind)
        return {"EADDRINUSE", "-"};
    if (cell.protocol == "udp") // where there is no listen
        return {"OK", "-"};
    if (cell.state != "bound")
        return {"OK", "OK"};
    return {"OK", "OK", verdict == common::Verdict::ok ? "OK" : "EADDRINUSE"};
}

// ---- The measurement ------------------------------------------------------------------------------------------------

template <class Socket>
Socket open_socket(asio::io_context& io, const Address& address, const Options& chosen) {
    using endpoint = typename Socket::endpoint_type;
    Socket socket{io};
    socket.open(endpoint{address.ip, 0}.protocol());
    if (address.ip.is_v6() && address.ip.is_unspecified())
        socket.set_option(asio::ip::v6_only{address.v6_only});
    socket.set_option(asio::socket_base::reuse_address{chosen.reuse_address});
    const int reuse_port = chosen.reuse_port; // Asio has no name of its own for it
    if (::setsockopt(socket.native_handle(), SOL_SOCKET, SO_REUSEPORT, &reuse_port, sizeof reuse_port) != 0)
        throw asio::system_error{{errno, asio::system_category()}, "setsockopt(SO_REUSEPORT)"};
    return socket;
}

bool has_ipv6(asio::io_context& io) {
    tcp::acceptor probe{io};
    asio::error_code error;
    probe.open(tcp::v6(), error);
    if (!error)
        probe.bind({address_v6::loopback(), 0}, error);
    return !error;
}

// A port with no socket on it at all: an unshared bind to every address is given no other.
template <class Socket>
std::uint16_t fresh_port(asio::io_context& io) {
    static const Address everything = has_ipv6(io) ? addresses[3] : addresses[0];
    Socket socket = open_socket<Socket>(io, everything, options[0]);
    asio::error_code error;
    socket.bind({everything.ip, 0}, error);
    if (error)
        throw asio::system_error{error, "no port is left (TIME-WAIT frees them after a minute): bind"};
    return socket.local_endpoint().port();
}

common::Address both(const tcp::endpoint& end) { return {end.address().to_string(), end.port()}; }

// The kernel has the mapped address of an IPv4 client on an IPv6 socket.
asio::ip::address as_kept(const asio::ip::address& client, const asio::ip::address& server) {
    return client.is_v4() && server.is_v6() ? make_address_v6(asio::ip::v4_mapped, client.to_v4()) : client;
}

// The server closes its connection first, and its listener too.
void leave_in_time_wait(asio::io_context& io, tcp::acceptor& listener, const asio::ip::address& called) {
    [[maybe_unused]] const asio::ip::address family = listener.local_endpoint().address();
    const tcp::endpoint server{called, listener.local_endpoint().port()};
    tcp::socket client{io};
    client.connect(server);
    const tcp::endpoint source = client.local_endpoint();
    tcp::socket accepted = listener.accept();
    listener.close();
    accepted.close();
    std::array<char, 1> nothing;
    asio::error_code end;
    client.read_some(asio::buffer(nothing), end);
    client.shutdown(tcp::socket::shutdown_send);
    client.wait(tcp::socket::wait_error); // until the other side has acknowledged the end
#ifdef __linux__
    const auto left = common::kernel_socket(common::Protocol::tcp, both({as_kept(called, family), server.port()}),
                                            both({as_kept(source.address(), family), source.port()}));
    if (!left || left->state != "TIME-WAIT")
        throw std::runtime_error{"the kernel has " + to_string(both(server)) + " in the state " +
                                 (left ? left->state : "none") + ", not TIME-WAIT (is tcp_max_tw_buckets reached?)"};
#endif
}

std::string errno_name(const asio::error_code& error) {
    switch (error.value()) {
    case 0:
        return "OK";
    case EADDRINUSE:
        return "EADDRINUSE";
    case EADDRNOTAVAIL:
        return "EADDRNOTAVAIL";
    case EACCES:
        return "EACCES";
    case EINVAL:
        return "EINVAL";
    default:
        throw asio::system_error{error};
    }
}

template <class Socket>
Answer measure_once(asio::io_context& io, const Cell& cell) {
    Socket first = open_socket<Socket>(io, cell.first, cell.first_options);
    Socket second = open_socket<Socket>(io, cell.second, cell.second_options);
    asio::error_code error = asio::error::address_in_use;
    std::uint16_t port = 0;
    for (int tries = 0; error == asio::error::address_in_use && tries < 10; ++tries) { // somebody may be faster
        port = fresh_port<Socket>(io);
        first.bind({cell.first.ip, port}, error);
    }
    if (error)
        throw asio::system_error{error, "bind"};

    if constexpr (std::is_same_v<Socket, tcp::acceptor>) {
        if (cell.state != "bound")
            first.listen();
        if (cell.state == "time_wait")
            leave_in_time_wait(io, first, cell.called);
    }

    second.bind({cell.second.ip, port}, error);
    Answer answer{errno_name(error), "-"};
    if constexpr (std::is_same_v<Socket, tcp::acceptor>)
        if (!error) {
            second.listen(Socket::max_listen_connections, error);
            answer.listen = errno_name(error);
            if (cell.state == "bound") {
                first.listen(Socket::max_listen_connections, error);
                answer.first_listen = errno_name(error);
            }
        }
    return answer;
}

// Another program's socket can add a conflict, never take one away: a refusal counts when a second port gives it too.
Answer measure(asio::io_context& io, const Cell& cell) {
    const auto once = cell.protocol == "tcp" ? measure_once<tcp::acceptor> : measure_once<udp::socket>;
    const Answer answer = once(io, cell);
    const std::string refused = "EADDRINUSE";
    const bool all_granted = answer.bind != refused && answer.listen != refused && answer.first_listen != refused;
    return all_granted ? answer : once(io, cell);
}

// ---- The output -----------------------------------------------------------------------------------------------------

struct Result {
    Cell cell;
    Answer answer;
};

std::array<std::string, 8> columns(const Result& result) {
    const auto& [cell, answer] = result;
    return {cell.protocol,    cell.state,
            cell.first.name,  cell.first_options.name,
            cell.second.name, cell.second_options.name,
            answer.bind,      answer.listen};
}
const std::array<const char*, 8> titles{"protocol", "state",          "first", "first_options",
                                        "second",   "second_options", "bind",  "listen"};

void print_csv(const std::vector<Result>& results) {
    for (std::size_t i = 0; i < titles.size(); ++i)
        std::cout << (i ? "," : "") << titles[i];
    for (const Result& result : results) {
        std::cout << '\n';
        for (std::size_t i = 0; i < titles.size(); ++i)
            std::cout << (i ? "," : "") << columns(result)[i];
    }
    std::cout << '\n';
}

void print_json(const std::vector<Result>& results) {
    const char* before = "[\n";
    for (const Result& result : results) {
        std::cout << std::exchange(before, ",\n");
        for (std::size_t i = 0; i < titles.size(); ++i)
            std::cout << (i ? ", \"" : "{\"") << titles[i] << "\": \"" << columns(result)[i] << '"';
        std::cout << ", \"first_listen\": \"" << result.answer.first_listen << "\"}";
    }
    std::cout << "\n]\n";
}

// What one combination of options comes to.
std::string in_words(const Answer& answer) {
    if (answer.bind != "OK")
        return answer.bind == "EADDRINUSE" ? "at bind" : answer.bind;
    if (answer.listen == "EADDRINUSE")
        return "at listen";
    return answer.first_listen == "EADDRINUSE" ? "one listens" : "OK";
}

// For each pair of addresses a letter, and for each letter the sixteen combinations of options that it stands for.
void print_table(const std::vector<Result>& results) {
    using Grid = std::vector<std::string>;
    std::map<Grid, char> letters{{Grid(16, "OK"), '.'}};
    std::vector<Grid> legend;

    std::cout << "Does a second socket get the port that a first one has?\n"
                 "A row is the first socket's address, a column the second's.\n"
                 "  .        yes, whatever the options of the two\n"
                 "  A, B, C  where both allow it: see below\n";
    std::string block, first;
    for (std::size_t i = 0; i < results.size(); i += 16) { // the sixteen cells of one pair of addresses
        const Cell& cell = results[i].cell;
        if (std::exchange(block, cell.protocol + ", first " + cell.state) != block) {
            std::cout << (i ? "\n\n" : "\n") << block << '\n' << std::setw(12) << ' ';
            for (std::size_t k = i; k < results.size() && results[k].cell.first.name == cell.first.name; k += 16)
                std::cout << std::setw(11) << results[k].cell.second.name;
            first.clear();
        }
        if (std::exchange(first, cell.first.name) != first)
            std::cout << '\n' << std::setw(12) << first;
        Grid grid;
        for (std::size_t k = i; k < i + 16; ++k)
            grid.push_back(in_words(results[k].answer));
        const auto [letter, is_new] = letters.try_emplace(grid, static_cast<char>('A' + legend.size()));
        if (is_new)
            legend.push_back(grid);
        std::cout << std::setw(11) << letter->second;
    }
    std::cout << "\n\nA row is the first socket's options, a column the second's.\n"
                 "  at bind      the second socket's bind fails with EADDRINUSE\n"
                 "  one listens  both are bound; when one listens, the other's listen fails so\n";
    for (const Grid& grid : legend) {
        std::cout << '\n' << letters.at(grid) << std::setw(14) << ' ';
        for (const Options& second : options)
            std::cout << std::setw(15) << second.name;
        for (std::size_t k = 0; k < grid.size(); ++k)
            std::cout << (k % 4 ? "" : '\n' + std::string(15 - options[k / 4].name.size(), ' ') + options[k / 4].name)
                      << std::setw(15) << grid[k];
        std::cout << '\n';
    }
}

// The same in short, as Markdown: which addresses meet, which of them do so when TIME-WAIT alone is left, and then, for
// those that meet, what the options make of it. Throws if a kernel's answers are not so regular.
void print_markdown(const std::vector<Result>& results) {
    using Grid = std::vector<std::string>;
    std::vector<std::string> states, servers, names;
    std::map<std::string, Grid> when_they_meet;                     // by state
    std::map<std::pair<std::string, std::string>, bool> meet, left; // by addresses; of what is left, by client as well
    const auto regular = [](bool so) {
        if (!so)
            throw std::runtime_error{"the answers of this kernel do not fit the short table; see --csv"};
    };
    for (std::size_t i = 0; i < results.size(); i += 16) {
        const Cell& cell = results[i].cell;
        const std::string state = cell.protocol + ", first " + cell.state, name = '`' + cell.first.name + '`';
        if (std::ranges::find(states, state) == states.end())
            states.push_back(state);
        if (std::ranges::find(names, name) == names.end())
            names.push_back(name);
        Grid grid;
        for (std::size_t k = i; k < i + 16; ++k)
            grid.push_back(in_words(results[k].answer));
        const bool conflict = grid != Grid(16, "OK");
        regular(!conflict || when_they_meet.try_emplace(state, grid).first->second == grid);
        const std::string second = '`' + cell.second.name + '`';
        if (cell.state != "time_wait") {
            regular(meet.try_emplace({name, second}, conflict).first->second == conflict);
        } else if (cell.first.ip.is_unspecified()) {
            const std::string server = name + ", its client over IPv" + (cell.called.is_v4() ? "4" : "6");
            left[{server, second}] = conflict;
            if (servers.empty() || servers.back() != server)
                servers.push_back(server);
        } else { // one address, and one that a client can call
            regular(meet.at({name, second}) == conflict);
        }
    }

    std::ranges::sort(servers); // the client over IPv4 was asked about last
    const auto print_addresses = [&names](const char* title, const Grid& rows, auto& yes) {
        std::cout << "| " << title << " |";
        for (const std::string& second : names)
            std::cout << ' ' << second << " |";
        std::cout << "\n|---|";
        for (std::size_t i = 0; i < names.size(); ++i)
            std::cout << "---|";
        for (const std::string& first : rows) {
            std::cout << "\n| " << first << " |";
            for (const std::string& second : names)
                std::cout << ' ' << (yes.at({first, second}) ? "yes" : "no") << " |";
        }
        std::cout << '\n';
    };
    print_addresses("first \\ second", names, meet);
    std::cout << '\n';
    print_addresses("the server was on", servers, left);

    std::cout << "\n| first's options | second's options |";
    for (const std::string& state : states)
        std::cout << ' ' << state << " |";
    std::cout << "\n|---|---|---|---|---|---|\n";
    for (std::size_t first = 0; first < options.size(); ++first) {
        std::vector<std::pair<std::string, std::string>> lines; // answers, and the second's options that get them
        for (std::size_t second = 0; second < options.size(); ++second) {
            std::string answers;
            for (const std::string& state : states)
                answers += ' ' + when_they_meet.at(state)[4 * first + second] + " |";
            const auto same = std::ranges::find(lines, answers, &std::pair<std::string, std::string>::first);
            if (same == lines.end())
                lines.push_back({answers, options[second].name});
            else
                same->second += ", " + options[second].name;
        }
        for (const auto& [answers, seconds] : lines)
            std::cout << "| " << options[first].name << " | " << seconds << " |" << answers << '\n';
    }
}

int main(int argc, char** argv) {
    try {
        bool predict = false;
        auto print = print_table;
        for (const std::string_view argument : std::vector<std::string_view>(argv + 1, argv + argc))
            if (argument == "--csv")
                print = print_csv;
            else if (argument == "--json")
                print = print_json;
            else if (argument == "--markdown")
                print = print_markdown;
            else if (argument == "--rule")
                predict = true;
            else
                throw common::ConfigError{"no such option: " + common::quoted(argument) +
                                          "\nusage: conflict_matrix [--csv | --json | --markdown] [--rule]\n"
                                          "  --csv, --json  for programs to read; without them a table\n"
                                          "  --markdown     the table in short, for a page of text\n"
                                          "  --rule         what the rule predicts, not what the kernel answers"};

        asio::io_context io;
        const bool ipv6 = has_ipv6(io);
        if (!ipv6)
            std::cerr << "conflict_matrix: no IPv6 on this system: the rows with IPv6 addresses are left out\n";
        const auto present = std::span{addresses}.first(ipv6 ? 6 : 3);

        std::vector<Result> results;
        std::size_t surprises = 0;
        const auto ask = [&](const Cell& cell) {
            results.push_back({cell, predict ? rule(cell) : measure(io, cell)});
            surprises += results.back().answer != rule(cell);
        };
        const std::array<std::array<const char*, 2>, 4> states{
            {{"tcp", "bound"}, {"tcp", "listening"}, {"tcp", "time_wait"}, {"udp", "bound"}}};
        for (const auto& [protocol, state] : states)
            for (const Address& first : present)
                for (const Address& second : present)
                    for (const Options& first_options : options)
                        for (const Options& second_options : options)
                            ask({protocol, state, first, first_options, second, second_options,
                                 client_connects_to(first.ip)});
        // A server for both families is called over either; --csv has the call over IPv6.
        if (print == print_markdown && ipv6)
            for (const Address& second : present)
                for (const Options& first_options : options)
                    for (const Options& second_options : options)
                        ask({"tcp", "time_wait", addresses[3], first_options, second, second_options,
                             address_v4::loopback()});
        print(results);
        if (surprises == 0 && print == print_table)
            std::cout << "\nAll " << results.size() << " answers are what the rule in common/conflict.cpp predicts.\n";
        if (surprises > 0)
            std::cerr << "conflict_matrix: " << surprises << " of " << results.size()
                      << " answers of this kernel are not what the rule predicts; see them with\n"
                         "  diff <(conflict_matrix --rule --csv) <(conflict_matrix --csv)\n";
    } catch (const common::ConfigError& error) {
        std::cerr << "conflict_matrix: " << error.what() << '\n';
        return common::exit_config;
    } catch (const std::exception& error) {
        std::cerr << "conflict_matrix: " << error.what() << '\n';
        return EXIT_FAILURE;
    }
}
