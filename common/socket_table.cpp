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
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <memory>
#include <net/if.h>
#include <netinet/in.h>
#include <string_view>
#include <sys/socket.h>
#include <system_error>
#include <unistd.h>
#include <utility>
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
    explicit Descriptor(int opened) : number{opened} {}
    Descriptor(const Descriptor&) = delete;
    ~Descriptor() { ::close(number); }
};

// One row, from the message of inet_diag(7) and the attributes behind it.
SocketRow row_of(Protocol protocol, nlmsghdr* header) {
    const auto* message = static_cast<const inet_diag_msg*>(NLMSG_DATA(header));
    SocketRow row{protocol, address_of(message->idiag_family, message->id.idiag_src, message->id.idiag_sport),
                  address_of(message->idiag_family, message->id.idiag_dst, message->id.idiag_dport),
                  state_name(protocol, message->idiag_state)};
    row.inode = message->idiag_inode;
    row.received = message->idiag_rqueue;
    row.sent = message->idiag_wqueue;
    row.user = message->idiag_uid;
    row.interface = message->id.idiag_if;
    if (message->idiag_family == AF_INET)
        row.v6_only = false;
    auto left = static_cast<int>(NLMSG_PAYLOAD(header, sizeof *message));
    for (auto* attribute = reinterpret_cast<const rtattr*>(message + 1); RTA_OK(attribute, left);
         attribute = RTA_NEXT(attribute, left))
        if (attribute->rta_type == INET_DIAG_SKV6ONLY)
            row.v6_only = *static_cast<const std::uint8_t*>(RTA_DATA(attribute)) != 0;
    return row;
}

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
        const auto received = ::recv(netlink.number, buffer.data(), buffer.size(), MSG_TRUNC);
        if (received < 0)
            fail("recv(AF_NETLINK)");
        if (static_cast<std::size_t>(received) > buffer.size()) {
            errno = EMSGSIZE;
            fail("recv(AF_NETLINK)");
        }
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
            rows.push_back(row_of(protocol, header));
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
    // A listener answers for a connection that does not exist; one on a socket bound to an interface is asked for by
    // it.
    const auto found = [&] { return !rows.empty() && rows.back().peer == peer; };
    const auto interfaces =
        std::unique_ptr<struct if_nameindex, decltype(&::if_freenameindex)>{::if_nameindex(), ::if_freenameindex};
    for (const auto* one = interfaces.get(); !found() && one != nullptr && one->if_index != 0; ++one) {
        id.idiag_if = one->if_index;
        ask(family, protocol, 0, id, rows);
    }
    return found() ? std::optional{rows.back()} : std::nullopt;
}

namespace {

namespace fs = std::filesystem;
using Found = std::map<unsigned long, std::vector<Holder>>;

std::optional<pid_t> number_in(const fs::path& path) {
    const std::string name = path.filename().string();
    pid_t number = 0;
    const auto [stop, error] = std::from_chars(name.data(), name.data() + name.size(), number);
    return error == std::errc{} && stop == name.data() + name.size() ? std::optional{number} : std::nullopt;
}

// "socket:[4711]" names the socket with this inode.
unsigned long socket_in(const fs::path& link) {
    const std::string text = link.string();
    unsigned long inode = 0;
    if (constexpr std::string_view start = "socket:["; text.starts_with(start))
        std::from_chars(text.data() + start.size(), text.data() + text.size(), inode);
    return inode;
}

// /proc/PID/stat has the name in parentheses, any bytes in it, and behind it the state.
bool is_suspended(const fs::path& process) {
    std::string text;
    std::getline(std::ifstream{process / "stat"}, text, '\0');
    const auto end = text.rfind(") ");
    return end != text.npos && text.size() > end + 2 && text[end + 2] == 'T';
}

std::string command_of(const fs::path& process) {
    std::string text;
    std::getline(std::ifstream{process / "comm"}, text, '\0'); // a name may contain newlines
    return text.substr(0, text.find_last_not_of('\n') + 1);
}

// Adds `process` to those of the wanted sockets that it has in this table of descriptors; false where it may not be
// read: a user's own process, too, where it has capabilities that the user lacks (ptrace(2), access mode checking).
bool look_into(const fs::path& process, pid_t pid, const fs::path& descriptors, Found& found) {
    const auto may_not = [](const std::error_code& error) { // that it has ended, or has closed one, is no matter
        return error == std::errc::permission_denied || error == std::errc::operation_not_permitted;
    };
    std::error_code error;
    fs::directory_iterator descriptor{descriptors, error};
    bool seen = !may_not(error);
    std::optional<Holder> holder; // described once it is one
    for (; !error && descriptor != fs::directory_iterator{}; descriptor.increment(error)) {
        std::error_code unread;
        const auto wanted = found.find(socket_in(fs::read_symlink(descriptor->path(), unread)));
        seen = seen && !may_not(unread);
        if (wanted == found.end() || (!wanted->second.empty() && wanted->second.back().pid == pid))
            continue;
        if (!holder)
            holder = Holder{pid, command_of(process), is_suspended(process)};
        wanted->second.push_back(*holder);
    }
    return seen;
}

// The processes of this PID namespace, as far as /proc shows them.
std::map<pid_t, fs::path> processes() {
    std::map<pid_t, fs::path> all;
    std::error_code error; // processes end while we look
    for (fs::directory_iterator entry{"/proc", error}; !error && entry != fs::directory_iterator{};
         entry.increment(error))
        if (const auto pid = number_in(entry->path()))
            all.emplace(*pid, entry->path());
    return all;
}

} // namespace

Holders::Holders(const std::vector<SocketRow>& rows) {
    for (const SocketRow& row : rows)
        if (row.inode != 0)
            found_[row.inode];
    const auto all = processes();
    all_seen_ = all.contains(1) && all.contains(::getpid()); // not so where /proc hides processes: hidepid of proc(5)
    for (const auto& [pid, process] : all)
        all_seen_ = look_into(process, pid, process / "fd", found_) && all_seen_;
    // A thread may have descriptors of its own, and outlive the thread that a process began with: unshare(2),
    // pthread_exit.
    Found left;
    for (const auto& [inode, holders] : found_)
        if (holders.empty())
            left[inode];
    for (const auto& [pid, process] : left.empty() ? std::map<pid_t, fs::path>{} : all) {
        std::error_code error;
        for (fs::directory_iterator thread{process / "task", error}; !error && thread != fs::directory_iterator{};
             thread.increment(error))
            if (number_in(thread->path()) != pid)
                look_into(process, pid, thread->path() / "fd", left);
    }
    for (auto& [inode, holders] : left)
        found_[inode] = std::move(holders);

    constexpr std::string_view first_namespace = "pid:[4026531836]"; // PROC_PID_INIT_INO of the kernel
    std::error_code error;
    in_a_container_ = fs::read_symlink("/proc/self/ns/pid", error).string() != first_namespace;
}

std::vector<Holder> Holders::of(const SocketRow& row) const {
    const auto found = found_.find(row.inode);
    return found == found_.end() ? std::vector<Holder>{} : found->second;
}

std::string local_end(const SocketRow& row) {
    const bool v6 = row.local.ip.find(':') != std::string::npos, dual = row.local.ip == "::" && row.v6_only == false;
    std::string text = dual ? "*" : v6 ? "[" + row.local.ip + "]" : row.local.ip;
    if (std::array<char, IF_NAMESIZE> name{}; row.interface != 0)
        text +=
            "%" + (::if_indextoname(row.interface, name.data()) ? shown(name.data()) : std::to_string(row.interface));
    return text + ":" + std::to_string(row.local.port);
}

#else

std::vector<SocketRow> kernel_sockets(Protocol) { return {}; }
std::optional<SocketRow> kernel_socket(Protocol, const Address&, const Address&) { return std::nullopt; }
Holders::Holders(const std::vector<SocketRow>&) {}
std::vector<Holder> Holders::of(const SocketRow&) const { return {}; }
std::string local_end(const SocketRow& row) { return to_string(row.local); }

#endif

std::optional<Holder> holder_of(const SocketRow& row) {
    const auto all = Holders{std::vector<SocketRow>{row}}.of(row);
    return all.empty() ? std::nullopt : std::optional{all.front()};
}

} // namespace common
