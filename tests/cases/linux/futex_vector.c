/* futex_waitv: one of several words is woken; what is refused, in which order; and FUTEX_WAKE_OP on a word that another
   processor changes.
   processors: 2 */
#include "case.h"
#include <linux/futex.h>

#define MOST 128

struct entry { uint64_t value, address; uint32_t flags, reserved; };
static uint32_t words[MOST + 1];
static struct entry entries[MOST + 1];

static long waitv(struct entry *from, unsigned count, unsigned flags, struct timespec *time, int clock)
{
    return RES(syscall(449, from, count, flags, time, clock));
}

static long wake(void *word, int flags) { return RES(syscall(SYS_futex, word, FUTEX_WAKE | flags, 1, NULL, NULL, 0)); }

static void prepare(void)
{
    for (int i = 0; i <= MOST; i++) entries[i] = (struct entry){0, (uint64_t)(uintptr_t)&words[i], 2 | FUTEX_PRIVATE_FLAG, 0};
}

static void *wait_for_all(void *count)
{
    return (void *)waitv(entries, (long)count, 0, NULL, CLOCK_MONOTONIC);
}

static void check_wakes(void)
{
    static const long counts[] = {1, 3, MOST};
    for (int i = 0; i < 3; i++) {
        for (long index = 0; index < counts[i]; index += counts[i] == 1 ? 1 : counts[i] - 1) {
            pthread_t thread;
            void *result;
            pthread_create(&thread, NULL, wait_for_all, (void *)counts[i]);
            while (wake(&words[index], FUTEX_PRIVATE_FLAG) != 1) usleep(1000);
            pthread_join(thread, &result);
            CHECK("which one", (long)result, index);
            CHECK("none waits any more", wake(&words[0], FUTEX_PRIVATE_FLAG), 0);
        }
    }
}

static void check_shared(void)
{
    uint32_t *shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    entries[1].address = (uint64_t)(uintptr_t)shared;
    entries[1].flags = 2;
    pid_t child = fork();
    if (child == 0) {
        while (wake(shared, 0) != 1) usleep(1000);
        _exit(0);
    }
    CHECK("woken by the child", waitv(entries, 2, 0, NULL, CLOCK_MONOTONIC), 1);
    waitpid(child, NULL, 0);
    prepare();
}

static void check_refusals(void)
{
    struct timespec none = {0, -1}, past = {0, 0};
    CHECK("flags", waitv(entries, 1, 1, NULL, CLOCK_MONOTONIC), -EINVAL);
    CHECK("no entry", waitv(entries, 0, 0, NULL, CLOCK_MONOTONIC), -EINVAL);
    CHECK("too many", waitv(entries, MOST + 1, 0, NULL, CLOCK_MONOTONIC), -EINVAL);
    CHECK("nowhere", waitv(NULL, 1, 0, NULL, CLOCK_MONOTONIC), -EINVAL);
    CHECK("entries that cannot be read", waitv((void *)8, 1, 0, NULL, CLOCK_MONOTONIC), -EFAULT);
    CHECK("entries beyond all addresses", waitv((void *)-8L, 1, 0, NULL, CLOCK_MONOTONIC), -EFAULT);
    CHECK("a time that is none", waitv((void *)8, 1, 0, &none, CLOCK_MONOTONIC), -EINVAL);
    CHECK("a time that cannot be read", waitv(entries, 1, 0, (void *)8, CLOCK_MONOTONIC), -EFAULT);
    CHECK("another clock", waitv(entries, 1, 0, (void *)8, CLOCK_BOOTTIME), -EINVAL);
    words[0] = 1;
    CHECK("a clock without a time is not looked at", waitv(entries, 1, 0, NULL, 99), -EAGAIN);
    words[0] = 0;
    words[2] = 7;
    CHECK("one of the words is another", waitv(entries, 3, 0, NULL, CLOCK_MONOTONIC), -EAGAIN);
    CHECK("the one before is left", wake(&words[0], FUTEX_PRIVATE_FLAG), 0);
    words[2] = 0;
    CHECK("a moment long past", waitv(entries, 3, 0, &past, CLOCK_MONOTONIC), -ETIMEDOUT);
    CHECK("of the other clock", waitv(entries, 3, 0, &past, CLOCK_REALTIME), -ETIMEDOUT);
    CHECK("none waits any more", wake(&words[1], FUTEX_PRIVATE_FLAG), 0);
    struct entry *last = &entries[1];
    last->reserved = 1;
    CHECK("a reserved word", waitv(entries, 2, 0, NULL, CLOCK_MONOTONIC), -EINVAL);
    prepare();
    last->flags = 0;
    CHECK("words of 8 bits", waitv(entries, 2, 0, NULL, CLOCK_MONOTONIC), -EINVAL);
    last->flags = 3;
    CHECK("words of 64 bits", waitv(entries, 2, 0, NULL, CLOCK_MONOTONIC), -EINVAL);
    last->flags = 2 | 64;
    CHECK("a flag that there is not", waitv(entries, 2, 0, NULL, CLOCK_MONOTONIC), -EINVAL);
    prepare();
    last->value = 1UL << 32;
    CHECK("a value of more than 32 bits", waitv(entries, 2, 0, NULL, CLOCK_MONOTONIC), -EINVAL);
    prepare();
    last->address++;
    CHECK("an odd address", waitv(entries, 2, 0, NULL, CLOCK_MONOTONIC), -EINVAL);
    last->address = 0;
    CHECK("an address where nothing is", waitv(entries, 2, 0, NULL, CLOCK_MONOTONIC), -EFAULT);
    last->address = -4L;
    CHECK("an address of the kernel", waitv(entries, 2, 0, NULL, CLOCK_MONOTONIC), -EFAULT);
    prepare();
}

static volatile int handled;
static void on_signal(int number) { handled++; }

static void check_signals(void)
{
    struct sigaction action = {.sa_handler = on_signal};
    pthread_t thread;
    void *result;
    sigaction(SIGUSR1, &action, NULL);
    pthread_create(&thread, NULL, wait_for_all, (void *)2L);
    while (pthread_tryjoin_np(thread, &result) != 0) {
        usleep(20000);
        pthread_kill(thread, SIGUSR1);
    }
    CHECK("a handler ran", handled > 0, 1);
    CHECK("and the thread waits no longer", (long)result, -EINTR);
}

#define STEPS 200000

static volatile uint32_t shared_word;

static void *add_here(void *unused)
{
    for (int i = 0; i < STEPS; i++) __atomic_fetch_add(&shared_word, 1, __ATOMIC_SEQ_CST);
    return NULL;
}

/* What FUTEX_WAKE_OP adds is lost neither here nor there. */
static void check_atomic(void)
{
    pthread_t thread;
    long added = 0;
    pthread_create(&thread, NULL, add_here, NULL);
    while (shared_word == 0) sched_yield();
    for (; added < 20000; added++)
        syscall(SYS_futex, &words[0], FUTEX_WAKE_OP, 1, 1L, &shared_word, FUTEX_OP(FUTEX_OP_ADD, 1, FUTEX_OP_CMP_EQ, 0));
    pthread_join(thread, NULL);
    CHECK("all was added", shared_word, STEPS + added);
}

int main(void)
{
    prepare();
    check_wakes();
    check_shared();
    check_refusals();
    check_signals();
    check_atomic();
    DONE();
}
