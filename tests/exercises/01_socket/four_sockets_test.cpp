#include "tests/support/grader.hpp"
#include "tests/support/wait.hpp"

#include <algorithm>
#include <array>
#include <csignal>
#include <cstdio>
#include <netinet/in.h>
#include <set>
#include <sys/socket.h>

using namespace grader;

namespace {

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
    const std::string family = ask_kernel(socket, SO_DOMAIN) == AF_INET6 ? "IPv6" : "IPv4";
    const std::string type = ask_kernel(socket, SO_TYPE) == SOCK_STREAM ? "stream" : "datagram";
    return family + " " + type + (ask_kernel(socket, SO_PROTOCOL) == IPPROTO_TCP ? " TCP" : " UDP");
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
                 "Run it");
    Program program = grader.start();
    const Report report = read_report(grader, program);

    grader.check("all sockets that it names are open at once",
                 "each line has a descriptor of its own, and the process holds these sockets and no others",
                 "From outside");
    std::vector<int> said;
    for (const Line& line : report.lines)
        said.push_back(line.descriptor);
    std::ranges::sort(said);
    const std::vector<int> held = program.socket_descriptors();
    grader.did("looked in /proc/" + std::to_string(program.pid()) + "/fd for sockets");
    grader.expect(said == held, "it names the descriptors " + listed(said, "of none") +
                                    "; those of its sockets are: " + listed(held, "none"));

    grader.check("each line says what the kernel says", "the family, type and protocol of the socket behind the number",
                 "The program");
    std::set<std::string> kinds;
    for (const Line& line : report.lines) {
        const std::string kind = kind_of(program.borrow(line.descriptor));
        grader.expect(line.kind == kind, "it says that descriptor " + std::to_string(line.descriptor) + " is " +
                                             line.kind + ", and the kernel says " + kind);
        kinds.insert(kind);
    }

    grader.check("it opens one socket of each kind",
                 "TCP and UDP, each over IPv4 and IPv6; the last line is \"4 sockets are open\"", "Run it");
    grader.expect(kinds.size() == 4 && report.lines.size() == 4 && report.last == "4 sockets are open",
                  "its sockets are: " + listed(kinds, "none") + "; its last line is " + in_quotes(report.last));

    grader.check("none of them has a port", "the local endpoint 0.0.0.0:0 or [::]:0", "Run it");
    for (const Line& line : report.lines) {
        const Address local = program.borrow(line.descriptor).local();
        grader.expect(local.port == 0, "descriptor " + std::to_string(line.descriptor) + ", " + line.kind +
                                           ", has the local endpoint " + to_string(local));
    }

    grader.check("it does without a family that the machine lacks",
                 "a line that begins with \"no IPv6\", the two sockets over IPv4, and the line \"2 sockets are open\"",
                 "The family is missing");
    Program without = grader.start({.lacking = Lacking::ipv6});
    grader.did("answered with EAFNOSUPPORT each time that it asked for an IPv6 socket");
    const Report rest = read_report(grader, without);
    grader.expect(!rest.missing.empty() && without.socket_descriptors().size() == 2 && rest.lines.size() == 2 &&
                      rest.last == "2 sockets are open",
                  "it names " + std::to_string(rest.lines.size()) + " sockets and holds " +
                      std::to_string(without.socket_descriptors().size()) + "; lines that begin with \"no IPv6\": " +
                      std::to_string(rest.missing.size()) + "; its last line is " + in_quotes(rest.last));

    grader.check("another refusal ends it with status 1", "a reason on standard error, and status 1",
                 "No descriptor is free");
    Program short_of = grader.start({.descriptors = static_cast<unsigned>(said.back())});
    grader.did("so its last socket, which had descriptor " + std::to_string(said.back()) + ", has none left");
    const std::size_t count = short_of.lines_to_the_end().size();
    int status = short_of.exit_status();
    grader.expect(status == 1 && !short_of.complained().empty(),
                  "it ended with " + status_in_words(status) + " after " + std::to_string(count) +
                      " lines, and printed on standard error " +
                      (short_of.complained().empty() ? "nothing" : in_quotes(short_of.complained())));

    grader.check("it ends on Enter with status 0", "it ends when Enter is pressed, and not before", "Run it");
    program.type("\n");
    status = program.exit_status();
    grader.expect(status == 0, "it ended with " + status_in_words(status));

    grader.check("it ends on SIGTERM with status 0", "the signal ends the wait, and the status is 0", "Run it");
    without.send_signal(SIGTERM);
    status = without.exit_status();
    grader.expect(status == 0, "it ended with " + status_in_words(status));
}
