// Sends word to the outside: by TCP, UDP, raw packets, DNS, and through sockets that have a name.
// Attacks: what must stay secret
// Expects: wrong, 0 points
// Seen: it ended with status 0 before that
#include <arpa/inet.h>
#include <cstdio>
#include <cstring>
#include <linux/if_packet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <string>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace {

constexpr const char* word = "portlab-forged: hello from the sandbox\n";

void say(const char* what) { std::printf("portlab-forged: %s\n", what); }

void send_to(const std::string& host, const char* port) {
    for (const int kind : {SOCK_STREAM, SOCK_DGRAM}) {
        addrinfo hints{}, *found = nullptr;
        hints.ai_socktype = kind;
        hints.ai_flags = AI_NUMERICHOST;
        if (::getaddrinfo(host.c_str(), port, &hints, &found) != 0)
            continue;
        const int out = ::socket(found->ai_family, kind | SOCK_NONBLOCK, 0);
        // On loopback a datagram gets lost without an error: whether it was heard is known outside.
        if (::connect(out, found->ai_addr, found->ai_addrlen) == 0 &&
            ::send(out, word, std::strlen(word), MSG_NOSIGNAL) > 0 && !host.starts_with("127."))
            say(host.c_str());
        ::freeaddrinfo(found);
    }
}

} // namespace

int main() {
    // The machine's own addresses as the attacker knows them; a name server; documentation and metadata addresses.
    for (const char* host :
         {"@HOST@", "127.0.0.1", "127.0.0.53", "169.254.169.254", "192.0.2.1", "2606:4700:4700::1111", "8.8.8.8"}) {
        send_to(host, "@PORT@");
        send_to(host, "53");
    }
    addrinfo* found = nullptr;
    if (::getaddrinfo("portlab-forged.example.com", "80", nullptr, &found) == 0)
        say("a name server answered");
    if (::socket(AF_INET, SOCK_RAW, IPPROTO_ICMP) >= 0)
        say("raw socket");
    if (::socket(AF_PACKET, SOCK_RAW, 0) >= 0)
        say("packet socket");
    sockaddr_un hidden{};
    hidden.sun_family = AF_UNIX;
    std::strcpy(hidden.sun_path + 1, "portlab-@PORT@"); // an abstract name
    const int local = ::socket(AF_UNIX, SOCK_STREAM, 0);
    if (::connect(local, reinterpret_cast<sockaddr*>(&hidden),
                  static_cast<socklen_t>(sizeof(sa_family_t) + 1 + std::strlen(hidden.sun_path + 1))) == 0 &&
        ::write(local, word, std::strlen(word)) > 0)
        say("abstract socket");
}
