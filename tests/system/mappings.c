/* Mappings that are moved, cut off, advised about and locked, one line a subject: the same on Linux and in Pithos. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGE 4096
#define PRIVATE (MAP_PRIVATE | MAP_ANONYMOUS)
#define READ_WRITE (PROT_READ | PROT_WRITE)
#define PLACE ((char *)0x2000000000)
#define HOLE ((char *)0x3000000000)

/* Print a call and whether it failed; print an expression and its value. */
#define CALL(x) do { long result = (long)(x); printf("%s: %s\n", #x, result == -1 ? strerrorname_np(errno) : "ok"); } while (0)
#define VALUE(x) printf("%s: %ld\n", #x, (long)(x))

/* The wait status of a child that reads from an address, and of one that writes. */
static int try(char *p, int write)
{
    int status;
    pid_t child = fork();
    if (child == 0) {
        if (write)
            *(volatile char *)p = 1;
        else
            (void)*(volatile char *)p;
        _exit(0);
    }
    waitpid(child, &status, 0);
    return status;
}

static char *fresh(int pages)
{
    char *p = mmap(PLACE, pages * PAGE, READ_WRITE, PRIVATE | MAP_FIXED, -1, 0);
    for (int page = 0; page < pages; page++)
        p[page * PAGE] = page + 1;
    return p;
}

static void cut_off(void)
{
    int file = open("/tmp/cut", O_CREAT | O_RDWR | O_TRUNC, 0600);
    for (int page = 0; page < 4; page++)
        pwrite(file, "abcd" + page, 1, page * PAGE);
    ftruncate(file, 4 * PAGE);
    char *shared = mmap(0, 4 * PAGE, READ_WRITE, MAP_SHARED, file, 0);
    char *own = mmap(0, 4 * PAGE, READ_WRITE, MAP_PRIVATE, file, 0);
    char *upper = mmap(0, 2 * PAGE, PROT_READ, MAP_SHARED, file, 2 * PAGE);
    for (int page = 0; page < 4; page++)
        VALUE(shared[page * PAGE] + own[page * PAGE]);
    own[0] = own[PAGE] = own[2 * PAGE] = 'x';
    VALUE(upper[0]);
    shared[PAGE + 200] = 'y';
    CALL(ftruncate(file, PAGE + 100));
    for (int page = 0; page < 4; page++) {
        VALUE(try(shared + page * PAGE, 0));
        VALUE(try(own + page * PAGE, 0));
        VALUE(try(own + page * PAGE, 1));
    }
    VALUE(try(upper, 0));
    VALUE(own[PAGE]);
    VALUE(shared[PAGE + 200]);
    CALL(write(1, own + 2 * PAGE, 1));
    CALL(ftruncate(file, 4 * PAGE));
    VALUE(shared[2 * PAGE]);
    VALUE(own[2 * PAGE]);
    VALUE(upper[PAGE]);
    CALL(pwrite(file, "w", 1, 2 * PAGE));
    VALUE(shared[2 * PAGE]);
    VALUE(upper[0]);
    CALL(ftruncate(file, 0));
    VALUE(try(shared, 0));
    VALUE(try(own, 0));
    close(open("/tmp/cut", O_RDWR | O_TRUNC));
}

static void moves(void)
{
    char *p = fresh(8), *target = PLACE + (1 << 30);
    CALL(mremap(p, 2 * PAGE, 2 * PAGE, MREMAP_FIXED, target));
    CALL(mremap(p, 2 * PAGE, 2 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, target + 1));
    CALL(mremap(p, 2 * PAGE, 2 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, p + PAGE));
    CALL(mremap(p, 2 * PAGE, 2 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, p));
    CALL(mremap(p, 2 * PAGE, 3 * PAGE, MREMAP_MAYMOVE | MREMAP_DONTUNMAP, 0));
    CALL(mremap(p, 2 * PAGE, 2 * PAGE, MREMAP_DONTUNMAP, 0));
    CALL(mremap(p, 2 * PAGE, 2 * PAGE, 8, 0));
    CALL(mremap(p + 1, 2 * PAGE, 2 * PAGE, MREMAP_MAYMOVE, 0));
    CALL(mremap(p, 2 * PAGE, 0, MREMAP_MAYMOVE, 0));
    CALL(mremap(p, 9 * PAGE, 4 * PAGE, 0, 0));
    p = fresh(8);
    CALL(mremap(HOLE, PAGE, PAGE, 0, 0));
    CALL(mremap(p, 2 * PAGE, 2 * PAGE, 0, 0));
    CALL(mremap(p + 2 * PAGE, PAGE, 2 * PAGE, 0, 0));
    VALUE(mremap(p + 2 * PAGE, 2 * PAGE, 3 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, target) == target);
    VALUE(target[0] + target[PAGE] + target[2 * PAGE]);
    VALUE(try(p + 2 * PAGE, 0));
    VALUE(try(p + 3 * PAGE, 0));
    VALUE(p[4 * PAGE]);
    VALUE(mremap(p + 4 * PAGE, 3 * PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, target + PAGE) == target + PAGE);
    VALUE(target[PAGE] + target[2 * PAGE]);
    VALUE(try(p + 5 * PAGE, 0));
    VALUE(try(p + 7 * PAGE, 0));
    p = fresh(8);
    char *q = mremap(p, 4 * PAGE, 4 * PAGE, MREMAP_MAYMOVE | MREMAP_DONTUNMAP, 0);
    VALUE(q[0] + q[3 * PAGE]);
    VALUE(p[0] + p[3 * PAGE]);
    VALUE(p[4 * PAGE]);
    q = mremap(p + 4 * PAGE, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_DONTUNMAP | MREMAP_FIXED, target + 64 * PAGE);
    VALUE(q == target + 64 * PAGE);
    VALUE(q[0] + p[4 * PAGE]);
    mprotect(p, PAGE, PROT_READ);
    q = mremap(p, PAGE, 2 * PAGE, MREMAP_MAYMOVE);
    VALUE(try(q + PAGE, 0));
    VALUE(try(q + PAGE, 1));
}

static void advice(void)
{
    char *p = fresh(8);
    munmap(p + 6 * PAGE, PAGE);
    for (int number = -1; number < 30; number++) {
        printf("%d ", number);
        if (number == MADV_REMOVE || number == MADV_HWPOISON || number == MADV_HUGEPAGE || number == MADV_NOHUGEPAGE
            || number == MADV_MERGEABLE || number == MADV_UNMERGEABLE || number == 25)
            continue;
        CALL(madvise(p, 2 * PAGE, number));
        CALL(madvise(p, 8 * PAGE, number));
        CALL(madvise(p + 1, PAGE, number));
        CALL(madvise(p, 0, number));
        CALL(madvise(p, -PAGE, number));
    }
    p = fresh(4);
    CALL(madvise(p, PAGE, MADV_DONTNEED));
    VALUE(p[0]);
    CALL(madvise(p + PAGE, PAGE, MADV_DONTFORK));
    VALUE(try(p + PAGE, 0));
    VALUE(try(p + 2 * PAGE, 0));
    CALL(madvise(p + PAGE, PAGE, MADV_DOFORK));
    VALUE(try(p + PAGE, 0));
    CALL(madvise(p, 4 * PAGE, MADV_WIPEONFORK));
    CALL(madvise(p, 4 * PAGE, MADV_KEEPONFORK));
    VALUE(p[2 * PAGE]);
    CALL(madvise(p, 4 * PAGE, MADV_POPULATE_READ));
    CALL(madvise(p, 4 * PAGE, MADV_POPULATE_WRITE));
    mprotect(p, PAGE, PROT_READ);
    CALL(madvise(p, 4 * PAGE, MADV_POPULATE_WRITE));
    mprotect(p, PAGE, PROT_NONE);
    CALL(madvise(p, 4 * PAGE, MADV_POPULATE_READ));
    CALL(madvise(p, 4 * PAGE, MADV_DONTNEED));
}

static void residence(void)
{
    unsigned char seen[8] = {0};
    char *p = fresh(8);
    CALL(mincore(p, 8 * PAGE, seen));
    VALUE(seen[0] & seen[7]);
    madvise(p, PAGE, MADV_DONTNEED);
    CALL(mincore(p, 2 * PAGE, seen));
    VALUE(seen[0] + 10 * seen[1]);
    CALL(mincore(p + 1, PAGE, seen));
    CALL(mincore(p, 9 * PAGE, seen));
    CALL(mincore(p, PAGE, (void *)8));
    CALL(mincore((void *)-PAGE, PAGE, seen));
    char *q = mmap(0, 4 * PAGE, READ_WRITE, PRIVATE | MAP_POPULATE, -1, 0);
    mincore(q, 4 * PAGE, seen);
    VALUE(seen[0] + seen[1] + seen[2] + seen[3]);
    q = mmap(0, 4 * PAGE, READ_WRITE, PRIVATE, -1, 0);
    mincore(q, 4 * PAGE, seen);
    VALUE(seen[0] + seen[1] + seen[2] + seen[3]);
    CALL(msync(p, PAGE, MS_SYNC));
    CALL(msync(p, PAGE, MS_SYNC | MS_ASYNC));
    CALL(msync(p, PAGE, MS_INVALIDATE));
    CALL(msync(p, PAGE, 8));
    CALL(msync(p + 1, PAGE, MS_SYNC));
    CALL(msync(p, 9 * PAGE, MS_SYNC));
    CALL(msync(HOLE, PAGE, MS_ASYNC));
    CALL(msync(HOLE, 0, MS_ASYNC));
    CALL(msync(p, -PAGE + 1, MS_ASYNC));
}

static void locking(void)
{
    unsigned char seen[8] = {0};
    char *p = mmap(PLACE, 8 * PAGE, READ_WRITE, PRIVATE | MAP_FIXED, -1, 0);
    munmap(p + 6 * PAGE, PAGE);
    CALL(mlock(p + 100, PAGE));
    mincore(p, 6 * PAGE, seen);
    VALUE(seen[0] + 10 * seen[1] + 100 * seen[2]);
    CALL(madvise(p, PAGE, MADV_DONTNEED));
    CALL(madvise(p, 4 * PAGE, MADV_FREE));
    CALL(madvise(p, PAGE, 24));
    CALL(msync(p, PAGE, MS_INVALIDATE));
    CALL(msync(p, PAGE, MS_SYNC));
    CALL(munlock(p, PAGE));
    CALL(madvise(p, PAGE, MADV_DONTNEED));
    CALL(mlock(p + 5 * PAGE, 2 * PAGE));
    CALL(mlock(HOLE, PAGE));
    CALL(mlock(HOLE, 0));
    CALL(mlock(p, -1));
    CALL(munlock(HOLE, PAGE));
    CALL(syscall(SYS_mlock2, p + 3 * PAGE, PAGE, 1));
    mincore(p, 6 * PAGE, seen);
    VALUE(seen[3]);
    CALL(syscall(SYS_mlock2, p, PAGE, 2));
    mprotect(p + 4 * PAGE, PAGE, PROT_NONE);
    CALL(mlock(p + 4 * PAGE, PAGE));
    CALL(mlockall(0));
    CALL(mlockall(4));
    CALL(mlockall(8));
    CALL(mlockall(MCL_FUTURE));
    p = mmap(0, 4 * PAGE, READ_WRITE, PRIVATE, -1, 0);
    mincore(p, 4 * PAGE, seen);
    VALUE(seen[0] + seen[3]);
    CALL(madvise(p, PAGE, MADV_DONTNEED));
    CALL(munlockall());
    CALL(madvise(p, PAGE, MADV_DONTNEED));
    p = mmap(0, 4 * PAGE, READ_WRITE, PRIVATE | MAP_LOCKED, -1, 0);
    mincore(p, 4 * PAGE, seen);
    VALUE(seen[0] + seen[3]);
    CALL(madvise(p, PAGE, MADV_DONTNEED));
    if (fork() == 0) {
        CALL(madvise(p, PAGE, MADV_DONTNEED));
        struct rlimit limit = {4 * PAGE, 4 * PAGE};
        setrlimit(RLIMIT_MEMLOCK, &limit);
        CALL(mlock(p, PAGE));
        setresuid(1000, 1000, 1000);
        CALL(mlock(p + PAGE, 3 * PAGE));
        CALL(munlock(p, PAGE));
        CALL(mlock(p, 4 * PAGE));
        p = mmap(0, 8 * PAGE, READ_WRITE, PRIVATE, -1, 0);
        CALL(mlock(p, PAGE));
        CALL(mlockall(MCL_CURRENT));
        CALL(munlockall());
        CALL(mlock(p, 4 * PAGE));
        CALL(mlock(p, 5 * PAGE));
        limit.rlim_cur = 0;
        setrlimit(RLIMIT_MEMLOCK, &limit);
        CALL(mlock(p, PAGE));
        CALL(mlock(p, 0));
        CALL(mlockall(MCL_CURRENT));
        _exit(0);
    }
    wait(0);
}

int main(void)
{
    setvbuf(stdout, 0, _IOLBF, 0);
    cut_off();
    moves();
    advice();
    residence();
    locking();
    return 0;
}
