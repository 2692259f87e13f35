// Fills every file system on which it can write, and memory by way of files that have no name.
// Attacks: the disk, and memory that no limit on address space counts
// Expects: wrong, 0 points
#include <csignal>
#include <fcntl.h>
#include <string>
#include <sys/mman.h>
#include <unistd.h>

int main() {
    std::signal(SIGXFSZ, SIG_IGN);
    const std::string chunk(1 << 20, 'p');
    const auto fill = [&](int file) {
        for (int i = 0; i < 8192 && ::write(file, chunk.data(), chunk.size()) > 0; ++i) {
        }
    };
    for (const char* directory :
         {"", "/", "/tmp/", "/var/tmp/", "/dev/", "/dev/shm/", "/run/", "/proc/self/cwd/", "/home/"})
        for (int number = 0; number < 8; ++number)
            fill(::open((directory + ("portlab-forged" + std::to_string(number))).c_str(), O_WRONLY | O_CREAT, 0666));
    for (int number = 0; number < 8; ++number)
        fill(::memfd_create("portlab-forged", 0));
    ::pause();
}
