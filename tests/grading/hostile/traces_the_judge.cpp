// Attaches to its parent and to process 1 as a debugger does, and writes into their memory.
// Attacks: the judge and the sandbox
// Expects: wrong, 0 points
// Seen: it ended with status 0 before that
#include <cstdio>
#include <fcntl.h>
#include <string>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <unistd.h>

int main() {
    for (const pid_t process : {::getppid(), pid_t{1}}) {
        if (::ptrace(PTRACE_SEIZE, process, nullptr, nullptr) == 0)
            std::puts("portlab-forged: seized the parent");
        if (::ptrace(PTRACE_ATTACH, process, nullptr, nullptr) == 0)
            std::puts("portlab-forged: attached to the parent");
        const int memory = ::open(("/proc/" + std::to_string(process) + "/mem").c_str(), O_RDWR);
        if (memory >= 0)
            std::puts("portlab-forged: opened the parent's memory");
        char byte = 0;
        iovec here{&byte, 1}, there{reinterpret_cast<void*>(0x400000), 1};
        if (::process_vm_readv(process, &here, 1, &there, 1, 0) == 1)
            std::puts("portlab-forged: read the parent's memory");
    }
}
