/* Locks that lend priority: FUTEX_LOCK_PI and its like, what their words say, whom a lock is handed to, and what is refused. */
#include "case.h"
#include <linux/futex.h>
#ifndef FUTEX_LOCK_PI2
#define FUTEX_LOCK_PI2 13
#endif

#define WAITERS 3

static volatile uint32_t word, other;
static volatile uint32_t order[WAITERS], got;

static long futex(volatile void *at, int operation, unsigned value, void *time, void *second, unsigned third)
{
    return RES(syscall(SYS_futex, at, operation, value, time, second, third));
}

static long lock(volatile uint32_t *at) { return futex(at, FUTEX_LOCK_PI, 0, NULL, NULL, 0); }
static long unlock(volatile uint32_t *at) { return futex(at, FUTEX_UNLOCK_PI, 0, NULL, NULL, 0); }
static long try(volatile uint32_t *at) { return futex(at, FUTEX_TRYLOCK_PI, 0, NULL, NULL, 0); }

static void later(struct timespec *moment, int clock, long nanoseconds)
{
    clock_gettime(clock, moment);
    moment->tv_nsec += nanoseconds;
    moment->tv_sec += moment->tv_nsec / 1000000000;
    moment->tv_nsec %= 1000000000;
}

/* Until so many threads sleep, but for this one. */
static void until_asleep(int wanted)
{
    for (int sleeping = -1; sleeping != wanted;) {
        usleep(2000);
        sleeping = 0;
        for (pid_t thread = getpid(); thread < getpid() + 64; thread++) {
            char path[64], text[256] = "";
            sprintf(path, "/proc/self/task/%d/stat", thread);
            int fd = thread == gettid() ? -1 : open(path, O_RDONLY);
            if (fd < 0) continue;
            read(fd, text, sizeof text - 1);
            close(fd);
            char *end = strrchr(text, ')');
            sleeping += end != NULL && end[2] == 'S';
        }
    }
}

static void check_alone(void)
{
    CHECK("a free lock", lock(&word), 0);
    CHECK("its word is the thread", word, gettid());
    CHECK("again", lock(&word), -EDEADLK);
    CHECK("again, without waiting", try(&word), -EDEADLK);
    CHECK("released", unlock(&word), 0);
    CHECK("its word is nothing", word, 0);
    CHECK("again", unlock(&word), -EPERM);
    CHECK("at once", try(&word), 0);
    word |= FUTEX_WAITERS;
    CHECK("released, though nobody waits", unlock(&word), 0);
    CHECK("its word is nothing", word, 0);
    word = FUTEX_WAITERS | FUTEX_OWNER_DIED;
    CHECK("of an owner that died", lock(&word), 0);
    CHECK("the word tells of it", word, FUTEX_OWNER_DIED | gettid());
    CHECK("released", unlock(&word), 0);
    CHECK("the word tells nothing", word, 0);
}

static void check_refusals(void)
{
    word = 0x3fffffff;
    CHECK("of a thread that is not", lock(&word), -ESRCH);
    CHECK("it is said that others wait", word, FUTEX_WAITERS | 0x3fffffff);
    word = getppid();
    CHECK("of another process", try(&word), -EAGAIN);
    CHECK("it is said that others wait", word, FUTEX_WAITERS | getppid());
    struct timespec past = {0, 0}, none = {0, -1};
    CHECK("to a moment long past", futex(&word, FUTEX_LOCK_PI, 0, &past, NULL, 0), -ETIMEDOUT);
    CHECK("a moment that is none", futex(&word, FUTEX_LOCK_PI, 0, &none, NULL, 0), -EINVAL);
    CHECK("a moment that cannot be read", futex(&word, FUTEX_LOCK_PI, 0, (void *)8, NULL, 0), -EFAULT);
    CHECK("a moment comes before the address", futex((char *)&word + 1, FUTEX_LOCK_PI, 0, &none, NULL, 0), -EINVAL);
    CHECK("an odd address", futex((char *)&word + 1, FUTEX_LOCK_PI, 0, NULL, NULL, 0), -EINVAL);
    CHECK("a clock is not chosen", futex(&word, FUTEX_LOCK_PI | FUTEX_CLOCK_REALTIME, 0, NULL, NULL, 0), -ENOSYS);
    CHECK("nor is it to try", futex(&word, FUTEX_TRYLOCK_PI | FUTEX_CLOCK_REALTIME, 0, NULL, NULL, 0), -ENOSYS);
    char *fixed = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK("where nothing may be written", futex(fixed, FUTEX_LOCK_PI, 0, NULL, NULL, 0), -EFAULT);
    CHECK("the same, private", futex(fixed, FUTEX_LOCK_PI_PRIVATE, 0, NULL, NULL, 0), -EFAULT);
    CHECK("release: not mine", futex(fixed, FUTEX_UNLOCK_PI, 0, NULL, NULL, 0), -EPERM);
    munmap(fixed, 4096);
    CHECK("where nothing is", futex(fixed, FUTEX_LOCK_PI, 0, NULL, NULL, 0), -EFAULT);
    CHECK("release where nothing is", futex(fixed, FUTEX_UNLOCK_PI, 0, NULL, NULL, 0), -EFAULT);
    CHECK("what there is not", futex(&word, 14, 0, NULL, NULL, 0), -ENOSYS);
}

static void *take_in_turn(void *number)
{
    long result = lock(&word);
    if (result == 0) order[got++] = (long)number;
    if ((word & FUTEX_TID_MASK) != gettid()) order[0] = 77;
    unlock(&word);
    return (void *)result;
}

static void check_turns(void)
{
    pthread_t threads[WAITERS];
    void *result;
    word = 0;
    lock(&word);
    for (long i = 0; i < WAITERS; i++) {
        pthread_create(&threads[i], NULL, take_in_turn, (void *)i);
        until_asleep(i + 1);
    }
    CHECK("the word tells that others wait", word, FUTEX_WAITERS | gettid());
    CHECK("nobody is woken", futex(&word, FUTEX_WAKE, 1, NULL, NULL, 0), -EINVAL);
    CHECK("nor moved", futex(&word, FUTEX_REQUEUE, 0, (void *)1, &other, 0), -EINVAL);
    word = FUTEX_WAITERS | 1;
    CHECK("a word that is not what it should be", try(&word), -EINVAL);
    word = FUTEX_WAITERS | gettid();
    CHECK("released", unlock(&word), 0);
    for (int i = 0; i < WAITERS; i++) {
        pthread_join(threads[i], &result);
        CHECK("had it", (long)result, 0);
        CHECK("in turn", order[i], i);
    }
    CHECK("free in the end", word, 0);
}

static void *wait_for_other(void *unused)
{
    lock(&other);
    long result = lock(&word);
    if (result == 0) unlock(&word);
    unlock(&other);
    return (void *)result;
}

static void check_cycle(void)
{
    pthread_t thread;
    void *result;
    lock(&word);
    pthread_create(&thread, NULL, wait_for_other, NULL);
    until_asleep(1);
    CHECK("each waits for the other", lock(&other), -EDEADLK);
    unlock(&word);
    pthread_join(thread, &result);
    CHECK("the other one had it", (long)result, 0);
    CHECK("free", lock(&other), 0);
    unlock(&other);
}

static void *wait_to_a_moment(void *clock)
{
    struct timespec moment;
    later(&moment, clock == NULL ? CLOCK_REALTIME : CLOCK_MONOTONIC, 30000000);
    return (void *)futex(&word, clock == NULL ? FUTEX_LOCK_PI : FUTEX_LOCK_PI2, 0, &moment, NULL, 0);
}

static void check_moments(void)
{
    for (long clock = 0; clock < 2; clock++) {
        pthread_t thread;
        void *result;
        lock(&word);
        long before = milliseconds();
        pthread_create(&thread, NULL, wait_to_a_moment, (void *)clock);
        pthread_join(thread, &result);
        CHECK("the moment came", (long)result, -ETIMEDOUT);
        CHECK("not before", milliseconds() - before >= 29, 1);
        CHECK("the word still says that others wait", word, FUTEX_WAITERS | gettid());
        CHECK("released", unlock(&word), 0);
        CHECK("its word is nothing", word, 0);
    }
}

static volatile int handled;
static void on_signal(int number) { handled++; }

static void check_signals(void)
{
    struct sigaction action = {.sa_handler = on_signal};
    pthread_t thread;
    void *result;
    sigaction(SIGUSR1, &action, NULL);
    lock(&word);
    pthread_create(&thread, NULL, take_in_turn, (void *)(got = 0, 0L));
    until_asleep(1);
    pthread_kill(thread, SIGUSR1);
    while (!handled) usleep(1000);
    until_asleep(1);
    unlock(&word);
    pthread_join(thread, &result);
    CHECK("a handler ran", handled, 1);
    CHECK("and the thread waited on", (long)result, 0);
}

static void *end_with_lock(void *at)
{
    lock(at);
    usleep(20000);
    return NULL;
}

static void check_ends(void)
{
    pthread_t thread, waiter;
    void *result;
    pthread_create(&thread, NULL, end_with_lock, &word);
    while (word == 0) usleep(1000);
    uint32_t owner = word & FUTEX_TID_MASK;
    CHECK("handed over by one that ends", lock(&word), 0);
    CHECK("the word tells that it ended", word, FUTEX_OWNER_DIED | FUTEX_WAITERS | gettid());
    pthread_join(thread, NULL);
    pthread_create(&waiter, NULL, take_in_turn, (void *)(got = 0, 0L));
    until_asleep(1);
    CHECK("released", unlock(&word), 0);
    pthread_join(waiter, &result);
    CHECK("had by the next", (long)result, 0);
    word = owner;
    CHECK("one that ended without a word", lock(&word), -ESRCH);
    word = 0;
}

static void check_processes(void)
{
    uint32_t *shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    pid_t child = fork();
    if (child == 0) {
        lock(shared);
        pause();
    }
    while (*shared == 0) usleep(1000);
    pid_t killer = fork();
    if (killer == 0) {
        usleep(20000);
        kill(child, SIGKILL);
        _exit(0);
    }
    CHECK("handed over by a process that is killed", lock(shared), 0);
    CHECK("its word", *shared, FUTEX_OWNER_DIED | FUTEX_WAITERS | getpid());
    waitpid(child, NULL, 0);
    waitpid(killer, NULL, 0);
    child = fork();
    if (child == 0) {
        lock(shared);
        _exit(1);
    }
    usleep(20000);
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    CHECK("one that waits is killed", *shared & FUTEX_TID_MASK, getpid());
    CHECK("released", unlock(shared), 0);
    CHECK("its word is nothing", *shared, 0);
}

static void *sleep_there(void *at)
{
    futex(at, FUTEX_WAIT, *(uint32_t *)at, NULL, NULL, 0);
    return NULL;
}

static void check_mixed(void)
{
    pthread_t thread;
    word = 0;
    pthread_create(&thread, NULL, sleep_there, &word);
    until_asleep(1);
    CHECK("where others sleep that do not wait for a lock", lock(&word), -EINVAL);
    word = gettid();
    CHECK("released there", unlock(&word), -EINVAL);
    CHECK("no number to wake is one", futex(&word, FUTEX_WAKE, 0, NULL, NULL, 0), 1);
    pthread_join(thread, NULL);
    word = 0;
}

static void check_mutexes(void)
{
    pthread_mutexattr_t kind;
    pthread_mutex_t mutex;
    pthread_mutexattr_init(&kind);
    CHECK("protocol", pthread_mutexattr_setprotocol(&kind, PTHREAD_PRIO_INHERIT), 0);
    pthread_mutexattr_setrobust(&kind, PTHREAD_MUTEX_ROBUST);
    CHECK("mutex", pthread_mutex_init(&mutex, &kind), 0);
    pthread_t thread;
    pthread_create(&thread, NULL, (void *(*)(void *))pthread_mutex_lock, &mutex);
    pthread_join(thread, NULL);
    CHECK("of a thread that ended", pthread_mutex_lock(&mutex), EOWNERDEAD);
    CHECK("made right", pthread_mutex_consistent(&mutex), 0);
    CHECK("released", pthread_mutex_unlock(&mutex), 0);
}

static void check_all(void)
{
    check_alone();
    check_refusals();
    check_turns();
    check_cycle();
    check_moments();
    check_signals();
    check_ends();
    check_processes();
    check_mixed();
    check_mutexes();
}

int main(void)
{
    IN_CHILD(check_all()); /* whose parent is a process, too */
    DONE();
}
