/* Three parts: main makes two siblings, C and D, and runs `giver` in C; that makes a file and runs `taker` in D with descriptors for it;
   when the taker says that it uses them, main destroys C, takes the memory that it gave back, and lets the taker go on.
   What the taker finds BAD makes its status, which is main's.
   Descriptors of the taker: 4 to say that it is ready, 7 to wait for the word, 5, 6 and 8 what it was given. */
#include "container.h"

/* Modes in which the processes of C are killed first, and the taker says at 4 what it has noticed, before C is destroyed. */
#ifndef ENDS_FIRST
#define ENDS_FIRST(mode) 0
#endif

static int take(const char *mode);
static void give(const char *mode, int given[3]);

__attribute__((unused)) static void say_ready_and_wait(void) { char byte; write(4, "r", 1); read(7, &byte, 1); }

static void use_memory(void)
{
    char *memory = mmap(NULL, 8 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), name[64];
    memset(memory, 'S', 8 << 20);
    for (int i = 0; i < 200; i++) {
        sprintf(name, "/tmp/reuse%d", i);
        int file = open(name, O_CREAT | O_WRONLY, 0600);
        write(file, memory, 4096);
        if (i % 4) close(file);
    }
}

int main(int argc, char **argv)
{
    if (argc > 2 && strcmp(argv[1], "taker") == 0) {
        int status = take(argv[2]);
        fflush(stdout);
        _exit(status);
    }
    if (argc > 2 && strcmp(argv[1], "giver") == 0) {
        int given[3] = {-1, -1, -1};
        give(argv[2], given);
        struct fd_pair pairs[10] = {{0, 0}, {1, 1}, {2, 2}, {4, 4}, {7, 7}, {8, 9}};
        int count = 6, targets[3] = {5, 6, 8};
        for (int i = 0; i < 3; i++) if (given[i] >= 0) pairs[count++] = (struct fd_pair){given[i], targets[i]};
        char *command[] = {argv[0], "taker", argv[2], NULL};
        int pidfd = run_in_container(3, command, pairs, count);
        CHECK("run the taker", pidfd >= 0, 1);
        for (int i = 0; i < 3; i++) if (given[i] >= 0) close(given[i]);
        dprintf(8, "%d", pidfd);
        pause();
    }
    int ready[2], go[2], status[2];
    pipe(ready);
    pipe(go);
    pipe(status);
    int other = create_container("/", 0, 0), first = create_container("/", 0, 0);
    struct fd_pair pairs[] = {{0, 0}, {1, 1}, {2, 2}, {other, 3}, {ready[1], 4}, {go[0], 7}, {status[1], 8}};
    char *command[] = {argv[0], "giver", argv[1], NULL}, byte;
    CHECK("run the giver", run_in_container(first, command, pairs, 7) >= 0, 1);
    close(ready[1]);
    CHECK("the taker is ready", read(ready[0], &byte, 1), 1);
    if (ENDS_FIRST(argv[1])) {
        CHECK("kill the giver", RES(control_container(first, 3, 0)), 0);
        CHECK("the taker has noticed", read(ready[0], &byte, 1), 1);
    }
    CHECK("destroy C", RES(destroy_container(first)), 0);
    use_memory();
    write(go[1], "g", 1);
    close(status[1]);
    char text[64] = "";
    while (strchr(text, '=') == NULL) {
        int length = strlen(text);
        if (read(status[0], text + length, sizeof text - 1 - length) <= 0) break;
    }
    char *result = strchr(text, '=');
    CHECK("the taker's end", result == NULL ? -1 : atoi(result + 1), 0);
    CHECK("destroy D", RES(destroy_container(other)), 0);
    DONE();
}

/* The taker's last word. */
static int ended(void) { dprintf(9, "=%d ", bad != 0); return bad != 0; }
