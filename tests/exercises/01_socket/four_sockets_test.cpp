#include "tools/harness/wait.hpp"
#include "tools/judge/demands.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <netinet/in.h>
#include <set>
#include <sys/socket.h>
#include <vector>

using namespace grader;

namespace {

const std::string exercise = "Exercises";

struct Line {
    int descriptor = -1;
    std::string kind; ///< "IPv4 stream TCP"
};

struct Report {
    std::vector<Line> lines;
    std::vector<std::string> missing; ///< The lines "no IPv6 ...".
    std::string last;
};

// Reads the program's lines up to "N sockets are open".
Report read_report(Grader& grader, Program& program) {
    Report report;
    while (!report.last.ends_with(" sockets are open")) {
        report.last = program.line();
        std::array<char, 8> family{}, protocol{};
        std::array<char, 16> type{};
        Line line;
        if (std::sscanf(report.last.c_str(), "descriptor %d: %7s %15s %7s", &line.descriptor, family.data(),
                        type.data(), protocol.data()) == 4)
            line.kind = std::string{family.data()} + " " + type.data() + " " + protocol.data();
        if (report.last == "descriptor " + std::to_string(line.descriptor) + ": " + line.kind)
            report.lines.push_back(line);
        else if (report.last.starts_with("no IPv6"))
            report.missing.push_back(report.last);
        else if (!report.last.ends_with(" sockets are open"))
            grader.fail("the line " + in_quotes(report.last) + " has another form");
    }
    return report;
}

int ask_kernel(const support::Client& socket, int option) {
    int value = -1;
    socklen_t size = sizeof value;
    ::getsockopt(socket.descriptor(), SOL_SOCKET, option, &value, &size);
    return value;
}

std::string kind_of(const support::Client& socket) {
    const int family = ask_kernel(socket, SO_DOMAIN), type = ask_kernel(socket, SO_TYPE),
              protocol = ask_kernel(socket, SO_PROTOCOL);
    const auto other = [](const char* what, int number) { return what + (" " + std::to_string(number)); };
    return (family == AF_INET6  ? "IPv6"
            : family == AF_INET ? "IPv4"
                                : other("family", family)) +
           (type == SOCK_STREAM  ? " stream"
            : type == SOCK_DGRAM ? " datagram"
                                 : other(" type", type)) +
           (protocol == IPPROTO_TCP   ? " TCP"
            : protocol == IPPROTO_UDP ? " UDP"
                                      : other(" protocol", protocol));
}

// Its descriptors that are sockets for the network; one of the family AF_UNIX may be anything.
std::vector<int> network_sockets(const Program& program) {
    std::vector<int> found = program.socket_descriptors();
    std::erase_if(found, [&](int number) {
        const int family = ask_kernel(program.borrow(number), SO_DOMAIN);
        return family != AF_INET && family != AF_INET6;
    });
    return found;
}

std::vector<int> said_in(const Report& report) {
    std::vector<int> said;
    for (const Line& line : report.lines)
        said.push_back(line.descriptor);
    std::ranges::sort(said);
    return said;
}

template <class Items>
std::string listed(const Items& items, const std::string& none) {
    std::string text;
    for (const auto& item : items) {
        text += text.empty() ? "" : ", ";
        if constexpr (std::is_same_v<typename Items::value_type, int>)
            text += std::to_string(item);
        else
            text += item;
    }
    return text.empty() ? none : text;
}

} // namespace

void grader::judge(Grader& grader) {
    if (const support::Client socket{::socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0)}; socket.descriptor() < 0)
        support::leave_out("needs a system that has IPv6");

    grader.check("it says what it has opened, and waits",
                 "lines \"descriptor N: FAMILY TYPE PROTOCOL\", then the line \"4 sockets are open\", all of it to be "
                 "read while the program still runs",
                 "What kind of socket is it?");
    Program program = grader.start();
    const Report report = read_report(grader, program);

    grader.check("all sockets that it names are open at once",
                 "each line has a descriptor of its own, and the process holds these sockets and no others",
                 "Where is the socket?");
    const std::vector<int> said = said_in(report);
    program.settle();
    const std::vector<int> held = network_sockets(program);
    grader.did("looked in /proc/" + std::to_string(program.pid()) + "/fd for sockets");
    grader.expect(said == held, "it names the descriptors " + listed(said, "of none") +
                                    "; those of its sockets are: " + listed(held, "none"));

    grader.check("each line says what the kernel says", "the family, type and protocol of the socket behind the number",
                 "What kind of socket is it?");
    const auto kinds_of = [&](const Program& which, const Report& lines) {
        std::set<std::string> kinds;
        for (const Line& line : lines.lines) {
            const std::string kind = kind_of(which.borrow(line.descriptor));
            grader.expect(line.kind == kind, "it says that descriptor " + std::to_string(line.descriptor) + " is " +
                                                 line.kind + ", and the kernel says " + kind);
            kinds.insert(kind);
        }
        return kinds;
    };
    const std::set<std::string> kinds = kinds_of(program, report);

    grader.check("it opens one socket of each kind",
                 "TCP and UDP, each over IPv4 and IPv6; the last line is \"4 sockets are open\"",
                 "What kind of socket is it?");
    grader.expect(kinds.size() == 4 && report.lines.size() == 4 && report.last == "4 sockets are open",
                  "its sockets are: " + listed(kinds, "none") + "; its last line is " + in_quotes(report.last));
    grader.expect(report.missing.empty(), "it says " + listed(report.missing, "") + ", and there is IPv6");

    grader.check("none of them has a port", "the local endpoint 0.0.0.0:0 or [::]:0", "How do you get a socket?");
    for (const Line& line : report.lines) {
        const Address local = program.borrow(line.descriptor).local();
        grader.expect(local.port == 0, "descriptor " + std::to_string(line.descriptor) + ", " + line.kind +
                                           ", has the local endpoint " + to_string(local));
    }

    grader.check("it does without a family that the machine lacks",
                 "a line that begins with \"no IPv6\", the two sockets over IPv4, and the line \"2 sockets are open\"",
                 "What if the kernel says no?");
    Program without = grader.start({.lacking = Lacking::ipv6});
    grader.did("answered with EAFNOSUPPORT each time that it asked for an IPv6 socket");
    const Report rest = read_report(grader, without);
    without.settle();
    const std::set<std::string> left = kinds_of(without, rest);
    const std::vector<int> kept = network_sockets(without);
    grader.expect(
        !rest.missing.empty() && kept.size() == 2 && rest.lines.size() == 2 && rest.last == "2 sockets are open",
        "it names " + std::to_string(rest.lines.size()) + " sockets and holds " + std::to_string(held.size()) +
            "; lines that begin with \"no IPv6\": " + std::to_string(rest.missing.size()) + "; its last line is " +
            in_quotes(rest.last));
    grader.expect(left == std::set<std::string>{"IPv4 datagram UDP", "IPv4 stream TCP"} && said_in(rest) == kept,
                  "its sockets are: " + listed(left, "none"));

    check_endings(grader, {}, exercise, [&](Program& ending) {
        read_report(grader, ending);
        return std::vector<Client>{};
    });
    end(grader, without, Ending::enter);

    grader.check("it prints nothing else", "no more lines, not at its end either", exercise);
    end(grader, program, Ending::enter);
    for (const auto& more : {program.lines_to_the_end(), without.lines_to_the_end()})
        grader.expect(more.empty(), "after its last line it printed " + listed(more, ""));

    grader.check("another refusal ends it with status 1",
                 "the reason on standard error, and status 1, whichever of its sockets is refused",
                 "Too many open files");
    const auto expect_failure = [&](const Launch& launch, const std::string& step, int error) {
        grader.new_scene();
        Program refused = grader.start(launch);
        grader.did(step + in_words(error));
        const std::size_t count = refused.lines_to_the_end().size();
        const int status = refused.exit_status();
        if (count == 0 && launch.descriptors != 0 && launch.descriptors < 10)
            return; // too few for it to begin at all: libraries are files, too
        grader.expect(status == 1 && gives(refused.complained(), error),
                      "it ended with " + status_in_words(status) + " after " + std::to_string(count) +
                          " lines, and printed on standard error " +
                          (refused.complained().empty() ? "nothing" : in_quotes(refused.complained())));
    };
    for (auto number = said.rbegin(); number != said.rend() && *number >= 6; ++number)
        expect_failure({.descriptors = static_cast<unsigned>(*number)},
                       "so the socket that had descriptor " + std::to_string(*number) + " has none left: ", EMFILE);
#ifdef __linux__
    expect_failure({.lacking = Lacking::buffers}, "took the memory for sockets away from it: ", ENOBUFS);
#endif
}
