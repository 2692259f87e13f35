// Greet each: tells every client the endpoint that it called from, and keeps it connected until it leaves.
// One process, which waits with poll(2) for the listening socket and for every client at once.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { exit_config = 78, room = 1000 };

static void stop(int number) {
    (void)number;
    _exit(EXIT_SUCCESS);
}

static int refused(const char* call) {
    perror(call);
    return EXIT_FAILURE;
}

static int listen_on_loopback(in_port_t port) {
    const int listener = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in address;
    memset(&address, 0, sizeof address);
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(port);
    socklen_t size = sizeof address;
    if (listener < 0 || bind(listener, (struct sockaddr*)&address, size) != 0 || listen(listener, SOMAXCONN) != 0 ||
        getsockname(listener, (struct sockaddr*)&address, &size) != 0)
        return -1;
    printf("listening on %s:%d\n", inet_ntoa(address.sin_addr), ntohs(address.sin_port));
    fflush(stdout);
    return listener;
}

// Accepts a client and tells it who it is; -1 where there is none.
static int greet(int listener) {
    struct sockaddr_in peer;
    socklen_t size = sizeof peer;
    const int client = accept(listener, (struct sockaddr*)&peer, &size);
    if (client < 0)
        return -1;
    char line[64];
    const int length = snprintf(line, sizeof line, "you are %s:%d\n", inet_ntoa(peer.sin_addr), ntohs(peer.sin_port));
    (void)!write(client, line, (size_t)length); // a client that has left already does not stop the server
    return client;
}

int main(void) {
    const char* const text = getenv("PORT") ? getenv("PORT") : "0";
    const size_t digits = strspn(text, "0123456789");
    const long port = digits > 0 && digits < 7 && text[digits] == '\0' ? atol(text) : 65536;
    if (port > 65535) {
        fprintf(stderr, "greet_each: PORT=\"%s\" is not a port\n", text);
        return exit_config;
    }
    signal(SIGPIPE, SIG_IGN);
    signal(SIGINT, stop);
    signal(SIGTERM, stop);

    struct pollfd watched[room];
    watched[0] = (struct pollfd){STDIN_FILENO, POLLIN, 0};
    watched[1] = (struct pollfd){listen_on_loopback((in_port_t)port), POLLIN, 0};
    if (watched[1].fd < 0)
        return refused("bind or listen");
    nfds_t used = 2;
    while (1) {
        if (poll(watched, used, -1) < 0)
            return refused("poll");
        if (watched[0].revents != 0)
            return EXIT_SUCCESS;
        for (nfds_t i = used - 1; i > 1; --i) {
            char ignored[4096];
            if (watched[i].revents != 0 && read(watched[i].fd, ignored, sizeof ignored) <= 0) {
                close(watched[i].fd);
                watched[i] = watched[--used];
            }
        }
        if (watched[1].revents != 0 && used < room) {
            const int client = greet(watched[1].fd);
            if (client >= 0)
                watched[used++] = (struct pollfd){client, POLLIN, 0};
        }
    }
}
