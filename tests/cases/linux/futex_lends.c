/* Who holds a lock that lends priority has the share of the heaviest thread that waits for it, also along a chain of locks.
   host: no, because Linux lends real-time priorities only, which the user of the tests may not have */
#include "case.h"
#include <linux/futex.h>

#define HOGS 3
#define WORK 100000000L

static volatile uint32_t first, second;
static volatile int stop;

static long lock(volatile uint32_t *at) { return RES(syscall(SYS_futex, at, FUTEX_LOCK_PI_PRIVATE, 0, NULL, NULL, 0)); }
static long unlock(volatile uint32_t *at) { return RES(syscall(SYS_futex, at, FUTEX_UNLOCK_PI_PRIVATE, 0, NULL, NULL, 0)); }

static void *hog(void *unused)
{
    while (!stop) {}
    return NULL;
}

/* Use so much processor time, of this thread. */
static void work(long nanoseconds)
{
    struct timespec time;
    do clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time); while (time.tv_sec * 1000000000L + time.tv_nsec < nanoseconds);
}

static void *hold_and_work(void *unused)
{
    lock(&first);
    setpriority(PRIO_PROCESS, gettid(), 19);
    work(WORK);
    unlock(&first);
    return NULL;
}

static void *hold_and_wait(void *unused)
{
    setpriority(PRIO_PROCESS, gettid(), 19);
    lock(&second);
    lock(&first);
    unlock(&first);
    unlock(&second);
    return NULL;
}

/* How long it takes to have a lock whose owner has work to do, among others that are busy. */
static long wait_behind(int with_chain)
{
    pthread_t hogs[HOGS], owner, between;
    stop = 0;
    pthread_create(&owner, NULL, hold_and_work, NULL);
    while (first == 0) usleep(1000);
    if (with_chain) {
        pthread_create(&between, NULL, hold_and_wait, NULL);
        while ((first & FUTEX_WAITERS) == 0) usleep(1000);
    }
    for (int i = 0; i < HOGS; i++) pthread_create(&hogs[i], NULL, hog, NULL);
    long before = milliseconds();
    volatile uint32_t *wanted = with_chain ? &second : &first;
    CHECK("had", lock(wanted), 0);
    long took = milliseconds() - before;
    unlock(wanted);
    stop = 1;
    for (int i = 0; i < HOGS; i++) pthread_join(hogs[i], NULL);
    pthread_join(owner, NULL);
    if (with_chain) pthread_join(between, NULL);
    printf("took %ld ms\n", took);
    return took;
}

/* Of 1024 and three times 1024 the owner has a quarter; of its own 15 it would take 20 s. */
int main(void)
{
    CHECK("the owner was lent the share of the one that waits", wait_behind(0) < 5000, 1);
    CHECK("and along a chain", wait_behind(1) < 5000, 1);
    DONE();
}
