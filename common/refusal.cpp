#include "common/refusal.hpp"

#include "common/text.hpp"

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <net/if.h>
#include <pwd.h>
#include <set>
#include <system_error>
#include <unistd.h>

namespace common {
namespace {

unsigned first_unprivileged_port() {
    unsigned port = 1024;
    std::ifstream{"/proc/sys/net/ipv4/ip_unprivileged_port_start"} >> port;
    return port;
}

// CAP_NET_BIND_SERVICE, bit 10 of the effective set: capabilities(7).
bool may_have_low_ports() {
    std::ifstream status{"/proc/self/status"};
    for (std::string word; status >> word;)
        if (unsigned long long capabilities = 0; word == "CapEff:" && status >> std::hex >> capabilities)
            return capabilities >> 10 & 1;
    return ::geteuid() == 0;
}

// "a", "a and b", "a, b and c"
std::string list(const std::vector<std::string>& parts) {
    std::string text;
    for (std::size_t i = 0; i < parts.size(); ++i)
        text += (i == 0 ? "" : i + 1 == parts.size() ? " and " : ", ") + parts[i];
    return text;
}

bool is_a_listener(const SocketRow& row) { return row.peer.port == 0; }

} // namespace

std::string user_name(uid_t user) {
    constexpr uid_t nobody_here = 65534; // what stands for a user who is not mapped into a user namespace
    if (std::string whole; user == nobody_here && std::getline(std::ifstream{"/proc/self/uid_map"}, whole) &&
                           whole.find("4294967295") == whole.npos)
        return "a user outside of this container";
    const passwd* const entry = ::getpwuid(user);
    return entry == nullptr ? "user " + std::to_string(user) : shown(entry->pw_name);
}

std::string names(const std::vector<Holder>& holders) {
    constexpr std::size_t named_at_most = 8;
    const std::size_t count = std::min(holders.size(), named_at_most);
    std::vector<std::string> groups;
    for (std::size_t i = 0; i < count;) {
        std::vector<std::string> numbers;
        const std::size_t first = i;
        for (; i < count && holders[i].command == holders[first].command; ++i)
            numbers.push_back(std::to_string(holders[i].pid) + (holders[i].suspended ? " (suspended)" : ""));
        if (i == count && count < holders.size())
            numbers.push_back(std::to_string(holders.size() - count) + " more");
        groups.push_back(shown(holders[first].command) + (numbers.size() == 1 ? ", process " : ", processes ") +
                         list(numbers));
    }
    std::string text;
    for (const std::string& group : groups)
        text += (text.empty() ? "" : ", and ") + group;
    return text;
}

Kept kept(const SocketRow& row, const Holders& holders, const std::vector<SocketRow>& all) {
    if (row.state == "TIME-WAIT")
        return Kept::time_wait;
    if (!holders.of(row).empty())
        return Kept::by_processes;
    if (row.inode != 0)
        return !holders.all_processes_seen() ? Kept::by_a_hidden_one
               : holders.in_a_container()    ? Kept::by_an_outsider
                                             : Kept::by_the_kernel;
    if (row.state == "SYN-RECV" || row.state == "SYN-SENT")
        return Kept::half_open;
    if (row.state == "ESTAB" || row.state == "CLOSE-WAIT") {
        const bool served = std::ranges::any_of(
            all, [&](const SocketRow& other) { return other.state == "LISTEN" && other.local.port == row.local.port; });
        return served ? Kept::for_accept : Kept::by_the_kernel;
    }
    return is_a_listener(row) ? Kept::by_the_kernel : Kept::ending;
}

std::string in_words(Kept how, const SocketRow& row) {
    switch (how) {
    case Kept::by_processes:
        return "held by";
    case Kept::by_a_hidden_one:
        return "held by a process of " + user_name(row.user) + " that you may not look into" +
               (row.user == 0 ? ", or by the kernel itself" : "");
    case Kept::by_an_outsider:
        return "held by a process outside of this container, or by the kernel itself";
    case Kept::by_the_kernel:
        return "held by no process but by the kernel itself (for a tunnel such as VXLAN or WireGuard, for NFS, or "
               "while it is on its way from one process to another)";
    case Kept::for_accept:
        return "a connection that waits for its listener to call accept";
    case Kept::half_open:
        return "a connection that is not made yet";
    case Kept::time_wait:
        return "held by no process but kept for a connection that has ended (TIME-WAIT)";
    case Kept::ending:
        return "held by no process but kept for a connection that is ending (" + row.state + ")";
    }
    return {};
}

std::string remedy(Kept how, const SocketRow& row) {
    switch (how) {
    case Kept::by_a_hidden_one:
        return ::geteuid() == 0 ? "look from outside of this container"
                                : "look with sudo ./portlab who " + std::to_string(row.local.port);
    case Kept::by_an_outsider:
        return "look from outside of this container";
    case Kept::time_wait:
        return "wait up to 60 s";
    case Kept::half_open:
    case Kept::ending:
        return "wait a minute or two";
    default:
        return {};
    }
}

namespace {

std::string another_port(const Asked& asked) {
    return asked.port.empty() ? std::string{}
                              : "choose another " + std::string{asked.port} + " (0 lets the system choose)";
}

std::string with_remedy(const std::string& reason, const std::string& remedy) {
    return remedy.empty() ? reason : reason + ": " + remedy;
}

std::string address_in_use(Protocol protocol, const Address& wanted, const Asked& asked) {
    if (wanted.port == 0)
        return "the system has no port left to choose (net.ipv4.ip_local_port_range): choose one";
    std::vector<SocketRow> rows;
#ifdef __linux__
    bool known = true;
    try {
        rows = kernel_sockets(protocol);
    } catch (const std::system_error&) { // a container may forbid the question
        known = false;
    }
#else
    const bool known = false;
#endif
    if (!known)
        return with_remedy("this system does not say who holds it", another_port(asked));
    const std::vector<SocketRow> all = rows;

    const auto zone = wanted.ip.find('%');
    Claim claim{protocol, wanted.ip.substr(0, zone)};
    claim.v6_only = asked.v6_only;
    claim.reuse_address = asked.reuse_address;
    claim.reuse_port = asked.reuse_port;
    claim.user = ::geteuid();
    if (zone != wanted.ip.npos)
        claim.interface = ::if_nametoindex(wanted.ip.c_str() + zone + 1);
    std::erase_if(
        rows, [&](const SocketRow& row) { return row.local.port != wanted.port || blocks(row, claim) == Blocks::no; });
    const bool certain =
        std::ranges::any_of(rows, [&](const SocketRow& row) { return blocks(row, claim) == Blocks::yes; });
    if (certain)
        std::erase_if(rows, [&](const SocketRow& row) { return blocks(row, claim) != Blocks::yes; });
    std::stable_partition(rows.begin(), rows.end(), is_a_listener); // before the connections that it has made

    const Holders holders{rows};
    std::vector<Holder> processes;
    std::vector<std::string> reasons, remedies;
    bool itself = false;
    const auto add = [](std::vector<std::string>& to, const std::string& text) {
        if (!text.empty() && std::ranges::find(to, text) == to.end())
            to.push_back(text);
    };
    for (const SocketRow& row : rows) {
        const Kept how = kept(row, holders, all);
        for (const Holder& holder : holders.of(row))
            if (holder.pid == ::getpid())
                itself = true;
            else if (std::ranges::find(processes, holder.pid, &Holder::pid) == processes.end())
                processes.push_back(holder);
        if (how == Kept::by_processes || how == Kept::for_accept) // which goes with its listener
            continue;
        add(reasons, in_words(how, row));
        add(remedies, remedy(how, row));
    }
    if (!processes.empty()) {
        reasons.insert(reasons.begin(), "held by " + names(processes));
        const auto asleep = std::ranges::find(processes, true, &Holder::suspended);
        remedies.insert(remedies.begin(), processes.size() == 1 ? "stop it" : "stop them all");
        if (asleep != processes.end())
            remedies.insert(remedies.begin(),
                            "wake it with fg in its terminal or kill -CONT " + std::to_string(asleep->pid));
    }
    if (itself)
        reasons.insert(reasons.begin(), "held by this program itself, process " + std::to_string(::getpid()));
    if (reasons.empty())
        return with_remedy(
            "nobody holds it any more, as far as the kernel's table shows (sockets that are bound and do "
            "not listen are in it from Linux 6.8 on)",
            "try again" + (asked.port.empty() ? std::string{} : ", or " + another_port(asked)));

    std::string reason;
    for (const std::string& part : reasons)
        reason += (reason.empty() ? "" : ", and ") + part;
    const std::size_t subjects = reasons.size() + (processes.empty() ? 0 : processes.size() - 1);
    if (!certain && rows.size() > 1 && subjects > 1) // those of them that lack the option that this program has set
        reason = "by one or more of these: " + reason;
    std::string todo;
    for (const std::string& part : remedies)
        todo += (todo.empty() ? "" : " and ") + part;
    const std::string other = another_port(asked);
    return with_remedy(reason, todo + (todo.empty() || other.empty() ? "" : ", or ") + other);
}

} // namespace

std::string why_refused(Protocol protocol, const Address& wanted, int error, const Asked& asked) {
    const std::string host{asked.host}, port{asked.port};
    const auto set = [](const std::string& setting, const std::string& how) {
        return setting.empty() ? std::string{} : "choose a " + setting + how;
    };
    switch (error) {
    case EADDRINUSE:
        return address_in_use(protocol, wanted, asked);
    case EACCES:
    case EPERM: {
        const unsigned first = first_unprivileged_port();
        const std::string low = "ports below " + std::to_string(first) + " (net.ipv4.ip_unprivileged_port_start) need ";
        if (error == EACCES && wanted.port < first && !may_have_low_ports())
            return with_remedy(low + "the capability CAP_NET_BIND_SERVICE",
                               set(port, " from " + std::to_string(first) + " up"));
        const std::string rule = "a rule of this system forbids it (Landlock, SELinux, AppArmor, seccomp)";
        return with_remedy(wanted.port >= first ? "the number needs no privilege: " + rule
                                                : low + "a capability that this program has; " + rule +
                                                      ", or the capability does not count in this network",
                           "ask whoever runs the system" + (port.empty() ? port : ", or choose another " + port));
    }
    case EADDRNOTAVAIL:
        return with_remedy("this machine does not have that address", set(host, " that it has, such as 127.0.0.1"));
    case EAFNOSUPPORT:
        return with_remedy(wanted.ip.find(':') == std::string::npos ? "this system has no IPv4"
                                                                    : "this system has no IPv6",
                           set(host, wanted.ip.find(':') == std::string::npos ? " such as ::1" : " such as 127.0.0.1"));
    case EINVAL:
        if (wanted.ip.starts_with("fe80:") && wanted.ip.find('%') == std::string::npos)
            return with_remedy("a link-local address needs its interface",
                               set(host, " such as " + wanted.ip + "%eth0"));
        [[fallthrough]];
    default: {
        std::string choice = port + (port.empty() || host.empty() ? "" : " or ") + host;
        return "no reason is known here" + (choice.empty() ? choice : ": choose another " + choice);
    }
    }
}

} // namespace common
