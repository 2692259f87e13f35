#include "tests/support/grader.hpp"
#include "tests/support/network.hpp"
#include "tests/support/wait.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <poll.h>
#include <sys/socket.h>
#include <vector>

using namespace grader;

namespace {

// A UDP client that hears only its server.
class Asker {
  public:
    Asker(Grader& grader, const Address& server)
        : grader_{grader}, server_{to_string(server)}, socket_{support::udp_socket("127.0.0.1", 0, server)} {}

    std::string local() const { return to_string(socket_.local()); }

    // The answer to a datagram, without a newline that may end it.
    std::string ask(const std::string& datagram) {
        const std::string what = "sent the datagram " + in_quotes(datagram) + " from " + local() + " to " + server_;
        grader_.did(what);
        ::send(socket_.descriptor(), datagram.data(), datagram.size(), MSG_NOSIGNAL);
        const auto waited = support::wait_for_any({{socket_.descriptor(), POLLIN}}, support::patience);
        if (!waited.ready)
            grader_.fail("no datagram came back from " + server_ + " in " + waited.time);
        std::array<char, 2000> buffer{};
        const auto size = ::recv(socket_.descriptor(), buffer.data(), buffer.size(), MSG_DONTWAIT);
        if (size < 0)
            grader_.fail("the client that " + what + " got " + in_words(errno));
        std::string answer{buffer.data(), static_cast<std::size_t>(size)};
        grader_.did("received the datagram " + in_quotes(answer));
        if (answer.ends_with('\n'))
            answer.pop_back();
        return answer;
    }

  private:
    Grader& grader_;
    std::string server_;
    support::Client socket_;
};

void expect_answer(Grader& grader, Asker& asker, const std::string& datagram) {
    const std::string answer = asker.ask(datagram);
    grader.expect(answer == asker.local(), "the answer to " + asker.local() + " is " + in_quotes(answer));
}

// Its one UDP socket with a port.
SocketRow datagram_socket(Grader& grader, const Program& program) {
    const auto rows = program.sockets(Protocol::udp);
    grader.expect(rows.size() == 1, rows.empty()
                                        ? "it has no UDP socket with a port"
                                        : "it has " + std::to_string(rows.size()) + " UDP sockets with a port");
    return rows.front();
}

void expect_pair(Grader& grader, const Program& program, const Address& says) {
    const Address local = datagram_socket(grader, program).local;
    grader.expect(local == says, "its UDP socket has " + to_string(local) + ", and its TCP socket " + to_string(says));
}

// A network in which the kernel chooses from forty numbers, and two of them are free for both protocols: of the others,
// the odd ones are taken for UDP and the even ones for TCP.
class Crowd {
  public:
    explicit Crowd(Grader& grader) : low_{static_cast<std::uint16_t>(2 * grader.draw(5000, 15000))} {
        const unsigned last = low_ + 39u;
        support::set_sysctl("net/ipv4/ip_local_port_range", std::to_string(low_) + " " + std::to_string(last));
        // In the lower half: where SO_REUSEADDR is set, Linux looks there first.
        even_ = static_cast<std::uint16_t>(low_ + 2 * grader.draw(0, 9));
        odd_ = static_cast<std::uint16_t>(low_ + 2 * grader.draw(0, 9) + 1);
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
    // What is taken and is neither the grader's nor this one; 127.0.0.1 has nobody else.
    std::string taken_besides(std::uint16_t own) const {
        std::string found;
        unsigned count = 0;
        const auto add = [&](const std::string& protocol, unsigned port) {
            if (++count <= 3)
                found += (found.empty() ? "" : ", ") + protocol + " " + std::to_string(port);
        };
        for (unsigned number = low_; number <= low_ + 39u; ++number) {
            const auto port = static_cast<std::uint16_t>(number);
            if (port == own)
                continue;
            if ((port % 2 || is_free(port)) && support::bound_socket("127.0.0.1", port).error() == EADDRINUSE)
                add("TCP", port);
            if ((port % 2 == 0 || is_free(port)) && support::udp_socket("127.0.0.1", port).error() == EADDRINUSE)
                add("UDP", port);
        }
        return count > 3 ? found + " and " + std::to_string(count - 3) + " more" : found;
    }

  private:
    std::uint16_t low_, even_ = 0, odd_ = 0;
    std::vector<support::Client> held_;
};

void expect_good_end(Grader& grader, Program program) {
    program.send_signal(SIGTERM);
    const int status = program.exit_status();
    grader.expect(status == 0, "it ended with " + status_in_words(status));
}

} // namespace

void grader::judge(Grader& grader) {
    grader.check("it says where it listens",
                 "the line \"listening on 127.0.0.1:PORT\", with the port of its TCP listener "
                 "in the kernel's table",
                 "The program");
    Program program = grader.start();
    const Address says = program.ready();
    const Address listens = program.listener().local;
    grader.expect(listens.ip == "127.0.0.1" && listens == says,
                  "it says " + to_string(says) + ", and listens on " + to_string(listens));
    grader.connect(says);

    grader.check("its UDP socket has the same address and number", "one UDP socket, at " + to_string(says), "Predict");
    expect_pair(grader, program, says);

    grader.check("it answers a datagram with its sender's endpoint",
                 "a datagram with the sender's ADDRESS:PORT, from the number that was asked",
                 "Exercise 2.2: one number twice");
    Asker one{grader, says}, two{grader, says};
    expect_answer(grader, one, "who am I?");

    grader.check("it answers everybody, again and again", "each sender gets its own ADDRESS:PORT, each time",
                 "Exercise 2.2: one number twice");
    expect_answer(grader, two, "and I?");
    expect_answer(grader, one, "and now?");

    grader.check("it answers an empty datagram as well", "the sender's ADDRESS:PORT, and the program runs on",
                 "Exercise 2.2: one number twice");
    expect_answer(grader, two, "");
    expect_answer(grader, one, "still there?");

    grader.check("a second copy runs beside it", "another line, with another number", "What goes wrong");
    Program second = grader.start();
    const Address other = second.ready();
    grader.expect(other != says, "both say " + to_string(says));
    expect_pair(grader, second, other);

    grader.check("it ends on SIGTERM with status 0", "status 0", "Exercise 2.2: one number twice");
    expect_good_end(grader, program);
    expect_good_end(grader, second);

    grader.check("it takes another number where one protocol has this one",
                 "a number that is free for both protocols, from those that the kernel chooses from",
                 "What the kernel did");
    grader.where_possible([&] {
        grader.new_scene();
        const Crowd crowd{grader};
        std::string left;
        for (int run = 0; run < 5; ++run) { // the kernel may happen to choose well at once
            Program crowded = grader.start();
            const Address found = crowded.ready();
            grader.expect(crowd.is_free(found.port), "it has number " + std::to_string(found.port) +
                                                         ", and the kernel could choose only " + crowd.words());
            expect_pair(grader, crowded, found);
            left = crowd.taken_besides(found.port);
            if (!left.empty())
                break;
            expect_good_end(grader, crowded);
        }
        grader.check("it gives back what is of no use", "beside the one number it holds none, of TCP or of UDP",
                     "From outside");
        grader.expect(left.empty(), "while it has its number, these are taken as well, and not by the grader: " + left);
    });
    grader.check_refusal();
}
