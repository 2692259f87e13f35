// Fills every file system on which it can write; it stops when it has written 256 MB, and says so.
// Attacks: the disk
// Expects: wrong, 0 points
// Seen: it ended with status 0 before that
#include <csignal>
#include <cstdio>
#include <fcntl.h>
#include <initializer_list>
#include <string>
#include <unistd.h>

int main() {
    std::signal(SIGXFSZ, SIG_IGN);
    const std::string chunk(1 << 20, 'p');
    std::size_t written = 0;
    for (const char* directory : {".", "..", "/", "/tmp", "/var/tmp", "/dev", "/dev/shm", "/run", "/home", "/root",
                                  "/answer", "@RESULTS@", "@ROOT@"})
        for (int number = 0; number < 300; ++number) {
            const int file = ::open((std::string{directory} + "/portlab-forged" + std::to_string(number)).c_str(),
                                    O_WRONLY | O_CREAT, 0666);
            for (ssize_t size = 1; size > 0 && written < 256 << 20;)
                if ((size = ::write(file, chunk.data(), chunk.size())) > 0)
                    written += static_cast<std::size_t>(size);
            ::close(file);
        }
    std::printf("%sit has written %zu MB\n", written >= 256 << 20 ? "portlab-forged: " : "", written >> 20);
}
