#include "tools/harness/network.hpp"
#include "tools/harness/process.hpp"
#include "tools/judge/grader.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <cerrno>
#include <fcntl.h>
#include <map>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

using namespace grader;

namespace {

const std::string exercise = "Exercises";

// A server that makes real calls, each of which is written down as strace(1) writes it. In the end a process of its own
// has its sockets, under the numbers that the trace gives them; the grader keeps none.
class Server {
  public:
    explicit Server(Grader& grader) : grader_{grader} { grader.new_scene(); }
    Server(const Server&) = delete;
    Server& operator=(const Server&) = delete;
    ~Server() {
        for (const auto& [number, socket] : sockets_)
            ::close(socket);
    }

    // A TCP socket; `type` as strace writes it, SOCK_CLOEXEC with it or not, and the protocol by its name or 0.
    int tcp(const std::string& words = "SOCK_STREAM, IPPROTO_TCP", int family = AF_INET) {
        return opened(family, SOCK_STREAM, (family == AF_INET6 ? "AF_INET6, " : "AF_INET, ") + words);
    }
    int udp() { return opened(AF_INET, SOCK_DGRAM, "AF_INET, SOCK_DGRAM, IPPROTO_UDP"); }
    int local_stream() { return opened(AF_UNIX, SOCK_STREAM, "AF_UNIX, SOCK_STREAM|SOCK_CLOEXEC, 0"); }
    void no_tcp() { note("socket(AF_INET, SOCK_STREAM, IPPROTO_TCP)", 0, EMFILE); }
    // What it failed with, or 0.
    int bind(int number, const Address& address) {
        sockaddr_storage wanted{};
        std::string words;
        socklen_t size = sizeof(sockaddr_in);
        if (auto* const six = reinterpret_cast<sockaddr_in6*>(&wanted); address.ip.find(':') != std::string::npos) {
            six->sin6_family = AF_INET6;
            six->sin6_port = htons(address.port);
            ::inet_pton(AF_INET6, address.ip.c_str(), &six->sin6_addr);
            size = sizeof *six;
            words = "{sa_family=AF_INET6, sin6_port=htons(" + std::to_string(address.port) +
                    "), sin6_flowinfo=htonl(0), inet_pton(AF_INET6, \"" + address.ip +
                    "\", &sin6_addr), sin6_scope_id=0}, 28)";
        } else {
            auto* const four = reinterpret_cast<sockaddr_in*>(&wanted);
            four->sin_family = AF_INET;
            four->sin_port = htons(address.port);
            ::inet_pton(AF_INET, address.ip.c_str(), &four->sin_addr);
            words = "{sa_family=AF_INET, sin_port=htons(" + std::to_string(address.port) + "), sin_addr=inet_addr(\"" +
                    address.ip + "\")}, 16)";
        }
        const bool bound = ::bind(sockets_.at(number), reinterpret_cast<sockaddr*>(&wanted), size) == 0;
        const int error = bound ? 0 : errno;
        note("bind(" + std::to_string(number) + ", " + words, 0, error);
        return error;
    }
    // What it failed with, or 0.
    int listen(int number) {
        const int error = ::listen(sockets_.at(number), 128) == 0 ? 0 : errno;
        note("listen(" + std::to_string(number) + ", 128)", 0, error);
        return error;
    }
    void close(int number) {
        close_untold(number);
        note("close(" + std::to_string(number) + ")", 0);
    }
    void close_in_vain(int number) { note("close(" + std::to_string(number) + ")", 0, EBADF); }
    // After the end of the trace.
    void close_untold(int number) {
        ::close(sockets_.at(number));
        sockets_.erase(number);
    }
    // What strace writes of a signal.
    void signal() { lines_.emplace_back("--- SIGWINCH {si_signo=SIGWINCH, si_code=SI_KERNEL} ---"); }
    // Two sockets that allow it may have one address; setsockopt is not in the trace.
    void allow_reuse(int number) {
        const int on = 1;
        ::setsockopt(sockets_.at(number), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    }
    Address local(int number) const { return socket(number).local(); }

    // Gives the trace to the student's program, and expects the answer.
    void judge(const std::string& answer) {
        const int last = sockets_.empty() ? STDERR_FILENO : sockets_.rbegin()->first;
        std::string closed; // what the process has not: the numbers in between
        Launch launch;
        for (int number = STDERR_FILENO + 1; number <= last; ++number) {
            const auto found = sockets_.find(number);
            launch.passed.push_back(found != sockets_.end() ? found->second : STDIN_FILENO);
            closed += found != sockets_.end() ? "" : " " + std::to_string(number) + "<&-";
        }
        launch.arguments = {"-c", "exec" + closed + "; exec cat"};
        Program process = grader_.start_other("the traced server", support::installed("sh"), launch);
        process.type("are you there?\n");
        process.line(); // from here on it has the sockets
        for (const auto& [number, socket] : sockets_)
            ::close(socket);
        sockets_.clear();
        std::string trace;
        for (const std::string& line : lines_) {
            trace += std::to_string(process.number()) + "  " + line + "\n";
            grader_.did("wrote into the trace: " + std::to_string(process.number()) + "  " + line);
        }
        Program program = grader_.start();
        program.type(trace);
        program.close_input();
        const int status = program.exit_status();
        const std::string& printed = program.printed();
        grader_.expect(printed == answer + "\n",
                       "it ended with " + status_in_words(status) + ", and " +
                           (printed.empty() ? "printed nothing" : "its answer is " + in_quotes(printed)));
        grader_.expect(status == 0, "its answer is right, and it ended with " + status_in_words(status));
        process.close_input();
        process.exit_status();
    }

  private:
    support::Client socket(int number) const {
        return support::Client{::fcntl(sockets_.at(number), F_DUPFD_CLOEXEC, 0)};
    }
    int opened(int family, int type, const std::string& words) {
        const int made = ::socket(family, type | SOCK_CLOEXEC, 0);
        int number = STDERR_FILENO + 1;
        while (sockets_.contains(number))
            ++number;
        sockets_[number] = made;
        note("socket(" + words + ")", number);
        return number;
    }
    void note(std::string call, int result, int error = 0) {
        call.resize(std::max<std::size_t>(call.size(), 38), ' ');
        lines_.push_back(call + " = " + (error == 0 ? std::to_string(result) : "-1 " + in_words(error)));
    }
    Grader& grader_;
    std::map<int, int> sockets_; // by their number in the trace
    std::vector<std::string> lines_;
};

} // namespace

void grader::judge(Grader& grader) {
    const Client holder = grader.listen("127.0.0.1");
    const Address taken = holder.local(), any{"127.0.0.1", 0};

    grader.check("it sees that bind failed", "the line \"not reachable: bind failed with NAME\", with the error's name",
                 "In how many ways can bind say no?");
    {
        Server server{grader};
        server.bind(server.tcp(), taken);
        server.judge("not reachable: bind failed with EADDRINUSE");
    }
    {
        Server server{grader};
        const Address foreign{"192.0.2." + std::to_string(grader.draw(1, 254)), taken.port};
        if (server.bind(server.tcp("SOCK_STREAM|SOCK_CLOEXEC, IPPROTO_IP"), foreign) == EADDRNOTAVAIL)
            server.judge("not reachable: bind failed with EADDRNOTAVAIL");
    }

    grader.check("it sees that nobody called listen", "the line \"not reachable: no listen\"",
                 "Why is the display still dark?");
    {
        Server server{grader};
        server.bind(server.tcp(), any);
        server.judge("not reachable: no listen");
    }

    grader.check("it goes by the last bind", "what the last call of bind had to say, and not an earlier one", exercise);
    {
        Server server{grader};
        const int socket = server.tcp("SOCK_STREAM|SOCK_NONBLOCK, IPPROTO_TCP");
        server.bind(socket, taken);
        server.bind(socket, any);
        server.judge("not reachable: no listen");
    }
    {
        Server server{grader};
        const int socket = server.tcp();
        server.bind(socket, any);
        server.signal();
        server.bind(socket, {"127.0.0.1", grader.fresh_port()});
        server.judge("not reachable: bind failed with EINVAL");
    }

    grader.check("it finds the server where it was told to listen",
                 "the line \"reachable at ADDRESS:PORT\", with the endpoint in the kernel's table",
                 "What if nobody reads the answer?");
    for (const std::string ip : {"127.0.0.1", "0.0.0.0"}) {
        Server server{grader};
        const int socket = server.tcp();
        const Address address{ip, grader.fresh_port()};
        server.bind(socket, address);
        server.listen(socket);
        server.judge("reachable at " + to_string(address));
    }

    grader.check("it finds the port that the kernel chose", "the port in the kernel's table; in the trace it is 0",
                 "What if any number will do?");
    {
        Server server{grader};
        const int socket = server.tcp("SOCK_STREAM, IPPROTO_IP");
        server.bind(socket, any);
        server.listen(socket);
        server.judge("reachable at " + to_string(server.local(socket)));
    }

    grader.check("it knows what listen does after a bind that failed",
                 "the line \"reachable at ADDRESS:PORT\", with what the kernel gave the socket instead",
                 "What if nobody reads the answer?");
    {
        Server server{grader};
        const int socket = server.tcp();
        server.bind(socket, taken);
        server.listen(socket);
        server.judge("reachable at " + to_string(server.local(socket)));
    }

    grader.check("it sees that listen failed as well",
                 "a call of listen that failed is none: \"not reachable: no listen\"", exercise);
    {
        Server server{grader}, rival{grader};
        const int socket = server.tcp(), first = rival.tcp();
        server.allow_reuse(socket);
        rival.allow_reuse(first);
        server.bind(socket, any);
        if (rival.bind(first, server.local(socket)) == 0 && rival.listen(first) == 0 &&
            server.listen(socket) == EADDRINUSE)
            server.judge("not reachable: no listen");
    }

    grader.check("it follows the last TCP socket", "the answer for the TCP socket that was opened last", exercise);
    {
        Server server{grader}; // a UDP socket after it, one of this machine alone, and one that was not opened
        const int socket = server.tcp();
        server.bind(socket, any);
        server.listen(socket);
        const int datagrams = server.udp();
        server.bind(datagrams, server.local(socket));
        server.close(server.local_stream());
        server.no_tcp();
        server.close_in_vain(datagrams + 1);
        server.close(datagrams);
        server.judge("reachable at " + to_string(server.local(socket)));
    }
    {
        Server server{grader}; // another one before it, with the same number
        int socket = server.tcp();
        server.bind(socket, taken);
        server.close(socket);
        socket = server.tcp();
        server.bind(socket, any);
        server.judge("not reachable: no listen");
    }
    for (const bool closes : {false, true}) {
        Server server{grader}; // another one before it, with a number of its own
        const int first = server.tcp(), socket = server.tcp();
        server.bind(socket, closes ? any : taken);
        if (closes)
            server.listen(socket);
        server.bind(first, closes ? taken : any);
        server.listen(first);
        if (closes)
            server.close(first);
        server.judge(closes ? "reachable at " + to_string(server.local(socket))
                            : "not reachable: bind failed with EADDRINUSE");
    }
    {
        Server server{grader}; // a number of two digits
        while (server.udp() < 10) {
        }
        const int socket = server.tcp();
        server.bind(socket, any);
        server.listen(socket);
        server.judge("reachable at " + to_string(server.local(socket)));
    }

    grader.check("it sees that the socket was closed",
                 "the line \"not reachable: closed\", though another process listens at that address now", exercise);
    for (const bool told : {true, false}) {
        if (!told)
            grader.check("it asks whether that is still so",
                         "the line \"not reachable: closed\": the server has closed its socket after the end of the "
                         "trace, whatever bind and listen had to say",
                         exercise);
        const auto close = [told](Server& server, int socket) {
            if (told)
                server.close(socket);
            else
                server.close_untold(socket);
        };
        {
            Server server{grader};
            const int socket = server.tcp();
            const Address address{"127.0.0.1", grader.fresh_port()};
            server.bind(socket, address);
            server.listen(socket);
            close(server, socket);
            const Client successor = grader.listen(address.ip, address.port);
            server.judge("not reachable: closed");
        }
        for (const Address& address : {taken, any}) {
            Server server{grader};
            const int socket = server.tcp();
            server.bind(socket, address);
            close(server, socket);
            if (told) // the number is somebody else's
                server.bind(server.udp(), any);
            server.judge("not reachable: closed");
        }
    }

    grader.check("it does the same over IPv6", "the line \"reachable at [ADDRESS]:PORT\"",
                 "What if nobody reads the answer?");
    grader.where_possible([&] {
        support::need_ipv6();
        Server server{grader};
        const int socket = server.tcp("SOCK_STREAM, IPPROTO_TCP", AF_INET6);
        server.bind(socket, {"::1", 0});
        server.listen(socket);
        server.judge("reachable at " + to_string(server.local(socket)));
    });
}
