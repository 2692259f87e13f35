#include "tests/support/grader.hpp"
#include "tests/support/wait.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <sys/socket.h>

using namespace grader;

namespace {

constexpr unsigned many = 2000;

int option_of_a_new_socket(int option) {
    const support::Client socket{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    int value = -1;
    socklen_t size = sizeof value;
    ::getsockopt(socket.descriptor(), SOL_SOCKET, option, &value, &size);
    return value;
}

// The number in "descriptor N: option K", with which the line must begin; -1 where it does not.
int descriptor_in(const std::string& line, const std::string& option) {
    int descriptor = -1;
    std::sscanf(line.c_str(), "descriptor %d:", &descriptor);
    return line.starts_with("descriptor " + std::to_string(descriptor) + ": option " + option) ? descriptor : -1;
}

void expect_no_socket(Grader& grader, const Program& program) {
    const bool none = support::eventually([&] { return program.socket_descriptors().empty(); });
    grader.did("looked in /proc/" + std::to_string(program.pid()) + "/fd for sockets");
    std::string held;
    for (const int descriptor : program.socket_descriptors())
        held += (held.empty() ? "" : ", ") + std::to_string(descriptor);
    grader.expect(none,
                  "it has answered and waits for the next line, and of its descriptors these are sockets: " + held);
}

// From now on the running program may have no descriptor from this number on.
void take_descriptors_away(Grader& grader, Program& program, int from) {
    program.limit_descriptors(static_cast<unsigned>(from));
    grader.did("limited it to the descriptors below " + std::to_string(from) + ", so that none is left for a socket");
}

} // namespace

void grader::judge(Grader& grader) {
    grader.check("it answers a line when it is typed",
                 "the line \"descriptor N: option K is VALUE\", with the value that a new TCP socket over IPv4 has",
                 "The program");
    Program program = grader.start();
    std::array options{SO_TYPE, SO_RCVBUF, SO_DOMAIN, SO_PROTOCOL};
    std::swap(options.front(), options[grader.draw(0, options.size() - 1)]);
    std::string option, right, line;
    for (const int asked : options) {
        option = std::to_string(asked);
        right = " is " + std::to_string(option_of_a_new_socket(asked));
        program.type(option + "\n");
        line = program.line();
        grader.expect(descriptor_in(line, option) >= 0 && line.ends_with("option " + option + right),
                      "it says " + in_quotes(line) + ", and the kernel says that option " + option + right);
    }

    grader.check("it holds no socket while it waits", "an open socket from a line to its answer, and none after that",
                 "No descriptor is free");
    expect_no_socket(grader, program);

    grader.check("an option that the kernel refuses costs no descriptor either",
                 "the line \"descriptor N: option K: REASON\", no socket after that, and the next line is answered",
                 "No descriptor is free");
    const std::string unknown = std::to_string(grader.draw(1000, 9999));
    program.type(unknown + "\n");
    line = program.line();
    grader.expect(descriptor_in(line, unknown + ": ") >= 0, "it says " + in_quotes(line));
    expect_no_socket(grader, program);
    program.type(option + "\n");
    line = program.line();
    grader.expect(line.ends_with("option " + option + right), "it says " + in_quotes(line));

    grader.check("it ends at the end of its input with status 0", "no more lines, and status 0",
                 "No descriptor is free");
    program.close_input();
    const auto more = program.lines_to_the_end();
    int status = program.exit_status();
    grader.expect(more.empty() && status == 0, "it printed " + std::to_string(more.size()) +
                                                   " more lines and ended with " + status_in_words(status));

    grader.check("two thousand lines take one descriptor",
                 "as many answers as lines, all with the same descriptor, where the process may have 64",
                 "No descriptor is free");
    Program limited = grader.start({.descriptors = 64});
    std::string input;
    while (input.size() < 2 * many)
        input += std::to_string(grader.draw(0, 9)) + "\n"; // the kernel refuses option 0
    limited.type(input);
    limited.close_input();
    const auto lines = limited.lines_to_the_end();
    status = limited.exit_status();
    grader.expect(lines.size() == many && status == 0, "of " + std::to_string(many) + " lines it answered " +
                                                           std::to_string(lines.size()) + ", and ended with " +
                                                           status_in_words(status));
    for (std::size_t i = 0; i < lines.size(); ++i) {
        const int one = descriptor_in(lines[i], input.substr(2 * i, 1));
        grader.expect(one >= 0 && one == descriptor_in(lines.front(), input.substr(0, 1)),
                      "its first answer is " + in_quotes(lines.front()) + ", and answer " + std::to_string(i + 1) +
                          " is " + in_quotes(lines[i]));
    }

    grader.check("where no socket can be opened it ends with status 1",
                 "no answer, a reason on standard error, and status 1", "No descriptor is free");
    Program without = grader.start();
    without.type(option + "\n");
    take_descriptors_away(grader, without, descriptor_in(without.line(), option));
    without.type(option + "\n");
    const auto answers = without.lines_to_the_end();
    status = without.exit_status();
    grader.expect(answers.empty() && status == 1 && !without.complained().empty(),
                  "it ended with " + status_in_words(status) + ", printed " +
                      (answers.empty() ? "nothing" : in_quotes(answers.front())) + ", and on standard error " +
                      (without.complained().empty() ? "nothing" : in_quotes(without.complained())));
}
