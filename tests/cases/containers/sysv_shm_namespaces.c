/* Segments belong to a container: keys and ids mean others elsewhere, its memory limit holds for them, and they are gone
   with it, attached, removed or neither. */
#include "container.h"
#include <sys/ipc.h>
#include <sys/shm.h>

#define KEY 77
#define PAGE 4096L
#define PAGES 2000L

static int child(void)
{
    struct shmid_ds state;
    CHECK("not the parent's", RES(shmget(KEY, PAGE, 0)), -ENOENT);
    CHECK("not by its id", RES(shmctl(0, IPC_STAT, &state)), -EINVAL);
    int id = shmget(KEY, 4 * PAGE, IPC_CREAT | 0600);
    CHECK("the first index again", id, 0);
    char *place = shmat(id, NULL, 0);
    strcpy(place, "here");
    int removed = shmget(IPC_PRIVATE, 4 * PAGE, 0600);
    memset(shmat(removed, NULL, 0), 1, 4 * PAGE);
    shmctl(removed, IPC_RMID, NULL);
    int forgotten = shmget(IPC_PRIVATE, 4 * PAGE, 0600);
    char *other = shmat(forgotten, NULL, 0);
    memset(other, 1, 4 * PAGE);
    shmdt(other);
    int large = shmget(IPC_PRIVATE, PAGES * PAGE, 0600);
    IN_CHILD({
        volatile char *pages = shmat(large, NULL, 0);
        int status;
        pid_t greedy = fork();
        if (greedy == 0) {
            for (long page = 0; page < PAGES; page++)
                pages[page * PAGE] = 1;
            _exit(0);
        }
        waitpid(greedy, &status, 0);
        CHECK("no more than the container may have", WIFSIGNALED(status), 1);
    });
    shmctl(large, IPC_RMID, NULL);
    FILE *setting = fopen("/proc/sys/kernel/shmmni", "w");
    fputs("2\n", setting);
    fclose(setting);
    CHECK("a limit of its own", RES(shmget(IPC_PRIVATE, PAGE, 0600)), -ENOSPC);
    fflush(stdout);
    write(4, &place, sizeof place);
    if (bad == 0)
        pause();
    return 1;
}

int main(int argc, char **argv)
{
    if (argc > 1)
        return child();
    int id = shmget(KEY, PAGE, IPC_CREAT | 0600), told[2];
    char *mine = shmat(id, NULL, 0), *place = NULL;
    CHECK("the first", id, 0);
    strcpy(mine, "there");
    for (int round = 0; round < 3; round++) {
        pipe(told);
        int container = create_container("/", 600, 0);
        char *command[] = {argv[0], "child", NULL};
        struct fd_pair pairs[] = {{0, 0}, {1, 1}, {2, 2}, {told[1], 4}};
        int pidfd = run_in_container(container, command, pairs, 4);
        close(told[1]);
        CHECK("ready", RES(read(told[0], &place, sizeof place)), sizeof place);
        close(told[0]);
        CHECK("destroy", RES(destroy_container(container)), 0);
        CHECK("killed", await(pidfd), 1000 + SIGKILL);
        close(pidfd);
        close(container);
    }
    CHECK("the parent's is as it was", strcmp(mine, "there"), 0);
    CHECK("and can be had still", RES(shmget(IPC_PRIVATE, PAGE, 0600)) > 0, 1);
    DONE();
}
