#include "tools/harness/wait.hpp"
#include "tools/judge/demands.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <sys/socket.h>
#include <vector>

using namespace grader;

namespace {

const std::string section = "Too many open files", exercise = "Exercises";
constexpr unsigned many = 2000;

// What the kernel says of the option for a new TCP socket over IPv4: a value, or why it refuses the question.
struct Answer {
    int value = -1;
    int error = 0;
};

Answer ask_kernel(int option) {
    const support::Client socket{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    Answer answer;
    socklen_t size = sizeof answer.value;
    if (::getsockopt(socket.descriptor(), SOL_SOCKET, option, &answer.value, &size) != 0)
        answer.error = errno;
    return answer;
}

// The number in "descriptor N: option K is VALUE" or "descriptor N: option K: REASON", if the line is one of the two
// and right; -1 where it is not.
int descriptor_in(const std::string& line, int option, const Answer& answer) {
    int descriptor = -1;
    std::sscanf(line.c_str(), "descriptor %d:", &descriptor);
    const std::string start = "descriptor " + std::to_string(descriptor) + ": option " + std::to_string(option);
    if (answer.error == 0)
        return line == start + " is " + std::to_string(answer.value) ? descriptor : -1;
    return line.starts_with(start + ": ") && gives(line.substr(start.size()), answer.error) ? descriptor : -1;
}

std::string right_words(int option, const Answer& answer) {
    return "the kernel says of option " + std::to_string(option) + ": " +
           (answer.error == 0 ? std::to_string(answer.value) : in_words(answer.error));
}

// Types the option, reads the answer, and says which descriptor it has.
int ask(Grader& grader, Program& program, int option) {
    const Answer answer = ask_kernel(option);
    program.type(std::to_string(option) + "\n");
    const std::string line = program.line();
    const int descriptor = descriptor_in(line, option, answer);
    grader.expect(descriptor >= 0, "it says " + in_quotes(line) + ", and " + right_words(option, answer));
    return descriptor;
}

// Its descriptors that are sockets for the network; one of the family AF_UNIX may be anything.
std::string network_sockets(const Program& program) {
    std::string held;
    for (const int descriptor : program.socket_descriptors()) {
        int family = 0;
        socklen_t size = sizeof family;
        ::getsockopt(program.borrow(descriptor).descriptor(), SOL_SOCKET, SO_DOMAIN, &family, &size);
        if (family == AF_INET || family == AF_INET6)
            held += (held.empty() ? "" : ", ") + std::to_string(descriptor);
    }
    return held;
}

void expect_no_socket(Grader& grader, const Program& program) {
    program.settle();
    const std::string held = network_sockets(program);
    grader.did("looked in /proc/" + std::to_string(program.pid()) + "/fd for sockets");
    grader.expect(held.empty(), "it waits for the next line, and of its descriptors these are sockets: " + held);
}

// From now on the running program may have no descriptor from this number on.
void take_descriptors_away(Grader& grader, Program& program, int from, const std::string& why) {
    program.limit_descriptors(static_cast<unsigned>(from));
    grader.did("limited it to the descriptors below " + std::to_string(from) + ", " + why);
}

// It must end with status 1, and say on standard error that the kernel refused it a socket for this reason.
void expect_no_socket_to_open(Grader& grader, Program& program, int error) {
    const auto answers = program.lines_to_the_end();
    const int status = program.exit_status();
    grader.expect(answers.empty() && status == 1 && gives(program.complained(), error),
                  "it ended with " + status_in_words(status) + ", printed " +
                      (answers.empty() ? "nothing" : in_quotes(answers.front())) + ", and on standard error " +
                      (program.complained().empty() ? "nothing" : in_quotes(program.complained())));
}

} // namespace

void grader::judge(Grader& grader) {
    grader.check("it answers a line when it is typed",
                 "the line \"descriptor N: option K is VALUE\", with the value that a new TCP socket over IPv4 has",
                 "What becomes of the number?");
    Program program = grader.start();
    std::vector options{SO_TYPE, SO_RCVBUF, SO_DOMAIN, SO_PROTOCOL, SO_REUSEADDR, SO_KEEPALIVE, SO_RCVLOWAT};
    std::swap(options.front(), options[grader.draw(0, static_cast<unsigned>(options.size()) - 1)]);
    int descriptor = -1;
    for (const int option : options)
        descriptor = ask(grader, program, option);

    grader.check("it holds no socket while it waits",
                 "an open socket from a line to its answer, and none after that, nor before the first line", section);
    expect_no_socket(grader, program);
    Program fresh = grader.start();
    expect_no_socket(grader, fresh);

    grader.check("an option that the kernel refuses costs no descriptor either",
                 "the line \"descriptor N: option K: REASON\", no socket after that, and the next line is answered",
                 section);
    ask(grader, program, static_cast<int>(grader.draw(1000, 9999)));
    expect_no_socket(grader, program);
    ask(grader, program, options.back());

    grader.check("it gives the reason of each refusal", "the system's words for it, or its name", section);
    for (const int option : {0, 28 /* SO_PEERNAME: there is no peer */, 31 /* SO_PEERSEC */, 65536, 2147483647}) {
        ask(grader, program, option);
        ask(grader, program, SO_TYPE);
    }

    grader.check("it ends at the end of its input with status 0", "no more lines, and status 0", section);
    for (Program* const one : {&program, &fresh}) {
        one->close_input();
        const auto more = one->lines_to_the_end();
        const int status = one->exit_status();
        grader.expect(more.empty() && status == 0, "it printed " + std::to_string(more.size()) +
                                                       " more lines and ended with " + status_in_words(status));
    }

    grader.check(
        "two thousand lines take one descriptor",
        "as many answers as lines, each right and all with the same descriptor, although the process may have only 64",
        section);
    Program limited = grader.start({.descriptors = 64});
    std::vector<Answer> known;
    for (int option = 0; option < 10; ++option)
        known.push_back(ask_kernel(option));
    std::string input;
    while (input.size() < 2 * many)
        input += std::to_string(grader.draw(0, 9)) + "\n"; // the kernel refuses option 0
    limited.type(input);
    limited.close_input();
    const auto lines = limited.lines_to_the_end();
    const int status = limited.exit_status();
    grader.expect(lines.size() == many && status == 0, "of " + std::to_string(many) + " lines it answered " +
                                                           std::to_string(lines.size()) + ", and ended with " +
                                                           status_in_words(status));
    int first = -1;
    for (std::size_t i = 0; i < lines.size(); ++i) {
        const int option = input[2 * i] - '0';
        const int one = descriptor_in(lines[i], option, known[static_cast<std::size_t>(option)]);
        first = i == 0 ? one : first;
        grader.expect(one >= 0 && one == first, "its first answer is " + in_quotes(lines.front()) + ", and answer " +
                                                    std::to_string(i + 1) + ", to option " + std::to_string(option) +
                                                    ", is " + in_quotes(lines[i]));
    }

    grader.check("it says which descriptor the socket has",
                 "the number that it says is enough: with this descriptor and those below it answers", section);
    grader.new_scene();
    Program exact = grader.start();
    descriptor = ask(grader, exact, SO_TYPE);
    take_descriptors_away(grader, exact, descriptor + 1, "so that the socket can have the number that it said");
    const int again = ask(grader, exact, SO_RCVBUF);
    grader.expect(again == descriptor, "now its socket has descriptor " + std::to_string(again));

    grader.check("if no socket can be opened it ends with status 1",
                 "no answer, the reason on standard error, and status 1", section);
    take_descriptors_away(grader, exact, descriptor, "so that none is left for a socket");
    exact.type(std::to_string(SO_TYPE) + "\n");
    expect_no_socket_to_open(grader, exact, EMFILE);
#ifdef __linux__
    grader.new_scene();
    Program without = grader.start({.lacking = Lacking::buffers});
    grader.did("took the memory for sockets away from it: " + in_words(ENOBUFS));
    without.type(std::to_string(SO_TYPE) + "\n");
    expect_no_socket_to_open(grader, without, ENOBUFS);
#endif
}
