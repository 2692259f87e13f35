// Attaches to its parent and to the first of its session as a debugger does, and opens their memory.
// Attacks: the judge
// Expects: wrong, 0 points
// Seen: it ended with status 0 before that
#include <cstdio>
#include <fcntl.h>
#include <string>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <unistd.h>

int main() {
    // Process 1 of a sandbox is no judge: see ends_the_sandbox.
    for (const pid_t process : {::getppid(), ::getsid(0), ::getpgid(::getppid())}) {
        if (process <= 1 || process == ::getpid())
            continue;
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
