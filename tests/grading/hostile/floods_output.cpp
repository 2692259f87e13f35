// Prints on both streams, without end and without a newline.
// Attacks: the memory and the disk of whoever keeps what it prints
// Expects: wrong, 0 points
// Seen: prints without end
#include <csignal>
#include <string>
#include <unistd.h>

int main() {
    std::signal(SIGPIPE, SIG_IGN);
    const std::string chunk(1 << 16, 'p');
    while (::write(STDOUT_FILENO, chunk.data(), chunk.size()) > 0 &&
           ::write(STDERR_FILENO, chunk.data(), chunk.size()) > 0) {
    }
}
