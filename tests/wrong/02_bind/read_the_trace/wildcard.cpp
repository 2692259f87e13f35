// Who listens can be reached everywhere, so the address does not matter.
// Fails: it finds the server where it was told to listen
// Seen: its answer is "reachable at 0.0.0.0:
#include "common/socket_table.hpp"

#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <optional>
#include <string>

// One line of the trace: "4711  bind(3, ...) = -1 EADDRINUSE (Address already in use)".
struct Call {
    int process = 0;       // 4711
    std::string name;      // "bind"
    std::string arguments; // "3, ..."
    int descriptor = -1;   // 3: the socket that it is about; of socket(), the new one
    int result = 0;        // -1
    std::string error;     // "EADDRINUSE"; empty where the call went well
};

// Nothing for a line that is not a whole call.
std::optional<Call> parse(const std::string& line) {
    const auto name = line.find_first_not_of(" 0123456789"), open = line.find('('), equals = line.rfind(" = ");
    if (name == line.npos || open == line.npos || equals == line.npos || name > open || open > equals)
        return std::nullopt;
    Call call;
    call.process = std::atoi(line.c_str());
    call.name = line.substr(name, open - name);
    call.arguments = line.substr(open + 1, line.rfind(')', equals) - open - 1);
    call.result = std::atoi(line.c_str() + equals + 3);
    call.descriptor = call.name == "socket" ? call.result : std::atoi(call.arguments.c_str());
    if (const auto error = line.find('E', equals); call.result < 0 && error != line.npos)
        call.error = line.substr(error, line.find(' ', error) - error);
    return call;
}

struct Server {
    int process, descriptor;
    bool listens = false, closed = false;
    std::string refused{}; // what bind failed with
};

// The row of its socket in the kernel's table, where it listens: /proc/PID/fd/3 leads to socket:[INODE].
std::optional<common::SocketRow> listener(const Server& server) {
    const auto link = "/proc/" + std::to_string(server.process) + "/fd/" + std::to_string(server.descriptor);
    std::error_code error;
    const std::string socket = std::filesystem::read_symlink(link, error);
    for (const common::SocketRow& row : common::kernel_sockets(common::Protocol::tcp))
        if (row.state == "LISTEN" && socket == "socket:[" + std::to_string(row.inode) + "]")
            return row;
    return std::nullopt;
}

int main() {
    std::optional<Server> server;
    for (std::string line; std::getline(std::cin, line);) {
        const auto call = parse(line);
        if (!call)
            continue;
        if (call->name == "socket" && call->arguments.find("SOCK_STREAM") != std::string::npos)
            server = Server{.process = call->process, .descriptor = call->descriptor};
        if (!server || call->descriptor != server->descriptor)
            continue;
        if (call->name == "bind")
            server->refused = call->error;
        if (call->name == "listen")
            server->listens = call->result == 0;
        if (call->name == "close")
            server->closed = true;
    }
    if (!server || server->closed)
        std::cout << "not reachable: closed\n";
    else if (!server->listens && !server->refused.empty())
        std::cout << "not reachable: bind failed with " << server->refused << '\n';
    else if (!server->listens)
        std::cout << "not reachable: no listen\n";
    else if (const auto row = listener(*server))
        std::cout << "reachable at 0.0.0.0:" << row->local.port << '\n';
    else
        std::cout << "not reachable: closed\n"; // after the trace
}
