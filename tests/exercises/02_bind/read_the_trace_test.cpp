#include "tests/support/grader.hpp"
#include "tests/support/process.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <cerrno>
#include <map>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

using namespace grader;

namespace {

const std::string exercise = "Exercise 2.4: read the trace";

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

    int socket(int type) {
        const int made = ::socket(AF_INET, type | SOCK_CLOEXEC, 0);
        int number = STDERR_FILENO + 1;
        while (sockets_.contains(number))
            ++number;
        sockets_[number] = made;
        note(std::string{"socket(AF_INET, "} +
                 (type == SOCK_STREAM ? "SOCK_STREAM, IPPROTO_TCP)" : "SOCK_DGRAM, IPPROTO_UDP)"),
             number);
        return number;
    }
    // What it failed with, or 0.
    int bind(int number, const Address& address) {
        sockaddr_in wanted{};
        wanted.sin_family = AF_INET;
        wanted.sin_port = htons(address.port);
        ::inet_pton(AF_INET, address.ip.c_str(), &wanted.sin_addr);
        const bool bound = ::bind(sockets_.at(number), reinterpret_cast<sockaddr*>(&wanted), sizeof wanted) == 0;
        const int error = bound ? 0 : errno;
        note("bind(" + std::to_string(number) + ", {sa_family=AF_INET, sin_port=htons(" + std::to_string(address.port) +
                 "), sin_addr=inet_addr(\"" + address.ip + "\")}, 16)",
             0, error);
        return error;
    }
    void listen(int number) {
        const bool listens = ::listen(sockets_.at(number), 128) == 0;
        note("listen(" + std::to_string(number) + ", 128)", 0, listens ? 0 : errno);
    }
    void close(int number) {
        close_untold(number);
        note("close(" + std::to_string(number) + ")", 0);
    }
    // After the end of the trace.
    void close_untold(int number) {
        ::close(sockets_.at(number));
        sockets_.erase(number);
    }
    Address local(int number) const {
        sockaddr_in address{};
        socklen_t size = sizeof address;
        ::getsockname(sockets_.at(number), reinterpret_cast<sockaddr*>(&address), &size);
        char text[INET_ADDRSTRLEN];
        return {::inet_ntop(AF_INET, &address.sin_addr, text, sizeof text), ntohs(address.sin_port)};
    }

    // Gives the trace to the student's program, and expects the answer.
    void judge(const std::string& answer) {
        Launch launch;
        for (const auto& [number, socket] : sockets_) // 3, 4, ..., without a gap
            launch.passed.push_back(socket);
        Program process = grader_.start_other("the traced server", support::installed("cat"), launch);
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
                 "What the kernel did");
    {
        Server server{grader};
        server.bind(server.socket(SOCK_STREAM), taken);
        server.judge("not reachable: bind failed with EADDRINUSE");
    }
    {
        Server server{grader};
        const Address foreign{"192.0.2." + std::to_string(grader.draw(1, 254)), taken.port};
        if (server.bind(server.socket(SOCK_STREAM), foreign) == EADDRNOTAVAIL)
            server.judge("not reachable: bind failed with EADDRNOTAVAIL");
    }

    grader.check("it sees that nobody called listen", "the line \"not reachable: no listen\"", "Predict");
    {
        Server server{grader};
        server.bind(server.socket(SOCK_STREAM), any);
        server.judge("not reachable: no listen");
    }

    grader.check("it finds the server where it was told to listen",
                 "the line \"reachable at ADDRESS:PORT\", with the endpoint in the kernel's table", "From outside");
    {
        Server server{grader};
        const int socket = server.socket(SOCK_STREAM);
        const Address address{"127.0.0.1", grader.fresh_port()};
        server.bind(socket, address);
        server.listen(socket);
        server.judge("reachable at " + to_string(address));
    }

    grader.check("it finds the port that the kernel chose", "the port in the kernel's table; in the trace it is 0",
                 "Run it");
    {
        Server server{grader};
        const int socket = server.socket(SOCK_STREAM);
        server.bind(socket, any);
        server.listen(socket);
        server.judge("reachable at " + to_string(server.local(socket)));
    }

    grader.check("it knows what listen does after a bind that failed",
                 "the line \"reachable at ADDRESS:PORT\", with what the kernel gave the socket instead",
                 "Nobody looks at the error");
    {
        Server server{grader};
        const int socket = server.socket(SOCK_STREAM);
        server.bind(socket, taken);
        server.listen(socket);
        server.judge("reachable at " + to_string(server.local(socket)));
    }

    grader.check("it follows the last TCP socket", "the answer for the TCP socket that was opened last", exercise);
    {
        Server server{grader}; // a UDP socket after it
        const int socket = server.socket(SOCK_STREAM);
        server.bind(socket, any);
        server.listen(socket);
        const int other = server.socket(SOCK_DGRAM);
        server.bind(other, server.local(socket));
        server.close(other);
        server.judge("reachable at " + to_string(server.local(socket)));
    }
    {
        Server server{grader}; // another one before it, with the same number
        int socket = server.socket(SOCK_STREAM);
        server.bind(socket, taken);
        server.close(socket);
        socket = server.socket(SOCK_STREAM);
        server.bind(socket, any);
        server.judge("not reachable: no listen");
    }

    grader.check("it sees that the socket was closed",
                 "the line \"not reachable: closed\", though another process listens at that address now", exercise);
    for (const bool told : {true, false}) {
        if (!told)
            grader.check("it asks whether that is still so",
                         "the line \"not reachable: closed\": in the trace the server "
                         "listens, and it has closed its socket since; another process listens there now",
                         exercise);
        Server server{grader};
        const int socket = server.socket(SOCK_STREAM);
        const Address address{"127.0.0.1", grader.fresh_port()};
        server.bind(socket, address);
        server.listen(socket);
        if (told)
            server.close(socket);
        else
            server.close_untold(socket);
        const Client successor = grader.listen(address.ip, address.port);
        server.judge("not reachable: closed");
    }
    {
        Server server{grader}; // that comes before what bind and listen had to say
        const int socket = server.socket(SOCK_STREAM);
        server.bind(socket, taken);
        server.close(socket);
        server.judge("not reachable: closed");
    }
}
