#include "common/conflict.hpp"

#include <string_view>
#include <utility>

namespace common {
namespace {

// ::ffff:127.0.0.1 is 127.0.0.1 on a socket of the family IPv6: for the rule, that IPv4 address.
constexpr std::string_view mapped = "::ffff:";

bool is_mapped(const Claim& claim) { return claim.ip.starts_with(mapped) && claim.ip.find('.') != claim.ip.npos; }
std::string_view address_of(const Claim& claim) {
    return std::string_view{claim.ip}.substr(is_mapped(claim) ? mapped.size() : 0);
}

bool is_v6(const Claim& claim) { return address_of(claim).find(':') != std::string_view::npos; }
bool is_any(const Claim& claim) { return address_of(claim) == "::" || address_of(claim) == "0.0.0.0"; }

bool is_v6_only(const Claim& claim) {
    const bool connection = claim.state == Claim::State::connected || claim.state == Claim::State::time_wait;
    return is_v6(claim) && (claim.v6_only || (!is_any(claim) && !connection));
}

} // namespace

bool overlap(const Claim& a, const Claim& b) {
    // A connection over IPv6 that came by way of a socket for both meets 0.0.0.0, though not ::ffff:0.0.0.0.
    const auto no_connection = [](const Claim& v6, const Claim& v4) { return is_any(v6) || !is_mapped(v4); };
    const bool both_meet = is_v6(a) ? no_connection(a, b) : no_connection(b, a);
    const bool families_meet = is_v6(a) == is_v6(b) || (!is_v6_only(a) && !is_v6_only(b) && both_meet);
    const bool interfaces_meet = a.interface == 0 || b.interface == 0 || a.interface == b.interface;
    return families_meet && interfaces_meet && (is_any(a) || is_any(b) || address_of(a) == address_of(b));
}

Verdict conflict(const Claim& first, const Claim& second) {
    using State = Claim::State;
    const bool one_user =
        first.user == second.user || (first.protocol == Protocol::tcp && first.state == State::time_wait);
    const bool share = first.reuse_port && second.reuse_port && one_user;
    const bool reuse = first.reuse_address && second.reuse_address;
    if (first.protocol != second.protocol || !overlap(first, second) || share)
        return Verdict::ok;
    if (!reuse)
        return Verdict::refused_at_bind;
    if (first.protocol == Protocol::udp || first.state == State::connected || first.state == State::time_wait)
        return Verdict::ok;
    return first.state == State::listening ? Verdict::refused_at_bind : Verdict::one_listens;
}

Claim left_in_time_wait(Claim server, const std::string& called) {
    server.v6_only = is_v6_only(server);
    server.ip = called;
    server.state = Claim::State::time_wait;
    return server;
}

Blocks blocks(const SocketRow& row, const Claim& wanted) {
    Claim held{row.protocol, row.local.ip};
    held.interface = row.interface;
    held.user = row.user;
    held.state = row.state == "LISTEN"      ? Claim::State::listening
                 : row.state == "TIME-WAIT" ? Claim::State::time_wait
                 : row.peer.port != 0       ? Claim::State::connected
                                            : Claim::State::bound;
    unsigned refused = 0;
    for (unsigned unknown = 0; unknown < 8; ++unknown) {
        held.reuse_address = unknown & 1;
        held.reuse_port = unknown & 2;
        held.v6_only = row.v6_only.value_or(unknown & 4);
        refused += conflict(held, wanted) == Verdict::refused_at_bind;
    }
    return refused == 0 ? Blocks::no : refused == 8 ? Blocks::yes : Blocks::perhaps;
}

} // namespace common
