#include "tools/loop/commands.hpp"

#include "common/refusal.hpp"
#include "common/socket_table.hpp"
#include "common/text.hpp"
#include "tools/harness/client.hpp"
#include "tools/loop/terminal.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <system_error>
#include <vector>

namespace loop {
namespace {

using common::Holder;
using common::Kept;
using common::Protocol;
using common::SocketRow;

constexpr std::size_t connections_shown_at_most = 6; // of one protocol and state

struct Meaning {
    std::string_view state; // of TCP, where UDP is not named
    std::string_view words; // for someone who wants to bind the port; lines of at most 66 columns
};
// In the order of the table. chapters/05_port_conflict shows each.
constexpr std::string_view connection = "a connection. It refuses a bind to its address, unless it and the\n"
                                        "new socket both have SO_REUSEADDR (servers set it always), or\n"
                                        "both SO_REUSEPORT.";
constexpr std::string_view half_open = "a connection that is not made yet. It ends within minutes, and\n"
                                       "until then it refuses a bind as a connection does.";
constexpr std::string_view ending = "a connection that is ending. It refuses a bind as a connection\n"
                                    "does.";
constexpr std::array meanings{
    Meaning{"LISTEN", "a server. A second bind to its address is refused (EADDRINUSE);\n"
                      "only SO_REUSEPORT on both sockets of one user lets two listen."},
    Meaning{"BOUND", "bound, and does not listen: it owns the port, though nobody can\n"
                     "connect, and ss and lsof may not show it. It refuses a bind,\n"
                     "unless it and the new socket both have SO_REUSEADDR, or both\n"
                     "SO_REUSEPORT and one user."},
    Meaning{"UDP UNCONN", "a UDP socket that receives from anyone. It refuses a UDP bind to\n"
                          "its address, unless it and the new socket both have SO_REUSEADDR,\n"
                          "or both SO_REUSEPORT and one user. TCP ports are others, and not\n"
                          "in its way."},
    Meaning{"UDP ESTAB", "a UDP socket that has called connect: it receives from that peer\n"
                         "alone. It refuses a UDP bind as one without a peer does."},
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
    const std::string state = (row.protocol == Protocol::udp ? "UDP " : "") + row.state;
    return static_cast<std::size_t>(std::ranges::find(meanings, state, &Meaning::state) - meanings.begin());
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

std::string numbers_and_names(const std::vector<Holder>& holders) {
    std::string text;
    for (const Holder& holder : holders)
        text += (text.empty() ? "" : ", ") + std::to_string(holder.pid) + " " + common::shown(holder.command) +
                (holder.suspended ? " (suspended)" : "");
    return text;
}

std::string holder_column(const SocketRow& row, Kept how, const common::Holders& holders) {
    switch (how) {
    case Kept::by_processes:
        return numbers_and_names(holders.of(row));
    case Kept::by_a_hidden_one:
        return "? of " + common::user_name(row.user);
    case Kept::by_an_outsider:
        return "?";
    case Kept::by_the_kernel:
        return "kernel";
    default:
        return "-";
    }
}

std::string remark_on(const SocketRow& row, Kept how, const std::string& column) {
    const std::string what = column + " (" + row.state + "): " + common::in_words(how, row),
                      todo = common::remedy(how, row);
    return terminal::wrapped(what, 78) + (todo.empty() ? "" : "   " + todo + "\n");
}

// For whom a process holds a port that is not its own. To end it would not help, or harm others.
std::string holds_for_another(const Holder& holder) {
    const std::string who = std::to_string(holder.pid) + " " + common::shown(holder.command);
    if (holder.command == "systemd")
        return who + " listens for a socket unit: systemctl list-sockets names it, and\n"
                     "systemctl stop NAME.socket frees the port\n";
    if (holder.command == "docker-proxy")
        return who + " stands in for a container: docker ps says which one\n"
                     "publishes the port; stop that\n";
    return {};
}

// What another network namespace has on the port: /proc/PID/net of proc_pid_net(5), which its processes share.
std::vector<std::string> seen_elsewhere(std::uint16_t port) {
    namespace fs = std::filesystem;
    std::vector<std::string> seen;
    std::error_code error;
    std::set<fs::path> known{fs::read_symlink("/proc/self/ns/net", error)};
    for (fs::directory_iterator process{"/proc", error}; !error && process != fs::directory_iterator{};
         process.increment(error)) {
        std::error_code not_mine;
        const fs::path network = fs::read_symlink(process->path() / "ns/net", not_mine);
        const std::string pid = process->path().filename().string();
        if (not_mine || pid.find_first_not_of("0123456789") != pid.npos || !known.insert(network).second)
            continue;
        for (const std::string file : {"tcp", "tcp6", "udp", "udp6"}) {
            std::ifstream table{process->path() / "net" / file};
            std::string line;
            std::getline(table, line); // the titles
            bool found = false;
            while (!found && std::getline(table, line)) {
                std::istringstream columns{line};
                std::string number, local, peer, state; // local is 0100007F:1F90
                columns >> number >> local >> peer >> state;
                const auto colon = local.rfind(':');
                unsigned its_port = 0;
                if (colon != local.npos)
                    std::from_chars(local.data() + colon + 1, local.data() + local.size(), its_port, 16);
                found = its_port == port;
                if (found)
                    seen.push_back(file.substr(0, 3) + (state == "0A" ? " LISTEN" : "") + " over IPv" +
                                   (file.ends_with('6') ? "6" : "4") + ", in the network namespace of process " + pid);
            }
        }
    }
    return seen;
}

} // namespace

int who(std::uint16_t port) {
    std::vector<Line> lines{{"PROTO", "STATE", "LOCAL", "PEER", "PROCESS"}};
    std::set<std::size_t> seen;
    std::set<std::string> remarks; // each once
    std::vector<std::string> notes;
    bool both_families = false;
    for (const Protocol protocol : {Protocol::tcp, Protocol::udp}) {
        const std::string proto = name_of(protocol);
        const auto table = table_of(protocol);
        auto rows = table;
        std::erase_if(rows, [&](const SocketRow& row) { return row.local.port != port; });
        std::ranges::stable_sort(rows, {}, rank);
        if (rows.empty() && !shows_bound_sockets(protocol)) {
            const int error = error_of_a_bind(protocol, port);
            if (error == EADDRINUSE)
                lines.push_back({proto, "BOUND?", "?", "-", "somebody has bound it; this kernel does not say who"});
            else if (error == EACCES)
                notes.push_back("This kernel does not show " + proto +
                                " sockets that are bound only, and you may not try\nthis port: sudo ./portlab who " +
                                std::to_string(port));
        }
        const common::Holders holders{rows};
        std::map<std::string, std::size_t> shown;
        std::map<pid_t, bool> named;
        for (const SocketRow& row : rows) {
            seen.insert(rank(row));
            const Kept how = kept(row, holders, table);
            const std::string column = holder_column(row, how, holders);
            if (how != Kept::by_processes && how != Kept::time_wait)
                remarks.insert(remark_on(row, how, column.substr(0, column.find(' '))));
            for (const Holder& holder : holders.of(row)) {
                if (const std::string whom = holds_for_another(holder); !whom.empty())
                    remarks.insert(whom);
                if (!named.contains(holder.pid) && holder.suspended)
                    remarks.insert(std::to_string(holder.pid) +
                                   " is suspended and does nothing: fg in its terminal, or kill -CONT " +
                                   std::to_string(holder.pid) + ",\nlets it go on\n");
            }
            const std::size_t number = row.peer.port == 0 ? 0 : ++shown[row.state];
            if (number <= connections_shown_at_most) {
                both_families = both_families || local_end(row).starts_with('*');
                lines.push_back(
                    {proto, row.state, local_end(row), row.peer.port == 0 ? "-" : common::to_string(row.peer), column});
            } else {
                if (number == connections_shown_at_most + 1) {
                    const auto all = static_cast<std::size_t>(std::ranges::count(rows, row.state, &SocketRow::state));
                    lines.push_back(
                        {proto, row.state, "and " + std::to_string(all - connections_shown_at_most) + " more", {}, {}});
                }
                for (const Holder& holder : holders.of(row)) // whom no line has named
                    if (!named.contains(holder.pid))
                        lines.back().process +=
                            (lines.back().process.empty() ? "" : ", ") + numbers_and_names({holder});
            }
            for (const Holder& holder : holders.of(row))
                named[holder.pid] = true;
        }
    }
    const bool held = lines.size() > 1;
    if (held)
        print(lines);
    else
        std::cout << "Nobody " << (notes.empty() ? "" : "that can be seen here ") << "holds port " << port
                  << " in this network namespace, in TCP or UDP, over IPv4 or IPv6.\n";
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
    if (both_families)
        notes.insert(notes.begin(),
                     "*: every address of this machine, of IPv4 and of IPv6; [::] is those of IPv6 alone");
    notes.insert(notes.end(), remarks.begin(), remarks.end());
    for (const std::string& elsewhere : seen_elsewhere(port))
        notes.push_back("Elsewhere, and not in the way here: " + elsewhere);
    for (const auto& note : notes)
        std::cout << '\n' << note << (note.ends_with('\n') ? "" : "\n");
    return held ? 0 : 1;
}

} // namespace loop
