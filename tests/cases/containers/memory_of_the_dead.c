/* A process of D maps memory of its sibling C, shared and privately, and writes to it. Nothing of that is left when C is
   destroyed, also where D is in the middle of cutting it, or of making a hole in it.
   arguments: file | memory | truncate | punch
   processors: 2 */
#include "heirs.h"
#include <setjmp.h>

#define PAGES 6000L
#define KEPT 3000L
#define PAGE 4096L
#define EVERY 50

static __thread sigjmp_buf here;
static volatile int is_over;

static void on_fault(int number)
{
    siglongjmp(here, number);
}

/* The signal that reading or writing a page gives; 0: none. */
static int signal_of(volatile char *place, int writes)
{
    int number = sigsetjmp(here, 1);
    if (number != 0)
        return number;
    if (writes)
        *place = '!';
    else
        (void)*place;
    return 0;
}

static void give(const char *mode, int given[3])
{
    given[0] = open("/tmp", O_RDONLY | O_DIRECTORY);
    if (strcmp(mode, "memory") == 0)
        given[1] = memfd_create("memory", 0);
    else
        given[1] = open("/tmp/large", O_CREAT | O_RDWR, 0600);
    ftruncate(given[1], PAGES * PAGE);
}

/* Until the file is dead. */
static void *cut_again_and_again(void *mode)
{
    long result = 0;
    while (result != -EIO && !is_over) {
        if (strcmp(mode, "truncate") == 0)
            result = RES(ftruncate(6, KEPT * PAGE));
        else
            result = RES(fallocate(6, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 10 * PAGE, (PAGES - 20) * PAGE));
        if (result == 0)
            result = RES(ftruncate(6, PAGES * PAGE));
    }
    return NULL;
}

static void *touch_again_and_again(void *shared)
{
    unsigned seed = 5;
    while (!is_over)
        signal_of((char *)shared + rand_r(&seed) % PAGES * PAGE, 1);
    return NULL;
}

static void check_calls(char *shared, char *private)
{
    unsigned char resident[10];
    char *moved = mremap(shared + 51 * PAGE, 40 * PAGE, PAGES * PAGE, MREMAP_MAYMOVE);
    CHECK("mremap", moved != MAP_FAILED, 1);
    CHECK("what is moved", signal_of(moved, 0), SIGBUS);
    CHECK("mremap to less", mremap(private, PAGES * PAGE, 10 * PAGE, 0) == private, 1);
    CHECK("mprotect", RES(mprotect(private, 10 * PAGE, PROT_READ | PROT_EXEC)), 0);
    CHECK("MADV_DONTNEED", RES(madvise(private, 10 * PAGE, MADV_DONTNEED)), 0);
    CHECK("MADV_POPULATE_READ", RES(madvise(private, 10 * PAGE, 22)), -EFAULT);
    CHECK("msync", RES(msync(private, 10 * PAGE, MS_SYNC)), 0);
    CHECK("mincore", RES(mincore(private, 10 * PAGE, resident)), 0);
    CHECK("mlock", RES(mlock(private, PAGE)), -ENOMEM);
    CHECK("FUTEX_WAKE", RES(syscall(SYS_futex, private, 1, 1)), -EFAULT);
    IN_CHILD({ CHECK("in a child", signal_of(private, 0), SIGBUS); });
}

static int take(const char *mode)
{
    pthread_t cutter, toucher;
    int cuts = strcmp(mode, "truncate") == 0 || strcmp(mode, "punch") == 0;
    signal(SIGBUS, on_fault);
    signal(SIGSEGV, on_fault);
    char *shared = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, 6, 0);
    char *private = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, 6, 0);
    for (long i = 0; i < PAGES; i++) {
        shared[i * PAGE] = 'D';
        if (i % 3 != 0)
            private[i * PAGE] = 'P';
    }
    for (long i = 0; i < PAGES; i += EVERY)
        mprotect(shared + i * PAGE, PAGE, PROT_READ);
    if (cuts)
        pthread_create(&cutter, NULL, cut_again_and_again, (void *)mode);
    pthread_create(&toucher, NULL, touch_again_and_again, shared);
    usleep(50000);
    say_ready_and_wait();
    is_over = 1;
    pthread_join(toucher, NULL);
    if (cuts)
        pthread_join(cutter, NULL);
    long readable = 0, writable = 0, copies = 0;
    for (long i = 0; i < PAGES; i++) {
        readable += signal_of(shared + i * PAGE, 0) != SIGBUS;
        writable += signal_of(shared + i * PAGE, 1) == 0;
        copies += signal_of(private + i * PAGE, 0) != SIGBUS;
    }
    CHECK("pages that can be read", readable, 0);
    CHECK("pages that can be written to", writable, 0);
    CHECK("private copies that are left", copies, 0);
    check_calls(shared, private);
    return ended();
}
