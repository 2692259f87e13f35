#include "tools/harness/network.hpp"
#include "tools/judge/demands.hpp"

#include <algorithm>
#include <sys/socket.h>
#include <vector>

using namespace grader;

namespace {

const std::string exercise = "Exercises";

// A socket that the program holds, by what the kernel says of its descriptor: a bound TCP socket that does not listen
// is in no table of Linux before 6.8.
struct Held {
    int type;
    Address local;
    bool listens;
};

// Its sockets over IPv4 and IPv6, once it has done all that there was to do.
std::vector<Held> sockets_of(const Program& program) {
    program.settle();
    std::vector<Held> result;
    for (const int descriptor : program.socket_descriptors()) {
        const support::Client socket = program.borrow(descriptor);
        const auto ask = [&](int option) {
            int value = 0;
            socklen_t size = sizeof value;
            ::getsockopt(socket.descriptor(), SOL_SOCKET, option, &value, &size);
            return value;
        };
        if (const int family = ask(SO_DOMAIN); family == AF_INET || family == AF_INET6)
            result.push_back({ask(SO_TYPE), support::unmapped(socket.local()), ask(SO_ACCEPTCONN) != 0});
    }
    return result;
}

// Its one socket of that type that has a port.
Held the_one(Grader& grader, const Program& program, int type) {
    std::vector<Held> sockets = sockets_of(program);
    std::erase_if(sockets, [&](const Held& held) { return held.type != type || held.local.port == 0; });
    const std::string protocol = type == SOCK_STREAM ? "TCP" : "UDP";
    grader.expect(sockets.size() == 1, sockets.empty() ? "it has no " + protocol + " socket with a port"
                                                       : "it has " + std::to_string(sockets.size()) + ' ' + protocol +
                                                             " sockets with a port");
    return sockets.front();
}

void expect_pair(Grader& grader, const Program& program, const Address& says) {
    const Address stream = the_one(grader, program, SOCK_STREAM).local,
                  datagrams = the_one(grader, program, SOCK_DGRAM).local;
    grader.expect(stream == says, "it says " + to_string(says) + ", and its TCP socket has " + to_string(stream));
    grader.expect(datagrams == says,
                  "its UDP socket has " + to_string(datagrams) + ", and its TCP socket " + to_string(says));
}

Address ready(Program& program) { return support::address_in(program.wait_for_line("bound to ")); }

// A network in which the kernel chooses from two hundred numbers, and two of them are free for both protocols: of the
// others, the odd ones are taken for UDP and the even ones for TCP.
class Crowd {
  public:
    explicit Crowd(Grader& grader) : low_{static_cast<std::uint16_t>(2 * grader.draw(5000, 15000))} {
        const unsigned last = low_ + numbers - 1;
        support::set_sysctl("net/ipv4/ip_local_port_range", std::to_string(low_) + " " + std::to_string(last));
        // In the lower half: if SO_REUSEADDR is set, Linux looks there first.
        even_ = static_cast<std::uint16_t>(low_ + 2 * grader.draw(0, numbers / 4 - 1));
        odd_ = static_cast<std::uint16_t>(low_ + 2 * grader.draw(0, numbers / 4 - 1) + 1);
        for (unsigned number = low_; number <= last; ++number)
            if (const auto port = static_cast<std::uint16_t>(number); !is_free(port))
                held_.push_back(port % 2 ? support::udp_socket("127.0.0.1", port)
                                         : support::bound_socket("127.0.0.1", port));
        grader.did("let the kernel choose from " + std::to_string(low_) + " to " + std::to_string(last) +
                   ", and took all of these for UDP or for TCP, but " + words());
    }
    bool is_free(std::uint16_t port) const { return port == even_ || port == odd_; }
    std::string words() const {
        return std::to_string(std::min(even_, odd_)) + " and " + std::to_string(std::max(even_, odd_));
    }

  private:
    static constexpr unsigned numbers = 200;
    std::uint16_t low_, even_ = 0, odd_ = 0;
    std::vector<support::Client> held_;
};

} // namespace

void grader::judge(Grader& grader) {
    grader.check("it says where it is bound",
                 "the line \"bound to 127.0.0.1:PORT\" and no word more, with the number of its TCP socket",
                 "What if any number will do?");
    Program program = grader.start();
    const std::string line = program.wait_for_line("bound to ");
    const Address says = support::address_in(line);
    const Address stream = the_one(grader, program, SOCK_STREAM).local;
    grader.expect(stream == says, "it says " + to_string(says) + ", and its TCP socket has " + to_string(stream));
    grader.expect(stream.ip == "127.0.0.1", "its TCP socket is bound to " + to_string(stream));
    grader.expect(line == "bound to " + to_string(says), "its line is " + in_quotes(line));

    grader.check("its UDP socket has the same address and number", "one UDP socket, at " + to_string(says),
                 "What exactly is yours?");
    expect_pair(grader, program, says);

    grader.check("neither of the two listens", "a TCP socket that is bound, and refuses whoever calls",
                 "Why is the display still dark?");
    grader.expect(!the_one(grader, program, SOCK_STREAM).listens, "its TCP socket listens");

    grader.check("it holds the two and no other", "two sockets of TCP and UDP", exercise);
    const std::size_t held = sockets_of(program).size();
    grader.expect(held == 2, "it holds " + std::to_string(held) + " sockets");

    grader.check("a second copy runs beside it", "another line, with another number", "What if any number will do?");
    Program second = grader.start();
    const Address other = ready(second);
    grader.expect(other != says, "both say " + to_string(says));
    expect_pair(grader, second, other);

    grader.check("it says that it has the number when it has it twice, and not before",
                 "when the line comes, both sockets have the number", exercise);
    grader.did("makes the next program's standard output full: it cannot go on before its first line is read");
    Program third = grader.start({.full_output = true});
    third.settle();
    const auto sockets = sockets_of(third);
    const auto has = [&](int type) {
        return std::ranges::any_of(sockets, [&](const Held& one) { return one.type == type && one.local.port != 0; });
    };
    const std::string missing = !has(SOCK_STREAM) ? "TCP" : !has(SOCK_DGRAM) ? "UDP" : "";
    const std::string first_line = third.line();
    grader.expect(missing.empty() || !first_line.starts_with("bound to "),
                  "when it prints " + in_quotes(first_line) + " it has no " + missing + " socket with a port yet");

    check_endings(grader, {}, exercise, [&](Program& ending) {
        ready(ending);
        return std::vector<Client>{};
    });

    grader.check("it takes another number if one protocol has this one",
                 "a number that is free for both protocols, from those that the kernel chooses from",
                 "What exactly is yours?");
    grader.where_possible([&] {
        grader.new_scene();
        const Crowd crowd{grader};
        std::size_t most = 0;
        for (int run = 0; run < 5; ++run) { // the kernel may happen to choose well at once
            Program crowded = grader.start({.full_output = true});
            // Before its line, which waits until it is read.
            most = std::max(most, sockets_of(crowded).size());
            const Address found = ready(crowded);
            grader.expect(crowd.is_free(found.port), "it has number " + std::to_string(found.port) +
                                                         ", and the kernel could choose only " + crowd.words());
            most = std::max(most, sockets_of(crowded).size());
            if (most > 2)
                break;
            expect_pair(grader, crowded, found);
            end(grader, crowded, Ending::sigterm);
        }
        grader.check("it gives back what is of no use",
                     "beside the two sockets with the number it holds none, when it says that it has the number",
                     "What if any number will do?");
        grader.expect(most <= 2, "when it says that it has its number, it holds " + std::to_string(most) + " sockets");
    });
    grader.check_refusal();
}
