/* Ranges of memory whose ends cannot be: two odd numbers that meet in one call never do more than fail, as on Linux. */
#include "case.h"

#define PAGE 4096UL
#define LAST (-4096UL)
#define HALF (1UL << 63)
#define END (1UL << 47)

static unsigned long page(void)
{
    return (unsigned long)mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

static long remap(unsigned long start, unsigned long old, unsigned long new, int flags, unsigned long to)
{
    return RES(syscall(SYS_mremap, start, old, new, flags, to));
}

static long map(unsigned long start, unsigned long length, int flags, int fd, unsigned long offset)
{
    return RES(syscall(SYS_mmap, start, length, PROT_READ, flags, fd, offset));
}

static void check_mremap(void)
{
    int both = MREMAP_MAYMOVE | MREMAP_FIXED;
    CHECK("mremap from the last page to a place", remap(LAST, PAGE, PAGE, both, 0x10000000), -EFAULT);
    CHECK("mremap from the last page", remap(LAST, PAGE, 2 * PAGE, MREMAP_MAYMOVE, 0), -EFAULT);
    CHECK("mremap beyond all numbers", remap(page(), LAST, PAGE, MREMAP_MAYMOVE, 0), -EINVAL);
    CHECK("mremap beyond all numbers, to a place", remap(page(), HALF, PAGE, both, 0x30000000), -EINVAL);
    CHECK("mremap of a length that becomes 0", remap(page(), -1UL, PAGE, MREMAP_MAYMOVE, 0), -EINVAL);
    CHECK("mremap to a length that becomes 0", remap(page(), PAGE, -1UL, MREMAP_MAYMOVE, 0), -EINVAL);
    CHECK("mremap to no length", remap(page(), PAGE, 0, MREMAP_MAYMOVE, 0), -EINVAL);
    CHECK("mremap to all there is", remap(page(), PAGE, END - PAGE, MREMAP_MAYMOVE, 0), -ENOMEM);
    CHECK("mremap to more than there is", remap(page(), PAGE, END, MREMAP_MAYMOVE, 0), -EINVAL);
    CHECK("mremap to the end", remap(page(), 4 * PAGE, 4 * PAGE, both, END - 4 * PAGE), -EINVAL);
    CHECK("mremap to the last page", remap(page(), PAGE, PAGE, both, LAST), -EINVAL);
    unsigned long start = page();
    CHECK("mremap onto itself", remap(start, 4 * PAGE, 4 * PAGE, both, start + PAGE), -EINVAL);
    CHECK("mremap shrinks beyond the end", remap(page(), 1UL << 46, PAGE, 0, 0), -EINVAL);
    CHECK("mremap of nothing", remap(0x20000000, 0, PAGE, MREMAP_MAYMOVE, 0), -EFAULT);
    CHECK("mremap of no length of private memory", remap(page(), 0, PAGE, MREMAP_MAYMOVE, 0), -EINVAL);
}

static void check_mmap(void)
{
    int memory = MAP_PRIVATE | MAP_ANONYMOUS, fixed = memory | MAP_FIXED, fd = memfd_create("ends", 0);
    CHECK("mmap of no length", map(0, 0, memory, -1, 0), -EINVAL);
    CHECK("mmap of all numbers", map(0, -1UL, memory, -1, 0), -ENOMEM);
    CHECK("mmap of half of them", map(0, HALF, memory, -1, 0), -ENOMEM);
    CHECK("mmap of all there is", map(0, END, memory, -1, 0), -ENOMEM);
    CHECK("mmap at the last page", map(LAST, PAGE, fixed, -1, 0), -ENOMEM);
    CHECK("mmap across the end", map(END - PAGE, 2 * PAGE, fixed, -1, 0), -ENOMEM);
    CHECK("mmap at the end", map(END - PAGE, PAGE, fixed, -1, 0), -ENOMEM);
    CHECK("mmap with an odd address", map(0x10000001, PAGE, fixed, -1, 0), -EINVAL);
    CHECK("mmap with an odd address, too long", map(0x10000001, END, fixed, -1, 0), -ENOMEM);
    CHECK("mmap near the end of numbers, not fixed", map(LAST, PAGE, memory, -1, 0) > 0, 1);
    CHECK("mmap of a file from its last offset", map(0, PAGE, MAP_PRIVATE, fd, LAST), -EOVERFLOW);
    CHECK("mmap of a file from beyond half", map(0, 2 * PAGE, MAP_PRIVATE, fd, HALF - PAGE), -EOVERFLOW);
    CHECK("mmap of a file from the last that can be", map(0, PAGE, MAP_PRIVATE, fd, HALF - 2 * PAGE) > 0, 1);
    CHECK("mmap of memory from the last offset", map(0, PAGE, memory, -1, LAST) > 0, 1);
    long high = map(0, PAGE, MAP_PRIVATE, fd, HALF - 2 * PAGE);
    CHECK("mremap beyond the last offset", remap(high, PAGE, 1UL << 40, MREMAP_MAYMOVE, 0) > 0, 1);
}

static void check_others(void)
{
    CHECK("munmap of no length", RES(syscall(SYS_munmap, page(), 0UL)), -EINVAL);
    CHECK("munmap of the last page", RES(syscall(SYS_munmap, LAST, PAGE)), -EINVAL);
    CHECK("munmap of all numbers", RES(syscall(SYS_munmap, 0x10000UL, -1UL)), -EINVAL);
    CHECK("mprotect of the last page", RES(syscall(SYS_mprotect, LAST, PAGE, 3)), -ENOMEM);
    CHECK("mprotect beyond it", RES(syscall(SYS_mprotect, LAST, 2 * PAGE, 3)), -ENOMEM);
    CHECK("mprotect of all numbers", RES(syscall(SYS_mprotect, 0x10000UL, -1UL, 3)), -ENOMEM);
    CHECK("mprotect of the last page, downwards", RES(syscall(SYS_mprotect, LAST, PAGE, 3 | PROT_GROWSDOWN)), -ENOMEM);
    CHECK("mprotect of the last page, upwards", RES(syscall(SYS_mprotect, LAST, PAGE, 3 | PROT_GROWSUP)), -ENOMEM);
    CHECK("mprotect downwards of what does not grow", RES(syscall(SYS_mprotect, page(), PAGE, 3 | PROT_GROWSDOWN)), -EINVAL);
    CHECK("mprotect downwards beyond it", RES(syscall(SYS_mprotect, page(), LAST, 3 | PROT_GROWSDOWN)), -ENOMEM);
    CHECK("mprotect, semaphores", RES(syscall(SYS_mprotect, page(), PAGE, 8 | 3)), 0);
    CHECK("mprotect, unknown rights", RES(syscall(SYS_mprotect, page(), PAGE, 16 | 3)), -EINVAL);
    CHECK("madvise of the last page", RES(syscall(SYS_madvise, LAST, PAGE, MADV_DONTNEED)), -EINVAL);
    CHECK("madvise of all but a page", RES(syscall(SYS_madvise, 0x10000UL, LAST - 0x10000UL, MADV_NORMAL)), -ENOMEM);
    CHECK("madvise of a length that becomes 0", RES(syscall(SYS_madvise, page(), -1UL, MADV_DONTNEED)), -EINVAL);
    CHECK("mlock of the last page", RES(syscall(SYS_mlock, LAST, PAGE)), -EINVAL);
    CHECK("mlock beyond it", RES(syscall(SYS_mlock, LAST, 2 * PAGE)), -EINVAL);
    CHECK("mlock2 of an odd range", RES(syscall(SYS_mlock2, page() + 1, -1UL, 0)), 0);
    CHECK("munlock of half of all", RES(syscall(SYS_munlock, page(), HALF)), -ENOMEM);
    CHECK("msync of the last page", RES(syscall(SYS_msync, LAST, PAGE, MS_SYNC)), -ENOMEM);
    CHECK("msync beyond it", RES(syscall(SYS_msync, LAST, 2 * PAGE, MS_SYNC)), -ENOMEM);
    static unsigned char answer[16];
    CHECK("mincore of the last page", RES(syscall(SYS_mincore, LAST, PAGE, answer)), -ENOMEM);
    CHECK("mincore of all numbers", RES(syscall(SYS_mincore, 0x10000UL, -1UL, answer)), -ENOMEM);
    CHECK("mincore into the kernel", RES(syscall(SYS_mincore, page(), PAGE, LAST)), -EFAULT);
    CHECK("mincore of no length", RES(syscall(SYS_mincore, page(), 0UL, answer)), 0);
    long end = syscall(SYS_brk, 0);
    CHECK("brk at the last address", syscall(SYS_brk, -1UL) == end, 1);
    CHECK("brk in the middle of numbers", syscall(SYS_brk, HALF) == end, 1);
}

int main(void)
{
    check_mremap();
    check_mmap();
    check_others();
    DONE();
}
