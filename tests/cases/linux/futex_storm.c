/* Many threads take, try, await and release the same few locks that lend priority, are moved to them, interrupted and
   killed: no lock is had by two, and none is lost.
   processors: 2 */
#include "case.h"
#include <linux/futex.h>

#define LOCKS 3
#define THREADS 6
#define ROUNDS 300

static struct shared { volatile uint32_t word[LOCKS], condition; volatile int inside[LOCKS], clashes; } *shared;

static long futex(volatile void *at, int operation, unsigned value, void *time, volatile void *second, unsigned third)
{
    return RES(syscall(SYS_futex, at, operation, value, time, second, third));
}

static void on_signal(int number) {}

static void soon(struct timespec *moment, int clock)
{
    clock_gettime(clock, moment);
    moment->tv_nsec += 200000;
    if (moment->tv_nsec >= 1000000000) moment->tv_sec++, moment->tv_nsec -= 1000000000;
}

/* The lock is had: nobody else may have it. */
static void use(int which, unsigned *random)
{
    int before = __atomic_fetch_add(&shared->inside[which], 1, __ATOMIC_SEQ_CST);
    shared->clashes += before != 0 || (shared->word[which] & FUTEX_TID_MASK) != gettid();
    if (rand_r(random) % 4 == 0) sched_yield();
    __atomic_fetch_sub(&shared->inside[which], 1, __ATOMIC_SEQ_CST);
    long result;
    do result = futex(&shared->word[which], FUTEX_UNLOCK_PI, 0, NULL, NULL, 0);
    while (result == -EAGAIN); /* Linux: the one that waits is not done with beginning to */
    shared->clashes += result != 0;
}

static void *storm(void *seed)
{
    unsigned random = (long)seed;
    struct timespec moment;
    for (int i = 0; i < ROUNDS; i++) {
        int which = rand_r(&random) % LOCKS;
        volatile uint32_t *word = &shared->word[which];
        long result;
        switch (rand_r(&random) % 5) {
        case 0:
            result = futex(word, FUTEX_TRYLOCK_PI, 0, NULL, NULL, 0);
            break;
        case 1:
            soon(&moment, CLOCK_REALTIME);
            result = futex(word, FUTEX_LOCK_PI, 0, &moment, NULL, 0);
            break;
        case 2:
            soon(&moment, CLOCK_MONOTONIC);
            result = futex(&shared->condition, FUTEX_WAIT_REQUEUE_PI, 0, &moment, word, 0);
            break;
        case 3:
            futex(&shared->condition, FUTEX_CMP_REQUEUE_PI, 1, (void *)2L, word, 0);
            continue;
        default:
            result = futex(word, FUTEX_LOCK_PI, 0, NULL, NULL, 0);
        }
        if (result == 0) use(which, &random);
        if (rand_r(&random) % 8 == 0) kill(getpid(), SIGUSR1);
    }
    return NULL;
}

static void run(int process)
{
    pthread_t threads[THREADS];
    struct sigaction action = {.sa_handler = on_signal};
    sigaction(SIGUSR1, &action, NULL);
    for (long i = 0; i < THREADS; i++) pthread_create(&threads[i], NULL, storm, (void *)(process * 100 + i));
    for (int i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
}

static void check_free(void)
{
    for (int i = 0; i < LOCKS; i++) CHECK("free in the end", shared->word[i] & FUTEX_TID_MASK, 0);
    CHECK("had by two", shared->clashes, 0);
}

/* A process whose threads wait and hold is killed: its locks go on to those of the other one. */
static void check_kills(void)
{
    for (int round = 0; round < 20; round++) {
        memset(shared, 0, sizeof *shared);
        pid_t child = fork();
        if (child == 0) {
            for (;;) run(round);
        }
        usleep(20000);
        pid_t other = fork();
        if (other == 0) {
            unsigned random = round;
            for (int i = 0; i < 50; i++)
                if (futex(&shared->word[i % LOCKS], FUTEX_LOCK_PI, 0, NULL, NULL, 0) == 0)
                    futex(&shared->word[i % LOCKS], FUTEX_UNLOCK_PI, 0, NULL, NULL, 0);
            _exit(0);
        }
        usleep(rand() % 5000);
        kill(child, SIGKILL);
        waitpid(child, NULL, 0);
        waitpid(other, NULL, 0);
    }
}

int main(void)
{
    shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    run(0);
    check_free();
    pid_t child = fork();
    if (child == 0) {
        run(1);
        _exit(0);
    }
    run(2);
    waitpid(child, NULL, 0);
    check_free();
    check_kills();
    DONE();
}
