/* Flags of mmap(2) that ask for something special: huge pages, low addresses, flags that are checked, a place that is free. */
#include "case.h"

#define PAGE 4096UL
#define HUGE (2UL << 20)
#define PRIVATE (MAP_PRIVATE | MAP_ANONYMOUS)

static long map(unsigned long start, unsigned long length, int flags, int fd)
{
    return RES(syscall(SYS_mmap, start, length, PROT_READ | PROT_WRITE, flags, fd, 0));
}

static void check_huge_pages(void)
{
    char *memory = mmap(NULL, 2 * HUGE, PROT_READ | PROT_WRITE, PRIVATE, -1, 0);
    memory[HUGE] = 7;
    unsigned long aligned = ((unsigned long)memory + HUGE - 1) & ~(HUGE - 1);
    int fd = memfd_create("small", 0);
    CHECK("huge pages", map(0, HUGE, PRIVATE | MAP_HUGETLB, -1), -ENOMEM);
    CHECK("in a place", map(aligned, HUGE, PRIVATE | MAP_FIXED | MAP_HUGETLB, -1), -ENOMEM);
    CHECK("shared, in a place", map(aligned, HUGE, MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED | MAP_HUGETLB, -1), -ENOMEM);
    CHECK("what was there", memory[HUGE], 7);
    CHECK("of 2 MiB", map(0, HUGE, PRIVATE | MAP_HUGETLB | 21 << MAP_HUGE_SHIFT, -1), -ENOMEM);
    CHECK("of 8 KiB", map(0, HUGE, PRIVATE | MAP_HUGETLB | 13 << MAP_HUGE_SHIFT, -1), -EINVAL);
    CHECK("of a file", map(0, HUGE, MAP_SHARED | MAP_HUGETLB, fd), -EINVAL);
}

static void check_low_addresses(void)
{
    long last = 0;
    for (int i = 0; i < 4; i++) {
        long start = map(0, 1 << 20, PRIVATE | MAP_32BIT, -1);
        CHECK("below 2 GiB", start > 0 && start + (1 << 20) <= 1L << 31, 1);
        CHECK("another place", start != last, 1);
        *(char *)start = 1;
        last = start;
    }
    CHECK("more than there is", map(0, 1UL << 31, PRIVATE | MAP_32BIT, -1), -ENOMEM);
    CHECK("a hint", map(0x50000000, PAGE, PRIVATE | MAP_32BIT, -1), 0x50000000);
    CHECK("a hint above", map(0x100000000, PAGE, PRIVATE | MAP_32BIT, -1) < 1L << 31, 1);
    CHECK("a place above", map(0x100000000, PAGE, PRIVATE | MAP_32BIT | MAP_FIXED, -1), 0x100000000);
}

static void check_known_flags(void)
{
    int fd = memfd_create("file", 0);
    ftruncate(fd, PAGE);
    CHECK("an unknown flag", map(0, PAGE, MAP_SHARED_VALIDATE | 0x2000000, fd), -EOPNOTSUPP);
    CHECK("MAP_SYNC", map(0, PAGE, MAP_SHARED_VALIDATE | MAP_SYNC, fd), -EOPNOTSUPP);
    CHECK("known ones", map(0, PAGE, MAP_SHARED_VALIDATE | MAP_POPULATE | MAP_NORESERVE, fd) > 0, 1);
    CHECK("an unknown flag that is not looked at", map(0, PAGE, MAP_SHARED | 0x2000000, fd) > 0, 1);
    CHECK("MAP_SYNC that is not looked at", map(0, PAGE, MAP_SHARED | MAP_SYNC, fd) > 0, 1);
    CHECK("without a file", map(0, PAGE, MAP_SHARED_VALIDATE | MAP_ANONYMOUS, -1), -EINVAL);
    CHECK("neither shared nor private", map(0, PAGE, MAP_ANONYMOUS, -1), -EINVAL);
    CHECK("neither, of a file", map(0, PAGE, 0, fd), -EINVAL);
    CHECK("a shared stack", map(0, PAGE, MAP_SHARED | MAP_ANONYMOUS | MAP_GROWSDOWN, -1), -EINVAL);
    CHECK("a stack of a file", map(0, PAGE, MAP_PRIVATE | MAP_GROWSDOWN, fd), -EINVAL);
    CHECK("no descriptor, no length", map(0, 0, MAP_PRIVATE, -1), -EBADF);
    CHECK("a directory", map(0, PAGE, MAP_PRIVATE, open(".", O_RDONLY)) < 0, 1);
    CHECK("a descriptor without the file", map(0, PAGE, MAP_PRIVATE, open(".", O_PATH)), -EBADF);
}

static void check_places(void)
{
    unsigned long start = map(0, 4 * PAGE, PRIVATE, -1);
    munmap((void *)(start + PAGE), PAGE);
    CHECK("a place in use", map(start, PAGE, PRIVATE | MAP_FIXED_NOREPLACE, -1), -EEXIST);
    CHECK("a place partly in use", map(start + PAGE, 2 * PAGE, PRIVATE | MAP_FIXED_NOREPLACE, -1), -EEXIST);
    CHECK("a free place", map(start + PAGE, PAGE, PRIVATE | MAP_FIXED_NOREPLACE, -1), start + PAGE);
    CHECK("a hint in use", map(start, PAGE, PRIVATE, -1) != start, 1);
    munmap((void *)start, PAGE);
    CHECK("a free hint, not at a boundary", map(start + 5, PAGE, PRIVATE, -1), start);
}

int main(void)
{
    check_huge_pages();
    check_low_addresses();
    check_known_flags();
    check_places();
    DONE();
}
