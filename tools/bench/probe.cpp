// What a shell cannot measure: a program's time to its first line, the size of an answer, memory with many idle
// clients.
//
//   probe ready PROGRAM          microseconds from exec to the first line (or the end) of standard output
//   probe size PORT              bytes in the answer to GET / on a connection that is kept
//   probe idle PORT COUNT PID... KiB resident and KiB proportional of the processes with COUNT idle kept connections
#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <fstream>
#include <iostream>
#include <netinet/in.h>
#include <stdexcept>
#include <string>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

namespace {

[[noreturn]] void fail(const std::string& what) { throw std::runtime_error{what + ": " + std::strerror(errno)}; }

long microseconds_to_ready(const char* program) {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0)
        fail("pipe2");
    const auto start = std::chrono::steady_clock::now();
    const pid_t child = ::vfork();
    if (child == 0) {
        ::dup2(ends[1], STDOUT_FILENO);
        ::execl(program, program, nullptr);
        ::_exit(127);
    }
    ::close(ends[1]);
    char byte = 0;
    while (::read(ends[0], &byte, 1) == 1 && byte != '\n') {
    }
    const auto end = std::chrono::steady_clock::now();
    ::kill(child, SIGTERM);
    int status = 0;
    ::waitpid(child, &status, 0);
    ::close(ends[0]);
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
        throw std::runtime_error{std::string{program} + " failed"};
    return std::chrono::duration_cast<std::chrono::microseconds>(end - start).count();
}

int connect_to(int port) {
    const int client = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in server{};
    server.sin_family = AF_INET;
    server.sin_port = htons(static_cast<std::uint16_t>(port));
    server.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (client < 0 || ::connect(client, reinterpret_cast<sockaddr*>(&server), sizeof server) != 0)
        fail("connect");
    return client;
}

std::size_t get(int client) {
    const std::string request = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";
    if (::write(client, request.data(), request.size()) != static_cast<ssize_t>(request.size()))
        fail("write");
    std::string answer;
    for (std::size_t whole = std::string::npos; answer.size() < whole;) {
        std::array<char, 4096> chunk;
        const auto size = ::read(client, chunk.data(), chunk.size());
        if (size <= 0)
            fail("read");
        answer.append(chunk.data(), static_cast<std::size_t>(size));
        const std::string field = "Content-Length: ";
        const auto header_end = answer.find("\r\n\r\n");
        if (header_end != answer.npos)
            whole = header_end + 4 + std::stoul(answer.substr(answer.find(field) + field.size()));
    }
    return answer.size();
}

long kilobytes(const std::string& process, const std::string& name) {
    std::ifstream file{"/proc/" + process + "/smaps_rollup"};
    for (std::string word; file >> word;)
        if (long value = 0; word == name && file >> value)
            return value;
    throw std::runtime_error{"no " + name + " of process " + process};
}

} // namespace

int main(int argc, char** argv) {
    try {
        const std::vector<std::string> words{argv + 1, argv + argc};
        if (words.size() == 2 && words[0] == "ready") {
            std::cout << microseconds_to_ready(argv[2]) << '\n';
        } else if (words.size() == 2 && words[0] == "size") {
            std::cout << get(connect_to(std::stoi(words[1]))) << '\n';
        } else if (words.size() >= 4 && words[0] == "idle") {
            std::vector<int> clients;
            for (int i = 0; i < std::stoi(words[2]); ++i) {
                clients.push_back(connect_to(std::stoi(words[1])));
                get(clients.back());
            }
            long resident = 0, proportional = 0;
            for (std::size_t i = 3; i < words.size(); ++i) {
                resident += kilobytes(words[i], "Rss:");
                proportional += kilobytes(words[i], "Pss:");
            }
            for (const int client : clients) // all of them are open still
                get(client);
            std::cout << resident << ' ' << proportional << '\n';
        } else {
            std::cerr << "usage: probe ready PROGRAM | size PORT | idle PORT COUNT PID...\n";
            return 2;
        }
    } catch (const std::exception& error) {
        std::cerr << "probe: " << error.what() << '\n';
        return 1;
    }
}
