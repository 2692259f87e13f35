// Its own port: connects to a server, and says which endpoint the kernel has given to its end of the connection.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

static void say(const char* word, int (*ask)(int, struct sockaddr*, socklen_t*), int client) {
    struct sockaddr_in end = {0};
    socklen_t size = sizeof end;
    char address[INET_ADDRSTRLEN];
    if (ask(client, (struct sockaddr*)&end, &size) == 0)
        printf("%s %s:%d\n", word, inet_ntop(AF_INET, &end.sin_addr, address, sizeof address), ntohs(end.sin_port));
}

int main(int argc, char** argv) {
    struct sockaddr_in server = {.sin_family = AF_INET};
    char* end = "?";
    const long port = argc == 3 ? strtol(argv[2], &end, 10) : 0;
    if (*end || port < 1 || port > 65535 || inet_pton(AF_INET, argv[1], &server.sin_addr) != 1) {
        fprintf(stderr, "usage: own_port ADDRESS PORT\n");
        return EXIT_FAILURE;
    }
    server.sin_port = htons((in_port_t)port);
    const int client = socket(AF_INET, SOCK_STREAM, 0);
    if (client < 0 || connect(client, (struct sockaddr*)&server, sizeof server) != 0) {
        perror("own_port");
        return EXIT_FAILURE;
    }
    say("from", getsockname, client);
    say("to", getpeername, client);
    fflush(stdout);
    getchar();
}
