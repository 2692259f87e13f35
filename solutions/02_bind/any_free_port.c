// Any free port: binds a port of loopback that the kernel chooses, and says which.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void stop(int number) {
    (void)number;
    _exit(EXIT_SUCCESS);
}

static int refused(const char* call) {
    perror(call);
    return EXIT_FAILURE;
}

int main(void) {
    signal(SIGINT, stop);
    signal(SIGTERM, stop);

    const int listener = socket(AF_INET, SOCK_STREAM, 0);
    if (listener < 0)
        return refused("socket");

    struct sockaddr_in address;
    memset(&address, 0, sizeof address);
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = 0;
    if (bind(listener, (struct sockaddr*)&address, sizeof address) != 0)
        return refused("bind");
    if (listen(listener, SOMAXCONN) != 0)
        return refused("listen");

    socklen_t size = sizeof address;
    if (getsockname(listener, (struct sockaddr*)&address, &size) != 0)
        return refused("getsockname");
    printf("listening on %s:%d\n", inet_ntoa(address.sin_addr), ntohs(address.sin_port));
    fflush(stdout);

    getchar();
    return EXIT_SUCCESS;
}
