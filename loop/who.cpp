#include "loop/commands.hpp"

#include "common/socket_table.hpp"
#include "loop/terminal.hpp"
#include "tests/support/client.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <iostream>
#include <iterator>
#include <map>
#include <pwd.h>
#include <set>
#include <string>
#include <system_error>
#include <unistd.h>
#include <vector>

namespace loop {
namespace {

using common::Protocol;
using common::SocketRow;

constexpr std::size_t shown_at_most = 6; // rows of one protocol and state

struct Meaning {
    std::string_view state;
    std::string_view words; // for someone who wants to bind the port; lines of at most 66 columns
};
// In the order of the table. chapters/05_port_conflict shows each.
constexpr std::string_view connection = "a connection. It refuses a bind to its address, unless it and the\n"
                                        "new socket both have SO_REUSEADDR; servers set it always.";
constexpr std::string_view half_open = "a connection that is not made yet. It ends within minutes, and\n"
                                       "until then it refuses a bind as a connection does.";
constexpr std::string_view ending = "a connection that is ending. It refuses a bind, unless it and the\n"
                                    "new socket both have SO_REUSEADDR.";
constexpr std::array meanings{
    Meaning{"LISTEN", "a server. A second bind to its address is refused (EADDRINUSE);\n"
                      "only SO_REUSEPORT on both sockets of one user lets two listen."},
    Meaning{"BOUND", "bound, and does not listen: it owns the port, though nobody can\n"
                     "connect, and ss and lsof may not show it. It refuses a bind,\n"
                     "unless it and the new socket both have SO_REUSEADDR."},
    Meaning{"UNCONN", "a UDP socket that receives from anyone. A second UDP bind to its\n"
                      "address is refused; TCP ports are others, and not in its way."},
    Meaning{"SYN-SENT", half_open},
    Meaning{"SYN-RECV", half_open},
    Meaning{"ESTAB", connection},
    Meaning{"CLOSE-WAIT", "a connection that the peer has closed and its holder has not. It\n"
                          "refuses a bind as a connection does; the holder should close it."},
    Meaning{"FIN-WAIT-1", ending},
    Meaning{"FIN-WAIT-2", ending},
    Meaning{"LAST-ACK", ending},
    Meaning{"CLOSING", ending},
    Meaning{"TIME-WAIT", "nobody holds it: a connection that has ended, kept for a minute.\n"
                         "SO_REUSEADDR lets a server bind, if the old socket had it too."},
};

std::size_t rank(const SocketRow& row) {
    return static_cast<std::size_t>(std::ranges::find(meanings, row.state, &Meaning::state) - meanings.begin());
}

std::string user_name(uid_t user) {
    const passwd* const entry = ::getpwuid(user);
    return entry == nullptr ? "user " + std::to_string(user) : entry->pw_name;
}

const char* name_of(Protocol protocol) { return protocol == Protocol::tcp ? "tcp" : "udp"; }

support::Client bind_to(Protocol protocol, const std::string& ip, std::uint16_t port) {
    return protocol == Protocol::tcp ? support::bound_socket(ip, port) : support::udp_socket(ip, port);
}

// As the kernel has it; nothing where it gives no table (other systems than Linux, some containers).
std::vector<SocketRow> table_of(Protocol protocol) {
    try {
        return common::kernel_sockets(protocol);
    } catch (const std::system_error&) {
        return {};
    }
}

// Linux 6.8 and newer shows TCP sockets that are bound and no more, older ones do not: one of our own tells.
bool shows_bound_sockets(Protocol protocol) {
    const support::Client own = bind_to(protocol, "127.0.0.1", 0);
    return own.error() != 0 || std::ranges::count(table_of(protocol), own.local(), &SocketRow::local) > 0;
}

// What a bind to the port says, without options, to all addresses, closed at once; 0: it is free.
int error_of_a_bind(Protocol protocol, std::uint16_t port) {
    for (const char* const ip : {"0.0.0.0", "::"})
        if (const int error = bind_to(protocol, ip, port).error(); error == EADDRINUSE || error == EACCES)
            return error;
    return 0;
}

struct Line {
    std::string protocol, state, local, peer, process;
};

void print(const std::vector<Line>& lines) {
    constexpr std::array columns{&Line::protocol, &Line::state, &Line::local, &Line::peer};
    std::array<std::size_t, columns.size()> widths{};
    for (std::size_t i = 0; i < columns.size(); ++i)
        for (const Line& line : lines)
            widths[i] = std::max(widths[i], (line.*columns[i]).size());
    for (const Line& line : lines) {
        std::string row;
        for (std::size_t i = 0; i < columns.size(); ++i)
            row += line.*columns[i] + std::string(widths[i] + 2 - (line.*columns[i]).size(), ' ');
        row += line.process;
        std::cout << row.substr(0, row.find_last_not_of(' ') + 1) << '\n';
    }
}

} // namespace

int who(std::uint16_t port) {
    std::vector<Line> lines{{"PROTO", "STATE", "LOCAL", "PEER", "PROCESS"}};
    std::set<std::size_t> seen;
    bool hidden = false;
    std::vector<std::string> remarks;
    for (const Protocol protocol : {Protocol::tcp, Protocol::udp}) {
        const std::string proto = name_of(protocol);
        auto rows = table_of(protocol);
        std::erase_if(rows, [&](const SocketRow& row) { return row.local.port != port; });
        std::ranges::stable_sort(rows, {}, rank);
        if (rows.empty() && !shows_bound_sockets(protocol)) {
            const int error = error_of_a_bind(protocol, port);
            if (error == EADDRINUSE)
                lines.push_back({proto, "BOUND?", "?", "-", "somebody has bound it; this kernel does not say who"});
            else if (error == EACCES)
                remarks.push_back("This kernel does not show " + proto +
                                  " sockets that are bound only, and you may not try\nthis port: sudo ./portlab who " +
                                  std::to_string(port));
        }
        std::map<std::string, std::size_t> shown;
        for (const SocketRow& row : rows) {
            seen.insert(rank(row));
            const std::size_t number = ++shown[row.state];
            if (number == shown_at_most + 1) {
                const auto all = static_cast<std::size_t>(std::ranges::count(rows, row.state, &SocketRow::state));
                lines.push_back({proto, row.state, "and " + std::to_string(all - shown_at_most) + " more", {}, {}});
            }
            if (number > shown_at_most)
                continue;
            std::string process = "-"; // as a connection in TIME-WAIT
            if (const auto holder = common::holder_of(row)) {
                process = std::to_string(holder->pid) + " " + holder->command;
            } else if (row.inode != 0) {
                hidden = true;
                process = "? of " + user_name(row.user);
            }
            lines.push_back({proto, row.state, common::to_string(row.local),
                             row.peer.port == 0 ? "-" : common::to_string(row.peer), process});
        }
    }
    const bool held = lines.size() > 1;
    if (held)
        print(lines);
    else
        std::cout << "Nobody " << (remarks.empty() ? "" : "that can be seen here ") << "holds port " << port
                  << ", in TCP or UDP, over IPv4 or IPv6.\n";
    if (!seen.empty())
        std::cout << '\n';
    for (auto next = seen.begin(); next != seen.end(); ++next) {
        if (*next == meanings.size())
            continue;
        const auto& [state, words] = meanings[*next];
        std::string text{words};
        for (auto end = text.find('\n'); end != text.npos; end = text.find('\n', end + 1))
            text.insert(end + 1, 12, ' ');
        const bool alike = std::next(next) != seen.end() && *std::next(next) < meanings.size() &&
                           meanings[*std::next(next)].words == words; // said once, after the last such state
        if (alike)
            std::cout << terminal::bold(state) << ",\n";
        else
            std::cout << terminal::bold(state) << std::string(12 - state.size(), ' ') << text << '\n';
    }
    if (hidden && ::geteuid() != 0)
        remarks.push_back("?: another user's process, which you may not look into; this names it:\n"
                          "   sudo ./portlab who " +
                          std::to_string(port));
    else if (hidden)
        remarks.push_back("?: a process that /proc does not show here: in another container, say");
    for (const auto& remark : remarks)
        std::cout << '\n' << remark << '\n';
    return held ? 0 : 1;
}

} // namespace loop
