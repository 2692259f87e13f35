// A program that you start has your sockets as well, unless you say otherwise.
#include <asio.hpp>
#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <iostream>
#include <string>

using asio::ip::tcp;

void look_from_both(int descriptor) {
    const std::string file = "/proc/self/fd/" + std::to_string(descriptor);
    std::cout << descriptor << " here:         " << std::filesystem::read_symlink(file).string() << '\n'
              << descriptor << " in the child: " << std::flush;
    const std::string command = "readlink " + file + " || echo nothing";
    if (std::system(command.c_str()) != 0) // fork(2), and execve(2) of a shell
        std::cout << "no shell\n";
}

int main() {
    asio::io_context io;
    tcp::socket lent{io, tcp::v4()}, kept{io, tcp::v4()};
    ::fcntl(kept.native_handle(), F_SETFD, FD_CLOEXEC); // fcntl(2): close it on exec

    look_from_both(lent.native_handle());
    look_from_both(kept.native_handle());
}
