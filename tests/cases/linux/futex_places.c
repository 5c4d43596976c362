/* Which words are the same futex: those at the same place of the same memory object, wherever they are mapped; memory that
   is mapped after a waiter's was unmapped is another one. Words that cannot be read are EFAULT, unless said to be private. */
#include "case.h"
#include <linux/futex.h>

#define PAGE 4096
#define WAITERS 8

static long futex(void *word, int operation, unsigned value, void *time, void *second, unsigned third)
{
    return RES(syscall(SYS_futex, word, operation, value, time, second, third));
}

static long wake(void *word) { return futex(word, FUTEX_WAKE, 100, NULL, NULL, 0); }

static void *wait_there(void *word)
{
    futex(word, FUTEX_WAIT, 0, NULL, NULL, 0);
    return NULL;
}

static void *map(int flags, int protection, int fd, long offset)
{
    return mmap(NULL, PAGE, protection, flags, fd, offset);
}

/* A thread that waits at `word`: it does when it can be made to wait there anew. */
static pthread_t begin_waiting(void *word)
{
    pthread_t thread;
    pthread_create(&thread, NULL, wait_there, word);
    while (futex(word, FUTEX_CMP_REQUEUE, 0, (void *)1, word, 0) != 1) usleep(1000);
    return thread;
}

static void check_pair(const char *what, void *first, void *second, long woken)
{
    pthread_t thread = begin_waiting(first);
    CHECK(what, wake(second), woken);
    CHECK("those left", wake(first), !woken);
    pthread_join(thread, NULL);
}

static void check_files(void)
{
    int fd = memfd_create("words", 0), other = memfd_create("words", 0);
    ftruncate(fd, 3 * PAGE);
    ftruncate(other, 3 * PAGE);
    int protection = PROT_READ | PROT_WRITE;
    char *here = map(MAP_SHARED, protection, fd, PAGE), *there = map(MAP_SHARED, protection, fd, PAGE);
    check_pair("the same page at two addresses", here + 8, there + 8, 1);
    check_pair("another word of it", here + 8, there + 12, 0);
    check_pair("another page", here + 8, (char *)map(MAP_SHARED, protection, fd, 0) + 8, 0);
    check_pair("another file", here + 8, (char *)map(MAP_SHARED, protection, other, PAGE) + 8, 0);
    check_pair("a private mapping that may only be read", here + 8, (char *)map(MAP_PRIVATE, PROT_READ, fd, PAGE) + 8, 1);
    check_pair("a private mapping that may be written to", here + 8, (char *)map(MAP_PRIVATE, protection, fd, PAGE) + 8, 0);
}

static void check_family(void)
{
    uint32_t *word = map(MAP_SHARED | MAP_ANONYMOUS, PROT_READ | PROT_WRITE, -1, 0);
    pid_t child = fork();
    if (child == 0) {
        for (int i = 0; i < 200 && wake(word) == 0; i++) usleep(10000);
        _exit(0);
    }
    CHECK("woken by the child", futex(word, FUTEX_WAIT, 0, NULL, NULL, 0), 0);
    waitpid(child, NULL, 0);
}

static void check_reuse(void)
{
    char *gone = mmap(NULL, WAITERS * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    memset(gone, 0, WAITERS * PAGE);
    for (int i = 0; i < WAITERS; i++) begin_waiting(gone + i * PAGE);
    munmap(gone, WAITERS * PAGE);
    long woken = 0;
    for (int i = 0; i < 5000; i++) {
        uint32_t *fresh = map(MAP_SHARED | MAP_ANONYMOUS, PROT_READ | PROT_WRITE, -1, 0);
        fresh[0] = 0;
        woken += wake(fresh);
        if (i % 2 == 0) munmap(fresh, PAGE);
    }
    CHECK("waiters of other memory that were woken", woken, 0);
}

static void check_addresses(void)
{
    static uint32_t word;
    char *hidden = map(MAP_PRIVATE | MAP_ANONYMOUS, PROT_NONE, -1, 0), *gone = map(MAP_PRIVATE | MAP_ANONYMOUS, PROT_READ, -1, 0);
    int fd = memfd_create("empty", 0);
    char *beyond = map(MAP_SHARED, PROT_READ, fd, 0);
    munmap(gone, PAGE);
    CHECK("wake where nothing is mapped", wake(gone), -EFAULT);
    CHECK("wake where nothing may be read", wake(hidden), -EFAULT);
    CHECK("wake beyond the end of a file", wake(beyond), -EFAULT);
    CHECK("private wake where nothing is mapped", futex(gone, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0), 0);
    CHECK("private wake of an address of the kernel", futex((void *)-4096L, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0), -EFAULT);
    CHECK("requeue to where nothing is mapped", futex(&word, FUTEX_CMP_REQUEUE, 1, (void *)1, gone, 0), -EFAULT);
    CHECK("wait where nothing is mapped", futex(gone, FUTEX_WAIT, 0, NULL, NULL, 0), -EFAULT);
    CHECK("an odd address comes before", futex(gone + 1, FUTEX_WAKE, 1, NULL, NULL, 0), -EINVAL);
}

int main(void)
{
    check_files();
    check_family();
    check_addresses();
    check_reuse();
    fflush(stdout);
    _exit(bad != 0);
}
