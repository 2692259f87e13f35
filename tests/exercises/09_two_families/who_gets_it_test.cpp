#include "tools/harness/network.hpp"
#include "tools/harness/wait.hpp"
#include "tools/judge/demands.hpp"

#include <arpa/inet.h>
#include <cerrno>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

using namespace grader;

namespace {

// A socket of the grader's, as `ss` writes its address; "*" takes both families.
struct Listener {
    std::string name;
    support::Client socket;
};

// `shares`: SO_REUSEPORT, by which a wildcard and a single address can listen on one port.
Listener open_at(Grader& grader, const std::string& name, std::uint16_t port, bool shares = false,
                 bool listens = true) {
    const bool both = name == "*", four = name.front() != '[' && !both;
    const std::string ip = both ? "::" : four ? name : name.substr(1, name.size() - 2);
    sockaddr_in6 six{};
    sockaddr_in address{};
    six.sin6_family = AF_INET6;
    address.sin_family = AF_INET;
    six.sin6_port = address.sin_port = htons(port);
    ::inet_pton(AF_INET6, ip.c_str(), &six.sin6_addr);
    ::inet_pton(AF_INET, ip.c_str(), &address.sin_addr);
    Listener result{name, support::Client{::socket(four ? AF_INET : AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0)}};
    const int socket = result.socket.descriptor(), on = 1, only = both || name.starts_with("[::ffff:") ? 0 : 1;
    if (!four)
        ::setsockopt(socket, IPPROTO_IPV6, IPV6_V6ONLY, &only, sizeof only);
    if (shares)
        ::setsockopt(socket, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
    const auto* const where = four ? reinterpret_cast<sockaddr*>(&address) : reinterpret_cast<sockaddr*>(&six);
    const socklen_t size = four ? sizeof address : sizeof six;
    if (::bind(socket, where, size) != 0 || (listens && ::listen(socket, 16) != 0))
        support::leave_out("the grader cannot have a socket at " + name + ": " + in_words(errno));
    grader.did((listens ? "listened on " : "bound a socket, which does not listen, to ") + name + ":" +
               std::to_string(port));
    return result;
}

bool has_a_client(const Listener& listener) {
    pollfd queue{listener.socket.descriptor(), POLLIN, 0};
    return ::poll(&queue, 1, 0) == 1;
}

// By the kernel's word: which of the listeners gets a client of that address. Takes the client out of its queue.
std::string who_gets(const std::vector<Listener>& listeners, const std::string& ip, std::uint16_t port) {
    if (support::connect_to({ip, port}).error() != 0)
        return "nobody";
    for (const Listener& listener : listeners)
        if (has_a_client(listener)) {
            ::close(::accept(listener.socket.descriptor(), nullptr, nullptr));
            return listener.name + ":" + std::to_string(port);
        }
    return "nobody";
}

// The program's answer for the port against the kernel's.
void expect_answer(Grader& grader, const std::vector<Listener>& listeners, std::uint16_t port) {
    Program program = grader.start({.arguments = {std::to_string(port)}});
    const int status = program.exit_status();
    grader.expect(status == 0, "it ended with " + status_in_words(status));
    for (const Listener& listener : listeners)
        grader.expect(!has_a_client(listener), "somebody called " + listener.name + " meanwhile");
    expect_output(
        grader, program,
        {"127.0.0.1: " + who_gets(listeners, "127.0.0.1", port), "[::1]: " + who_gets(listeners, "::1", port)});
}

} // namespace

void grader::judge(Grader& grader) {
    support::need_ipv6();
    const std::string table = "Which listener takes whom?", mapped = "What do you see of an IPv4 caller?",
                      exercise = "Exercises",
                      form = "the two lines, each with the socket to which the kernel gives such a client";
    // One scene: these sockets, on a port of their own.
    const auto scene = [&](const std::vector<std::string>& names, bool share = false) {
        grader.new_scene();
        const std::uint16_t port = grader.fresh_port();
        std::vector<Listener> listeners;
        for (const std::string& name : names)
            listeners.push_back(open_at(grader, name, port, share));
        expect_answer(grader, listeners, port);
    };

    grader.check("it names a listener at the address that is called", form, exercise);
    scene({"127.0.0.1"});
    scene({"[::1]"});
    scene({"127.0.0.1", "[::1]"});

    grader.check("it knows that nobody listens", "\"127.0.0.1: nobody\" and \"[::1]: nobody\"", exercise);
    {
        grader.new_scene();
        const std::uint16_t port = grader.fresh_port(), other = grader.fresh_port();
        std::vector<Listener> listeners;
        listeners.push_back(open_at(grader, "*", other));
        expect_answer(grader, {}, port);
    }
    scene({"127.0.0." + std::to_string(grader.draw(2, 250))});

    grader.check("it looks at sockets that listen, and no others",
                 "\"nobody\" for a socket that is bound, or connected", exercise);
    {
        grader.new_scene();
        const std::uint16_t port = grader.fresh_port(), far = grader.fresh_port();
        const Listener silent = open_at(grader, "[::1]", port, false, false);
        const Listener server = open_at(grader, "127.0.0.1", far);
        const support::Client client = support::connect_to({"127.0.0.1", far}, {"127.0.0.1", port});
        grader.did("connected from 127.0.0.1:" + std::to_string(port) + " to 127.0.0.1:" + std::to_string(far));
        expect_answer(grader, {}, port);
    }

    grader.check("it knows what a wildcard takes",
                 form + ": 0.0.0.0 has IPv4, * has both families, and [::] has IPv6 alone", table);
    scene({"0.0.0.0"});
    scene({"*"});
    scene({"[::]"});
    scene({"0.0.0.0", "[::]"});
    scene({"[::]", "127.0.0.1"});

    grader.check("a socket with the address goes before a wildcard", form, exercise);
    for (const auto& names : {std::vector<std::string>{"127.0.0.1", "0.0.0.0"},
                              {"0.0.0.0", "127.0.0.1"},
                              {"*", "[::1]"},
                              {"[::1]", "[::]"},
                              {"*", "127.0.0.1"}})
        scene(names, true);

    grader.check("a wildcard of the client's family goes before one that takes both", form, exercise);
    scene({"*", "0.0.0.0"}, true);
    scene({"0.0.0.0", "*"}, true);

    grader.check("it knows mapped addresses", form + ": [::ffff:127.0.0.1] gets the clients of 127.0.0.1", mapped);
    scene({"[::ffff:127.0.0.1]"});
    scene({"[::ffff:127.0.0.1]", "[::1]"});
    scene({"[::ffff:127.0.0.7]"});
    scene({"0.0.0.0", "[::ffff:127.0.0.1]"}, true);

    grader.check("an argument that is not a port stops it", "status 78, no line on standard output, and a message",
                 exercise);
    for (const auto& arguments : std::vector<std::vector<std::string>>{{"http"}, {"0"}, {"65536"}, {"80x"}, {""}, {}}) {
        grader.new_scene();
        Program program = grader.start({.arguments = arguments});
        const int status = program.exit_status();
        grader.expect(status == 78 && program.printed().empty() && !program.complained().empty(),
                      "it ended with " + status_in_words(status) + ", printed " + in_quotes(program.printed()) +
                          ", and said " + in_quotes(program.complained()));
    }
}
