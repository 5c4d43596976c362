/* A container is destroyed while a program is put into it from outside, which sleeps in between: destroying it waits for that, the
   program is not started or killed, and nothing of the container is used afterwards.
   copies: yield
   arguments: starts | fails */
#include "container.h"

enum { ROUNDS = 120, WORDS = 64, WORD = 1000 };
static char words[WORDS][WORD];
static char *arguments[WORDS + 2];
static volatile int container = -1, started, ended;

static void *starter(void *unused)
{
    while (!ended) {
        if (container < 0) continue;
        int process = run_in_container(container, arguments, NULL, 0);
        if (process >= 0) { started++; close(process); }
    }
    return NULL;
}

int main(int argc, char **argv)
{
    int fails = argc > 1 && strcmp(argv[1], "fails") == 0;
    pthread_t threads[2];
    long refused = 0, odd = 0;
    for (int i = 0; i < WORDS; i++) {
        memset(words[i], 'a', WORD - 1);
        arguments[i + 1] = words[i];
    }
    arguments[0] = "/bin/busybox";
    arguments[1] = fails ? words[0] : "true";
    for (int i = 0; i < 2; i++) pthread_create(&threads[i], NULL, starter, NULL);
    for (int round = 0; round < ROUNDS; round++) {
        /* With so few pages the stack cannot hold the arguments. */
        int made = create_container("/", fails ? 20 : 600, 10);
        container = made;
        usleep(round % 10 * 300);
        long result = RES(destroy_container(made));
        container = -1;
        refused += result == -ESRCH;
        odd += result != 0 && result != -ESRCH;
        close(made);
    }
    ended = 1;
    for (int i = 0; i < 2; i++) pthread_join(threads[i], NULL);
    CHECK("destroyed, each once", odd + refused, 0);
    CHECK("programs that were started", fails || started > 0, 1);
    DONE();
}
