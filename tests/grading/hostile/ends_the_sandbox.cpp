// Ends process 1 of its sandbox: as a debugger, by its standard input, by rubbish in its memory. A plain kill cannot.
// Attacks: the sandbox; an end of it that counts as a fault of the machine would be no zero
// Expects: wrong, 0 points
#include <csignal>
#include <fcntl.h>
#include <string>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

int main() {
    std::signal(SIGPIPE, SIG_IGN);
    if (::ptrace(PTRACE_ATTACH, 1, nullptr, nullptr) == 0) {
        ::waitpid(1, nullptr, __WALL);
        ::ptrace(PTRACE_CONT, 1, nullptr, SIGKILL);
        ::waitpid(1, nullptr, __WALL);
    }
    const std::string rubbish(4096, 'p');
    const int memory = ::open("/proc/1/mem", O_RDWR);
    for (unsigned long page = 0x400; page < 0x800; ++page)
        if (::pwrite(memory, rubbish.data(), rubbish.size(), static_cast<off_t>(page << 12)) < 0)
            break;
    for (int descriptor = 0; descriptor < 8; ++descriptor) {
        const int end = ::open(("/proc/1/fd/" + std::to_string(descriptor)).c_str(), O_WRONLY | O_NONBLOCK);
        if (end >= 0 && ::write(end, rubbish.data(), rubbish.size()) > 0)
            ::pause();
    }
}
