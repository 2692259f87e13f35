#include "tools/judge/demands.hpp"

#include "tools/harness/asleep.hpp"
#include "tools/harness/network.hpp"
#include "tools/harness/sandbox.hpp"
#include "tools/harness/wait.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <poll.h>
#include <set>
#include <sys/socket.h>
#include <utility>

namespace grader {
namespace {

std::string joined(const std::vector<std::string>& words) {
    std::string text;
    for (std::size_t i = 0; i < words.size(); ++i)
        text += (i == 0 ? "" : i + 1 == words.size() ? " and " : ", ") + words[i];
    return text;
}

// The server's end of the client's connection, by the kernel's word; nothing where it is closed.
std::optional<SocketRow> other_end(const Address& server, const Address& client) {
    return support::kernel_socket(Protocol::tcp, server, client);
}

void count_sockets(const std::string& folder, std::set<std::string>& held) {
    namespace fs = std::filesystem;
    std::error_code gone; // the process may close a descriptor, or end, while we look
    for (fs::directory_iterator entry{folder, gone}, end; !gone && entry != end; entry.increment(gone)) {
        std::error_code closed;
        if (const std::string what = fs::read_symlink(entry->path(), closed).string(); what.starts_with("socket:"))
            held.insert(what);
    }
}

} // namespace

std::string in_words(Ending how) {
    return std::array{"on SIGTERM", "on SIGINT", "on Enter", "at the end of its input"}[static_cast<std::size_t>(how)];
}

void tell_to_end(Program& program, Ending how) {
    switch (how) {
    case Ending::sigterm:
        return program.send_signal(SIGTERM);
    case Ending::sigint:
        return program.send_signal(SIGINT);
    case Ending::enter:
        return program.type("\n");
    case Ending::end_of_input:
        return program.close_input();
    }
}

void end(Grader& grader, Program& program, Ending how) {
    tell_to_end(program, how);
    const int status = program.exit_status();
    grader.expect(status == 0, in_words(how) + " it ended with " + status_in_words(status));
}

void check_endings(Grader& grader, const Launch& launch, const std::string& section, const SetUp& set_up,
                   const std::vector<Ending>& ways) {
    std::vector<std::string> words;
    for (const Ending how : ways)
        words.push_back(in_words(how));
    grader.check("it ends with status 0 when it is asked to",
                 "status 0 " + joined(words) + ", and no process left behind", section);
    for (const Ending how : ways) {
        Program program = grader.start(launch);
        std::vector<Client> connected;
        if (set_up)
            connected = set_up(program);
        else
            program.ready();
        program.settle();
        end(grader, program, how);
    }
}

std::string no_listener(const Program& program) {
    const auto rows = program.sockets(Protocol::tcp);
    const bool listens = std::ranges::any_of(rows, [](const SocketRow& row) { return row.state == "LISTEN"; });
    return listens ? "" : "it does not listen yet";
}

Program check_ready_line(Grader& grader, const Launch& launch, const std::string& section, const Missing& missing) {
    grader.check("it says that it is ready when it is, and not before",
                 "when the ready line comes, a client can connect, and all that the line says is true", section);
    Launch full = launch;
    full.full_output = true;
    grader.did("makes the next program's standard output full: it cannot go on before its first line is read");
    Program program = grader.start(full);
    std::string left;
    support::eventually([&] { return (left = missing(program)).empty(); });
    if (left.empty())
        return program;
    const std::string line = program.line();
    grader.expect(!line.starts_with("listening on "), "when it prints " + in_quotes(line) + " " + left);
    return program; // another line was in front of it, and in that one it stopped
}

void expect_ready_line(Grader& grader, const Program& program, const Address& says) {
    const std::string line = "listening on " + to_string(says) + "\n";
    const auto at = program.printed().find("listening on ");
    grader.expect(("\n" + program.printed()).find("\n" + line) != std::string::npos,
                  "its ready line is " + in_quotes(program.printed().substr(at == std::string::npos ? 0 : at)) +
                      ", and not " + in_quotes(line));
}

std::string in_words(Leaving how) {
    return std::array{"closed", "said something and closed", "reset its connection",
                      "said that it sends no more, and reset its connection"}[static_cast<std::size_t>(how)];
}

void leave(Client& client, Leaving how, std::string_view words) {
    const Address server = client.peer(), here = client.local();
    if (how == Leaving::speaks_and_closes)
        client.send(words);
    if (how == Leaving::half_closes_and_resets)
        client.shut_down_sending();
    if (how == Leaving::resets || how == Leaving::half_closes_and_resets)
        client.break_off();
    else
        client.close();
    support::eventually([&] {
        const auto row = other_end(server, here);
        return !row || row->state != "ESTAB";
    });
}

std::size_t sockets_held(const Program& program) {
    std::set<std::string> held;
    auto all = support::descendants(program.pid());
    all.push_back(program.pid());
    for (const pid_t process : all) {
        const std::string folder = "/proc/" + std::to_string(process);
        count_sockets(folder + "/fd", held);
    }
    return held.size();
}

void expect_sockets(Grader& grader, const Program& program, std::size_t at_most, const std::string& after) {
    std::size_t held = 0;
    support::eventually([&] { return (held = sockets_held(program)) <= at_most; });
    grader.did("counted its descriptors that are sockets: " + std::to_string(held));
    grader.expect(held <= at_most, after + " it holds " + std::to_string(held) + " sockets, and not " +
                                       std::to_string(at_most) + " as it should: it has not closed those of clients " +
                                       "that have gone");
}

void check_closing(Grader& grader, const Program& program, const std::string& section,
                   const std::function<Client()>& meet, bool at_next, const std::vector<Leaving>& ways) {
    grader.check(
        "it closes the socket of a client that has gone",
        std::string{"in whatever way the client went, the program has no descriptor of its connection any more"} +
            (at_next ? ", at the latest when it has met the next client" : ""),
        section);
    Client witness = meet();
    program.settle();
    const std::size_t before = sockets_held(program);
    grader.did("counted its descriptors that are sockets: " + std::to_string(before));
    for (const Leaving how : ways) {
        Client client = meet();
        leave(client, how);
        if (at_next) {
            Client next = meet();
            expect_sockets(grader, program, before + 1,
                           "a client has " + in_words(how) + ", the next one is there, and");
            leave(next, Leaving::closes);
        } else {
            expect_sockets(grader, program, before, "a client has " + in_words(how) + ", and");
        }
    }
    {
        std::vector<Client> group;
        while (group.size() < 20)
            group.push_back(meet());
        for (std::size_t i = 0; i < group.size(); ++i)
            leave(group[i], ways[i % ways.size()]);
    }
    Client next = meet();
    expect_sockets(grader, program, before + 1, "20 clients have gone at the same time, the next one is there, and");
    leave(next, Leaving::closes);
    unsigned i = 0;
    many_times(grader, hundreds, "more clients came and went, one after another", [&] {
        Client client = meet();
        leave(client, ways[i++ % ways.size()]);
    });
    Client last = meet();
    expect_sockets(grader, program, before + 1, std::to_string(hundreds) + " clients have gone, one is there, and");
}

Hundreds::operator unsigned() const { return support::confined() ? 20 : 300; }

void many_times(Grader& grader, unsigned times, const std::string& step, const std::function<void()>& part) {
    grader.as_one_step(std::to_string(times) + " " + step, [&] {
        for (unsigned i = 0; i < times; ++i)
            part();
    });
}

std::vector<Client> burst(Grader& grader, const Address& server, unsigned clients) {
    std::vector<Client> all;
    for (const SocketRow& row : support::kernel_sockets(Protocol::tcp))
        if (row.state == "LISTEN" && row.local.port == server.port && row.sent + 1 < clients)
            grader.fail("of " + std::to_string(clients) + " clients that come at the same moment the kernel connects " +
                        std::to_string(row.sent + 1) + ", since the queue of the listening socket has a backlog of " +
                        std::to_string(row.sent));
    std::vector<support::Client> sockets;
    for (unsigned i = 0; i < clients; ++i)
        sockets.push_back(support::begin_to_connect(server));
    const auto connected = [&] {
        return std::ranges::count_if(sockets, [&](const support::Client& socket) {
            const auto row =
                socket.descriptor() < 0 ? std::nullopt : support::kernel_socket(Protocol::tcp, socket.local(), server);
            return row && row->state == "ESTAB";
        });
    };
    const bool all_in = support::eventually([&] { return connected() == clients; });
    grader.did(std::to_string(clients) + " clients connected at the same moment");
    grader.expect(all_in, "of " + std::to_string(clients) + " clients that came at the same moment " +
                              std::to_string(connected()) + " are connected");
    for (support::Client& socket : sockets)
        all.emplace_back("one of the " + std::to_string(clients) + " clients", std::move(socket));
    return all;
}

void take_the_queue(const Program& program, const Address& server) {
    support::eventually([&] {
        return std::ranges::none_of(support::kernel_sockets(Protocol::tcp), [&](const SocketRow& row) {
            return row.state == "LISTEN" && row.local.port == server.port && row.received > 0;
        });
    });
    program.settle();
}

void break_off_in_the_queue(Grader& grader, const Address& server) {
    grader.reset_in_the_queue(server);
    for (int i = 0; i < 100; ++i) {
        support::Client client = support::begin_to_connect(server);
        client.shut_down_sending();
        support::reset(std::move(client));
    }
    grader.did("100 clients connected to " + to_string(server) +
               ", said that they send no more, and reset their connections at once");
}

std::string all_values(std::size_t size) {
    std::string bytes(size, '\0');
    unsigned state = 1; // a linear congruential generator: no two stretches are alike
    for (std::size_t i = 0; i < size; ++i) {
        state = state * 1664525u + 1013904223u;
        bytes[i] = static_cast<char>(i < 256 ? i : state >> 24);
    }
    return bytes;
}

std::string long_line(std::size_t size) {
    std::string line = all_values(size);
    std::ranges::replace(line, '\n', ' ');
    line.back() = '\n';
    return line;
}

void send_in_pieces(const Program& program, Client& client, std::string_view bytes,
                    const std::vector<std::size_t>& sizes) {
    for (std::size_t i = 0; !bytes.empty(); ++i) {
        const std::size_t size = std::min(sizes[std::min(i, sizes.size() - 1)], bytes.size());
        client.send(bytes.substr(0, size));
        bytes.remove_prefix(size);
        if (!bytes.empty())
            program.take_all_of(client);
    }
}

std::string exchange(Client& client, std::string_view bytes, std::size_t size) {
    std::string received;
    std::array<char, 65536> chunk;
    const std::string_view all = bytes;
    int error = 0;
    bool ended = false;
    while (received.size() < size && !ended) {
        const short events = bytes.empty() ? POLLIN : POLLIN | POLLOUT;
        if (!support::wait_for_any({{client.descriptor(), events}}, support::patience).ready)
            break;
        const auto got = ::recv(client.descriptor(), chunk.data(), chunk.size(), MSG_DONTWAIT);
        if (got > 0)
            received.append(chunk.data(), static_cast<std::size_t>(got));
        else if (got == 0 || errno != EAGAIN)
            error = got < 0 ? errno : 0, ended = true;
        if (!bytes.empty() && !ended) {
            const auto sent = ::send(client.descriptor(), bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
            bytes.remove_prefix(static_cast<std::size_t>(std::max<ssize_t>(sent, 0)));
        }
    }
    Grader{}.did(client.name() + " sent " + std::to_string(all.size() - bytes.size()) + " bytes of " +
                 std::to_string(all.size()) + ", and received " + std::to_string(received.size()) + " meanwhile" +
                 (ended ? ", and then the end: " + in_words(error) : ""));
    return received;
}

void expect_silence(Grader& grader, const Program& program, Client& client) {
    program.settle();
    const std::string more = client.take();
    grader.expect(more.empty(), client.name() + " receives " + in_quotes(more) + " besides");
    char next = 0;
    const auto size = ::recv(client.descriptor(), &next, 1, MSG_DONTWAIT | MSG_PEEK);
    const int error = size < 0 ? errno : 0;
    grader.expect(error == EAGAIN, "it has ended the connection of " + client.name() + ": " + in_words(error));
}

void expect_bytes(Grader& grader, const std::string& who, std::string_view got, std::string_view wanted) {
    if (got == wanted)
        return;
    const auto [a, b] = std::mismatch(got.begin(), got.end(), wanted.begin(), wanted.end());
    const auto same = static_cast<std::size_t>(a - got.begin());
    grader.fail(who + " got " + std::to_string(got.size()) + " bytes, and not the " + std::to_string(wanted.size()) +
                " that it should get; " +
                (b == wanted.end() ? "the first " + std::to_string(same) + " are right, and then come more"
                 : a == got.end()
                     ? "they are right as far as they go"
                     : "the first " + std::to_string(same) + " are right, and then comes " +
                           in_quotes(got.substr(same, 40)) + " and not " + in_quotes(wanted.substr(same, 40))));
}

std::size_t send_until_full(const Program& program, Client& client, std::string_view bytes, std::size_t limit) {
    std::size_t gone = 0, at = 0;
    while (gone < limit) {
        const auto sent =
            ::send(client.descriptor(), bytes.data() + at, bytes.size() - at, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (sent > 0) {
            gone += static_cast<std::size_t>(sent);
            at = (at + static_cast<std::size_t>(sent)) % bytes.size();
            continue;
        }
        if (errno != EAGAIN)
            break;
        program.settle();
        pollfd room{client.descriptor(), POLLOUT, 0};
        if (::poll(&room, 1, 0) == 0)
            break;
    }
    Grader{}.did(client.name() + " sent " + std::to_string(gone) + " bytes and read nothing" +
                 (gone < limit ? ", until the program took no more" : ""));
    return gone;
}

void take_long(Grader& grader, const Client& client) {
    using namespace std::chrono_literals;
    const bool ended = support::wait_for_any({{client.descriptor(), POLLIN}}, 3s).ready;
    grader.did(client.name() + " took its time");
    grader.expect(!ended, "the program did not wait until " + client.name() + " went on");
}

void expect_rest(Grader& grader, const Program& program, const std::string& what) {
    using namespace std::chrono_literals;
    const auto used = [&] { // by its processors, in nanoseconds
        unsigned long long time = 0, all = 0;
        auto processes = support::descendants(program.pid());
        processes.push_back(program.pid());
        for (const pid_t process : processes)
            for (const pid_t thread : support::living_threads(process))
                if (std::ifstream{"/proc/" + std::to_string(process) + "/task/" + std::to_string(thread) +
                                  "/schedstat"} >>
                    time)
                    all += time;
        return all;
    };
    program.settle();
    const auto start = std::chrono::steady_clock::now();
    const auto before = used();
    unsigned long long now = before;
    constexpr unsigned long long too_much = 50'000'000;
    support::eventually([&] {
        now = used();
        return now > before + too_much || std::chrono::steady_clock::now() - start > 500ms;
    });
    grader.did("looked how long it used the processor: " + std::to_string((now - before) / 1'000'000) + " ms");
    grader.expect(now <= before + too_much, "it uses the processor all the time, while it waits for " + what);
}

std::vector<std::string> no_ports(std::uint16_t near) {
    const std::string digits = std::to_string(near);
    return {"",
            " ",
            "+" + digits,
            "-" + digits,
            "-1",
            "-0",
            " " + digits,
            digits + " ",
            digits + "\n",
            "\t" + digits,
            digits + "a",
            "a" + digits,
            digits + ".0",
            digits + "e0",
            "0x" + std::string{"1F90"},
            "0b11",
            digits + "," + digits,
            digits.substr(0, 2) + "'" + digits.substr(2),
            "65536",
            "70000",
            std::to_string(65536 + near),         // in 16 bits, the port
            std::to_string(4294967296ull + near), // in 32 bits
            "18446744073709551616",               // in 64 bits, 0
            "99999999999999999999",
            "http",
            "ten",
            ":" + digits,
            "\xEF\xBC\x98\xEF\xBC\x90"}; // full-width digits, 80
}

std::vector<std::string> texts_of(std::uint16_t port) {
    const std::string digits = std::to_string(port);
    return {digits, "0" + digits, std::string(12, '0') + digits, std::string(100, '0') + digits};
}

void expect_output(Grader& grader, const Program& program, const std::vector<std::string>& lines) {
    std::string wanted;
    for (const std::string& line : lines)
        wanted += line + '\n';
    grader.expect(program.printed() == wanted,
                  "on standard output it printed " + in_quotes(program.printed()) + ", and not " + in_quotes(wanted));
}

void expect_no_complaint(Grader& grader, const Program& program) {
    grader.expect(program.complained().empty(), "on standard error it printed " + in_quotes(program.complained()));
}

void expect_failure(Grader& grader, Program& program) {
    const int status = program.exit_status();
    grader.expect(status == 1, "it ended with " + status_in_words(status));
    grader.expect(program.printed().empty(), "it printed " + in_quotes(program.printed()));
}

void expect_reason(Grader& grader, const Program& program, int error) {
    grader.expect(gives(program.complained(), error),
                  program.complained().empty() ? "nothing is on standard error"
                                               : "the system's answer was " + in_words(error) +
                                                     ", and on standard error is " + in_quotes(program.complained()));
}

bool names(std::string_view text, const Address& address) {
    const auto digit = [&](std::size_t at) { return at < text.size() && text[at] >= '0' && text[at] <= '9'; };
    const std::string wanted = to_string(address);
    for (auto at = text.find(wanted); at != text.npos; at = text.find(wanted, at + 1))
        if (!digit(at + wanted.size()) && (at == 0 || (!digit(at - 1) && text[at - 1] != '.')))
            return true;
    return false;
}

FewPorts::FewPorts(Grader& grader, unsigned free) {
    if (!grader.alone()) {
        grader.not_here("a range of ports that is the grader's own");
        return;
    }
    constexpr unsigned size = 64;
    const unsigned low = 30'001 + grader.draw(0, 1'000),
                   high = low + size - 1; // above fresh_port's, and no usual range
    std::vector<unsigned> ports;
    for (unsigned port = low; port <= high; ++port)
        ports.push_back(port);
    for (unsigned left = size; left > free; --left) {
        const auto port = ports.begin() + grader.draw(0, left - 1);
        taken_.push_back(support::bound_socket("0.0.0.0", static_cast<std::uint16_t>(*port)));
        ports.erase(port);
    }
    support::set_sysctl("net/ipv4/ip_local_port_range", std::to_string(low) + " " + std::to_string(high));
    grader.did("made the kernel choose from the ports " + std::to_string(low) + " to " + std::to_string(high) +
               ", of which all but " + std::to_string(free) + " are taken");
}

} // namespace grader
