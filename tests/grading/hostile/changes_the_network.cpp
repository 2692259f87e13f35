// Takes the loopback device down, adds addresses, and narrows the kernel's range of ports to one.
// Attacks: the judge, which shares the network with the program
// Expects: wrong, 0 points
// Seen: it ended with status 0 before that
#include <arpa/inet.h>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

int main() {
    const int any = ::socket(AF_INET, SOCK_DGRAM, 0);
    ifreq device{};
    std::strcpy(device.ifr_name, "lo");
    device.ifr_flags = 0;
    if (::ioctl(any, SIOCSIFFLAGS, &device) == 0)
        std::puts("portlab-forged: took lo down");
    std::strcpy(device.ifr_name, "lo:1");
    auto* const address = reinterpret_cast<sockaddr_in*>(&device.ifr_addr);
    address->sin_family = AF_INET;
    address->sin_addr.s_addr = htonl(0x08080808);
    if (::ioctl(any, SIOCSIFADDR, &device) == 0)
        std::puts("portlab-forged: added an address");
    for (const char* setting :
         {"ip_local_port_range", "ip_unprivileged_port_start", "ip_nonlocal_bind", "tcp_syncookies"}) {
        std::ofstream file{std::string{"/proc/sys/net/ipv4/"} + setting};
        if (file << "40000 40000" << std::flush)
            std::printf("portlab-forged: changed %s\n", setting);
    }
}
