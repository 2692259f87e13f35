// Read the trace: says where a client reaches a server now, from the trace of its system calls and from the kernel.
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
    bool closed = false;
    std::string refused{}; // what its last bind failed with
};

bool opens_tcp(const Call& call) {
    return call.name == "socket" && call.result >= 0 && call.arguments.starts_with("AF_INET") &&
           call.arguments.find("SOCK_STREAM") != std::string::npos;
}

// What its number stands for at this moment: "socket:[INODE]", or nothing where it has been closed.
std::string socket_of(const Server& server) {
    std::error_code closed;
    return std::filesystem::read_symlink(
        "/proc/" + std::to_string(server.process) + "/fd/" + std::to_string(server.descriptor), closed);
}

// The row of that socket in the kernel's table, where it listens.
std::optional<common::SocketRow> listener(const std::string& socket) {
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
        if (opens_tcp(*call))
            server = Server{.process = call->process, .descriptor = call->descriptor};
        if (!server || call->descriptor != server->descriptor)
            continue;
        if (call->name == "bind")
            server->refused = call->error;
        if (call->name == "close")
            server->closed = true;
    }
    const std::string socket = server && !server->closed ? socket_of(*server) : "";
    if (socket.empty())
        std::cout << "not reachable: closed\n";
    else if (const auto row = listener(socket))
        std::cout << "reachable at " << row->local << '\n';
    else if (!server->refused.empty())
        std::cout << "not reachable: bind failed with " << server->refused << '\n';
    else
        std::cout << "not reachable: no listen\n";
}
