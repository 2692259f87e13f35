// Makes what outlives its process: System V shared memory, semaphores and messages, POSIX message queues, keys.
// Attacks: what is left of the machine afterwards
// Expects: wrong, 0 points
// Seen: it ended with status 0 before that
#include <fcntl.h>
#include <mqueue.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/stat.h>

int main() {
    constexpr key_t key = 0x706f7274; // "port"
    ::shmget(key, 4096, IPC_CREAT | 0666);
    ::semget(key, 1, IPC_CREAT | 0666);
    ::msgget(key, IPC_CREAT | 0666);
    ::mq_open("/portlab-forged", O_CREAT | O_RDWR, 0666, nullptr);
    ::shm_open("/portlab-forged", O_CREAT | O_RDWR, 0666);
}
