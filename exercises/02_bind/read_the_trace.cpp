// Read the trace: says where a client reaches a server now, from the trace of its system calls and from the kernel.
#include "common/socket_table.hpp"
#include "exercises/begin_here.hpp"

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

int main() {
    begin_here(); // Delete this line and write your program.
}
