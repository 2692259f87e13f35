#include "common/socket_table.hpp"

#include "common/text.hpp"

#include <algorithm>
#include <array>

#ifdef __linux__
#include <arpa/inet.h>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <system_error>
#include <unistd.h>
#endif

namespace common {

std::string to_string(const Address& address) {
    const bool v6 = address.ip.find(':') != std::string::npos;
    return (v6 ? "[" + address.ip + "]" : address.ip) + ":" + std::to_string(address.port);
}

std::ostream& operator<<(std::ostream& out, const Address& address) { return out << to_string(address); }

#ifdef __linux__
namespace {

// The numbers are the kernel's enum in net/tcp_states.h. A closed socket (7) is dumped only where it is bound.
constexpr std::array<const char*, 13> tcp_states{"?",          "ESTAB",     "SYN-SENT", "SYN-RECV",   "FIN-WAIT-1",
                                                 "FIN-WAIT-2", "TIME-WAIT", "BOUND",    "CLOSE-WAIT", "LAST-ACK",
                                                 "LISTEN",     "CLOSING",   "SYN-RECV"};

std::string state_name(Protocol protocol, unsigned state) {
    if (protocol == Protocol::udp)
        return state == 1 ? "ESTAB" : "UNCONN";
    return state < tcp_states.size() ? tcp_states[state] : "?";
}

Address address_of(int family, const void* bytes, std::uint16_t port_in_network_order) {
    std::array<char, INET6_ADDRSTRLEN> text{};
    ::inet_ntop(family, bytes, text.data(), text.size());
    return {text.data(), ntohs(port_in_network_order)};
}

[[noreturn]] void fail(const char* what) { throw std::system_error{errno, std::generic_category(), what}; }

struct Descriptor {
    int number;
    ~Descriptor() { ::close(number); }
};

// Appends what one request for (family, protocol) yields: every socket or, without NLM_F_DUMP, the one that `id` names.
void ask(int family, Protocol protocol, unsigned short flags, const inet_diag_sockid& id,
         std::vector<SocketRow>& rows) {
    const Descriptor netlink{::socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, NETLINK_SOCK_DIAG)};
    if (netlink.number < 0)
        fail("socket(AF_NETLINK)");

    struct {
        nlmsghdr header;
        inet_diag_req_v2 body;
    } request{};
    request.header.nlmsg_len = sizeof request;
    request.header.nlmsg_type = SOCK_DIAG_BY_FAMILY;
    request.header.nlmsg_flags = static_cast<unsigned short>(NLM_F_REQUEST | flags);
    request.body.sdiag_family = static_cast<std::uint8_t>(family);
    request.body.sdiag_protocol = protocol == Protocol::tcp ? IPPROTO_TCP : IPPROTO_UDP;
    request.body.idiag_states = ~0U; // every state; bit 13, "bound inactive", came with Linux 6.8
    request.body.id = id;
    if (::send(netlink.number, &request, sizeof request, 0) < 0)
        fail("send(AF_NETLINK)");

    alignas(nlmsghdr) std::array<char, 32768> buffer;
    for (;;) {
        const auto received = ::recv(netlink.number, buffer.data(), buffer.size(), 0);
        if (received < 0)
            fail("recv(AF_NETLINK)");
        auto left = static_cast<unsigned>(received);
        for (auto* header = reinterpret_cast<nlmsghdr*>(buffer.data()); NLMSG_OK(header, left);
             header = NLMSG_NEXT(header, left)) {
            if (header->nlmsg_type == NLMSG_DONE)
                return;
            if (header->nlmsg_type == NLMSG_ERROR) {
                errno = -static_cast<nlmsgerr*>(NLMSG_DATA(header))->error;
                if (errno == ENOENT) // no such socket; in a dump: this family or protocol is not in this kernel
                    return;
                fail("sock_diag");
            }
            const auto* row = static_cast<const inet_diag_msg*>(NLMSG_DATA(header));
            rows.push_back({protocol, address_of(row->idiag_family, row->id.idiag_src, row->id.idiag_sport),
                            address_of(row->idiag_family, row->id.idiag_dst, row->id.idiag_dport),
                            state_name(protocol, row->idiag_state), row->idiag_inode, row->idiag_rqueue,
                            row->idiag_wqueue, row->idiag_uid});
            if (!(flags & NLM_F_DUMP))
                return;
        }
    }
}

} // namespace

std::vector<SocketRow> kernel_sockets(Protocol protocol) {
    std::vector<SocketRow> rows;
    ask(AF_INET, protocol, NLM_F_DUMP, {}, rows);
    ask(AF_INET6, protocol, NLM_F_DUMP, {}, rows);
    return rows;
}

std::optional<SocketRow> kernel_socket(Protocol protocol, const Address& local, const Address& peer) {
    const int family = local.ip.find(':') == std::string::npos ? AF_INET : AF_INET6;
    inet_diag_sockid id{};
    id.idiag_sport = htons(local.port);
    id.idiag_dport = htons(peer.port);
    ::inet_pton(family, local.ip.c_str(), id.idiag_src);
    ::inet_pton(family, peer.ip.c_str(), id.idiag_dst);
    id.idiag_cookie[0] = id.idiag_cookie[1] = INET_DIAG_NOCOOKIE;
    std::vector<SocketRow> rows;
    ask(family, protocol, 0, id, rows);
    if (rows.empty() || rows.front().peer != peer) // a listener answers for a connection that does not exist
        return std::nullopt;
    return rows.front();
}

std::optional<Holder> holder_of(const SocketRow& row) {
    namespace fs = std::filesystem;
    if (row.inode == 0)
        return std::nullopt;
    const std::string wanted = "socket:[" + std::to_string(row.inode) + "]";
    std::error_code ignored; // processes end while we look, and some may not be looked into
    for (fs::directory_iterator process{"/proc", ignored}; process != fs::directory_iterator{};
         process.increment(ignored)) {
        const std::string name = process->path().filename().string();
        pid_t pid = 0;
        if (std::from_chars(name.data(), name.data() + name.size(), pid).ptr != name.data() + name.size())
            continue;
        fs::directory_iterator descriptor{process->path() / "fd", ignored};
        for (; !ignored && descriptor != fs::directory_iterator{}; descriptor.increment(ignored)) {
            if (fs::read_symlink(descriptor->path(), ignored).string() != wanted)
                continue;
            Holder holder{pid, ""};
            std::getline(std::ifstream{process->path() / "comm"}, holder.command);
            return holder;
        }
    }
    return std::nullopt;
}

#else

std::vector<SocketRow> kernel_sockets(Protocol) { return {}; }
std::optional<SocketRow> kernel_socket(Protocol, const Address&, const Address&) { return std::nullopt; }
std::optional<Holder> holder_of(const SocketRow&) { return std::nullopt; }

#endif

std::optional<std::string> describe_holder(Protocol protocol, const Address& wanted) {
    const auto wildcard = [](const Address& address) { return address.ip == "0.0.0.0" || address.ip == "::"; };
    std::vector<SocketRow> rows = kernel_sockets(protocol);
    std::erase_if(rows, [&](const SocketRow& row) {
        return row.local.port != wanted.port ||
               (row.local.ip != wanted.ip && !wildcard(row.local) && !wildcard(wanted));
    });
    // A listener before the connections that it has made: these may be another process's by now.
    std::stable_partition(rows.begin(), rows.end(), [](const SocketRow& row) { return row.peer.port == 0; });
    for (const SocketRow& row : rows)
        if (const auto holder = holder_of(row))
            return shown(holder->command) + ", process " + std::to_string(holder->pid);
    return std::nullopt;
}

} // namespace common
