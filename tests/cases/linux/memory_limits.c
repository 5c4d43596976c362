/* RLIMIT_AS, RLIMIT_DATA and RLIMIT_MEMLOCK count what is mapped, written and locked, as the system calls change it. */
#include "case.h"

#define PAGE 4096L
#define MEGABYTE (1L << 20)
#define READ_WRITE (PROT_READ | PROT_WRITE)

static void set_limit(int resource, long bytes)
{
    struct rlimit limit;
    getrlimit(resource, &limit);
    limit.rlim_cur = bytes;
    setrlimit(resource, &limit);
}

static long map(long length, int protection, int flags)
{
    return RES(mmap(NULL, length, protection, flags | MAP_ANONYMOUS, -1, 0) == MAP_FAILED ? -1 : 0);
}

static char *memory(long length, int protection)
{
    return mmap(NULL, length, protection, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

/* What /proc/self/status, open as `fd`, says, in KiB. */
static long kilobytes(int fd, const char *name)
{
    char text[4096] = {0};
    pread(fd, text, sizeof text - 1, 0);
    char *line = strstr(text, name);
    return line == NULL ? -1 : strtol(line + strlen(name) + 1, NULL, 10);
}

static void check_addresses(void)
{
    char *before = memory(MEGABYTE, PROT_NONE);
    long size = kilobytes(open("/proc/self/status", O_RDONLY), "VmSize") * 1024;
    set_limit(RLIMIT_AS, size + 2 * MEGABYTE);
    CHECK("beyond RLIMIT_AS", map(3 * MEGABYTE, PROT_NONE, MAP_PRIVATE), -ENOMEM);
    CHECK("shared memory beyond it", map(3 * MEGABYTE, PROT_READ, MAP_SHARED), -ENOMEM);
    CHECK("mremap beyond it", RES(mremap(before, MEGABYTE, 4 * MEGABYTE, MREMAP_MAYMOVE) == MAP_FAILED ? -1 : 0), -ENOMEM);
    CHECK("below it", map(MEGABYTE, READ_WRITE, MAP_PRIVATE), 0);
    CHECK("in place of what is there", mmap(before, MEGABYTE, READ_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == before, 1);
    CHECK("and a bit more", map(512 * 1024, PROT_NONE, MAP_PRIVATE), 0);
    CHECK("but no more", map(MEGABYTE, PROT_NONE, MAP_PRIVATE), -ENOMEM);
    munmap(before, MEGABYTE);
    CHECK("after munmap", map(MEGABYTE, PROT_NONE, MAP_PRIVATE), 0);
    long end = syscall(SYS_brk, 0);
    CHECK("brk beyond it", syscall(SYS_brk, end + 4 * MEGABYTE) == end, 1);
}

static void check_data(void)
{
    char *before = memory(4 * MEGABYTE, PROT_READ);
    set_limit(RLIMIT_DATA, 2 * MEGABYTE);
    CHECK("beyond RLIMIT_DATA", map(3 * MEGABYTE, READ_WRITE, MAP_PRIVATE), -ENOMEM);
    CHECK("what is not written to", map(3 * MEGABYTE, PROT_READ, MAP_PRIVATE), 0);
    CHECK("what is shared", map(3 * MEGABYTE, READ_WRITE, MAP_SHARED), 0);
    CHECK("made writable beyond it", RES(mprotect(before, 4 * MEGABYTE, READ_WRITE)), -ENOMEM);
    CHECK("a part of it made writable", RES(mprotect(before, MEGABYTE, READ_WRITE)), 0);
    CHECK("again", RES(mprotect(before, MEGABYTE, READ_WRITE)), 0);
    CHECK("made writable only", RES(mprotect(before + MEGABYTE, 2 * MEGABYTE, PROT_WRITE)), -ENOMEM);
    mprotect(before, MEGABYTE, PROT_READ);
    CHECK("after some was made read-only", RES(mprotect(before + MEGABYTE, MEGABYTE, READ_WRITE)), 0);
    long end = syscall(SYS_brk, 0);
    CHECK("brk beyond it", syscall(SYS_brk, end + 2 * MEGABYTE) == end, 1);
}

static void check_locks(void)
{
    char *some = memory(64 * PAGE, READ_WRITE);
    int status = open("/proc/self/status", O_RDONLY);
    set_limit(RLIMIT_MEMLOCK, 16 * PAGE);
    become(1000);
    CHECK("lock beyond RLIMIT_MEMLOCK", RES(mlock(some, 17 * PAGE)), -ENOMEM);
    CHECK("lock what is permitted", RES(mlock(some, 16 * PAGE)), 0);
    CHECK("lock that again", RES(mlock(some + PAGE, 8 * PAGE)), 0);
    CHECK("lock another page", RES(mlock(some + 20 * PAGE, 1)), -ENOMEM);
    CHECK("map a locked page", map(PAGE, READ_WRITE, MAP_PRIVATE | MAP_LOCKED), -EAGAIN);
    CHECK("grow a locked mapping", RES(mremap(some, 16 * PAGE, 32 * PAGE, MREMAP_MAYMOVE) == MAP_FAILED ? -1 : 0), -EAGAIN);
    munlock(some, 8 * PAGE);
    CHECK("map one after munlock", map(PAGE, READ_WRITE, MAP_PRIVATE | MAP_LOCKED), 0);
    CHECK("lock all", RES(mlockall(MCL_CURRENT)), -ENOMEM);
    CHECK("VmLck", kilobytes(status, "VmLck"), 9 * PAGE / 1024);
    munlockall();
    CHECK("lock all that comes", RES(mlockall(MCL_FUTURE)), 0);
    CHECK("too much of it", map(32 * PAGE, READ_WRITE, MAP_PRIVATE), -EAGAIN);
    CHECK("some of it", map(4 * PAGE, READ_WRITE, MAP_PRIVATE), 0);
    long end = syscall(SYS_brk, 0);
    CHECK("brk of too much", syscall(SYS_brk, end + 32 * PAGE) == end, 1);
    munlockall();
    set_limit(RLIMIT_MEMLOCK, 0);
    CHECK("lock when nothing may be", RES(mlock(some, 1)), -EPERM);
    CHECK("lock all then", RES(mlockall(MCL_FUTURE)), -EPERM);
    CHECK("map a locked page then", map(PAGE, READ_WRITE, MAP_PRIVATE | MAP_LOCKED), -EPERM);
    CHECK("unlock then", RES(munlock(some, PAGE)), 0);
}

int main(void)
{
    IN_CHILD(check_addresses());
    IN_CHILD(check_data());
    IN_CHILD(check_locks());
    DONE();
}
