/* Condition variables of locks that lend priority: FUTEX_WAIT_REQUEUE_PI and FUTEX_CMP_REQUEUE_PI, and what does not go together. */
#include "case.h"
#include <linux/futex.h>

#define WAITERS 4

static volatile uint32_t condition, mutex, other;
static volatile int done, handled;

static long futex(volatile void *at, int operation, unsigned value, void *time, volatile void *second, unsigned third)
{
    return RES(syscall(SYS_futex, at, operation, value, time, second, third));
}

static long lock(volatile uint32_t *at) { return futex(at, FUTEX_LOCK_PI, 0, NULL, NULL, 0); }
static long unlock(volatile uint32_t *at) { return futex(at, FUTEX_UNLOCK_PI, 0, NULL, NULL, 0); }
static long move(unsigned wake, long count) { return futex(&condition, FUTEX_CMP_REQUEUE_PI, wake, (void *)count, &mutex, condition); }

static void *wait_and_take(void *timeout)
{
    long result = futex(&condition, FUTEX_WAIT_REQUEUE_PI, 0, timeout, &mutex, 0);
    if (result == 0) {
        if ((mutex & FUTEX_TID_MASK) != gettid()) result = 1;
        done++;
        unlock(&mutex);
    }
    return (void *)result;
}

/* Until so many wait at the condition: a plain requeue finds the first of them, and refuses. */
static void until_waiting(void)
{
    while (futex(&condition, FUTEX_CMP_REQUEUE, 0, (void *)1, &other, condition) != -EINVAL) usleep(1000);
    usleep(20000);
}

static void begin(pthread_t *threads, int count)
{
    done = 0;
    for (int i = 0; i < count; i++) pthread_create(&threads[i], NULL, wait_and_take, NULL);
    until_waiting();
}

static void end(pthread_t *threads, int count)
{
    for (int i = 0; i < count; i++) {
        void *result;
        pthread_join(threads[i], &result);
        CHECK("had the lock", (long)result, 0);
    }
    CHECK("all of them", done, count);
    CHECK("it is free", mutex & FUTEX_TID_MASK, 0);
    mutex = 0;
}

static void check_moves(void)
{
    pthread_t threads[WAITERS];
    begin(threads, WAITERS);
    CHECK("moved to a free lock", move(1, INT_MAX), WAITERS);
    end(threads, WAITERS);
    begin(threads, WAITERS);
    lock(&mutex);
    CHECK("moved to a lock that is held", move(1, 0), 1);
    CHECK("and others", move(1, 1), 2);
    CHECK("and the last", move(1, INT_MAX), 1);
    CHECK("nobody is left", move(1, INT_MAX), 0);
    usleep(20000);
    CHECK("none has it", done, 0);
    unlock(&mutex);
    end(threads, WAITERS);
    begin(threads, 1);
    CHECK("one alone gets it", move(1, 0), 1);
    end(threads, 1);
}

static void check_refusals(void)
{
    pthread_t thread;
    void *result;
    begin(&thread, 1);
    CHECK("not woken", futex(&condition, FUTEX_WAKE, 1, NULL, NULL, 0), -EINVAL);
    CHECK("not by bits", futex(&condition, FUTEX_WAKE_BITSET, 1, NULL, NULL, 1), -EINVAL);
    CHECK("not moved to another", futex(&condition, FUTEX_CMP_REQUEUE_PI, 1, NULL, &other, 0), -EINVAL);
    CHECK("one is woken, no more", move(2, 0), -EINVAL);
    CHECK("nor none", move(0, 1), -EINVAL);
    CHECK("not a negative number", move(1, -1), -EINVAL);
    CHECK("not to itself", futex(&condition, FUTEX_CMP_REQUEUE_PI, 1, NULL, &condition, 0), -EINVAL);
    CHECK("the word is another", futex(&condition, FUTEX_CMP_REQUEUE_PI, 1, NULL, &mutex, 5), -EAGAIN);
    mutex = 0x3fffffff;
    CHECK("a lock of none", move(1, 0), -ESRCH);
    mutex = 0;
    CHECK("in the end", move(1, 0), 1);
    end(&thread, 1);
    CHECK("wait: another word", futex(&condition, FUTEX_WAIT_REQUEUE_PI, 1, NULL, &mutex, 0), -EAGAIN);
    CHECK("wait: the same word", futex(&condition, FUTEX_WAIT_REQUEUE_PI, 0, NULL, &condition, 0), -EINVAL);
    CHECK("wait: an odd word", futex((char *)&condition + 1, FUTEX_WAIT_REQUEUE_PI, 0, NULL, &mutex, 0), -EINVAL);
    CHECK("wait: an odd lock", futex(&condition, FUTEX_WAIT_REQUEUE_PI, 0, NULL, (char *)&mutex + 1, 0), -EINVAL);
    CHECK("wait: no lock", futex(&condition, FUTEX_WAIT_REQUEUE_PI, 0, NULL, (void *)8, 0), -EFAULT);
    CHECK("nobody waits", move(1, 1), 0);
}

static void check_moments(void)
{
    struct timespec past = {1, 0}, soon;
    pthread_t thread;
    void *result;
    CHECK("a moment long past", futex(&condition, FUTEX_WAIT_REQUEUE_PI, 0, &past, &mutex, 0), -ETIMEDOUT);
    CHECK("of the other clock", futex(&condition, FUTEX_WAIT_REQUEUE_PI | FUTEX_CLOCK_REALTIME, 0, &past, &mutex, 0), -ETIMEDOUT);
    clock_gettime(CLOCK_MONOTONIC, &soon);
    soon.tv_sec++;
    lock(&mutex);
    pthread_create(&thread, NULL, wait_and_take, &soon);
    until_waiting();
    CHECK("moved", move(1, 0), 1);
    pthread_join(thread, &result);
    CHECK("until a moment", (long)result, -ETIMEDOUT);
    unlock(&mutex);
    CHECK("free", mutex, 0);
}

static void on_signal(int number) { handled++; }

static void check_signals(void)
{
    struct sigaction action = {.sa_handler = on_signal};
    pthread_t thread;
    void *result;
    sigaction(SIGUSR1, &action, NULL);
    lock(&mutex);
    begin(&thread, 1);
    pthread_kill(thread, SIGUSR1);
    while (handled == 0) usleep(1000);
    until_waiting();
    CHECK("a handler ran, and the thread waited on", move(1, 0), 1);
    usleep(20000);
    pthread_kill(thread, SIGUSR1);
    pthread_join(thread, &result);
    CHECK("a handler ran while it waited for the lock", (long)result, -EAGAIN);
    unlock(&mutex);
}

int main(void)
{
    check_moves();
    check_refusals();
    check_moments();
    check_signals();
    DONE();
}
