/* Shared memory without a file is one object, whoever maps it: by fork(2), by mremap(2) with an old length of 0, by
   /dev/zero; what MADV_REMOVE takes is gone for all. */
#include "case.h"

#define PAGE 4096L
#define READ_WRITE (PROT_READ | PROT_WRITE)

static char *shared(long length)
{
    return mmap(NULL, length, READ_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
}

static long pages_in_memory(void)
{
    long size, resident = -1;
    FILE *statm = fopen("/proc/self/statm", "r");
    fscanf(statm, "%ld %ld", &size, &resident);
    fclose(statm);
    return resident;
}

static void check_family(void)
{
    char *memory = shared(4 * PAGE);
    memory[0] = 1;
    IN_CHILD({
        CHECK("what the parent wrote before", memory[0], 1);
        memory[0] = 2;
        memory[2 * PAGE] = 3;
    });
    CHECK("what a child wrote", memory[0], 2);
    CHECK("what a child wrote to a fresh page", memory[2 * PAGE], 3);
    CHECK("a page that nobody touched", memory[3 * PAGE], 0);
}

static void check_size(void)
{
    long before = pages_in_memory();
    char *large = shared(8L << 30);
    large[5L << 30] = 1;
    IN_CHILD(CHECK("far away", large[5L << 30], 1));
    CHECK("pages that fork made", pages_in_memory() - before < 512, 1);
    munmap(large, 8L << 30);
}

static void check_duplicate(void)
{
    char *memory = shared(2 * PAGE), *twice = mremap(memory, 0, 2 * PAGE, MREMAP_MAYMOVE);
    twice[PAGE] = 4;
    CHECK("a second mapping", memory[PAGE], 4);
    char *second = mremap(memory + PAGE, 0, PAGE, MREMAP_MAYMOVE);
    CHECK("of its second page", second[0], 4);
    munmap(memory, 2 * PAGE);
    CHECK("when the first is gone", second[0] + twice[PAGE], 8);
    CHECK("without moving", RES(mremap(second, 0, PAGE, 0) == MAP_FAILED ? -1 : 0), -ENOMEM);
    char *own = mmap(NULL, PAGE, READ_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK("of private memory", RES(mremap(own, 0, PAGE, MREMAP_MAYMOVE) == MAP_FAILED ? -1 : 0), -EINVAL);
}

static void check_zero_device(void)
{
    int both = open("/dev/zero", O_RDWR), read_only = open("/dev/zero", O_RDONLY);
    char *memory = mmap(NULL, PAGE, READ_WRITE, MAP_SHARED, both, 0), *other = mmap(NULL, PAGE, READ_WRITE, MAP_SHARED, both, 0);
    IN_CHILD(memory[0] = 9);
    CHECK("shared with a child", memory[0], 9);
    CHECK("another mapping is other memory", other[0], 0);
    char *shown = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, read_only, 0);
    CHECK("opened for reading", shown != MAP_FAILED && shown[0] == 0, 1);
    CHECK("made writable", RES(mprotect(shown, PAGE, READ_WRITE)), -EACCES);
    char *own = mmap(NULL, PAGE, READ_WRITE, MAP_PRIVATE, read_only, 0);
    CHECK("private", own != MAP_FAILED, 1);
    own[0] = 1;
    IN_CHILD(own[0] = 2);
    CHECK("private it is", own[0], 1);
}

static void check_remove(void)
{
    int fd = memfd_create("holes", 0);
    struct stat about;
    ftruncate(fd, 8 * PAGE);
    char *memory = mmap(NULL, 8 * PAGE, READ_WRITE, MAP_SHARED, fd, 0), *twice = mmap(NULL, 8 * PAGE, READ_WRITE, MAP_SHARED, fd, 0);
    memset(memory, 'a', 8 * PAGE);
    CHECK("seen twice", twice[3 * PAGE], 'a');
    CHECK("MADV_REMOVE", RES(madvise(memory + 2 * PAGE, 2 * PAGE, MADV_REMOVE)), 0);
    CHECK("zeros here", memory[2 * PAGE] + memory[3 * PAGE], 0);
    CHECK("zeros there", twice[2 * PAGE] + twice[3 * PAGE], 0);
    CHECK("what lies around", memory[2 * PAGE - 1] == 'a' && memory[4 * PAGE] == 'a', 1);
    fstat(fd, &about);
    CHECK("blocks", about.st_blocks <= 8 * 8, 1);
    CHECK("size", about.st_size, 8 * PAGE);
    char *own = mmap(NULL, PAGE, READ_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK("of private memory", RES(madvise(own, PAGE, MADV_REMOVE)), -EINVAL);
    mlock(memory, PAGE);
    CHECK("of locked memory", RES(madvise(memory, PAGE, MADV_REMOVE)), -EINVAL);
    munlock(memory, PAGE);
    char *without = shared(4 * PAGE);
    memset(without, 'b', 4 * PAGE);
    IN_CHILD(CHECK("by a child", RES(madvise(without, 2 * PAGE, MADV_REMOVE)), 0));
    CHECK("gone for the parent", without[0] + without[PAGE], 0);
    CHECK("but not the rest", without[2 * PAGE], 'b');
}

static void check_forgetting(void)
{
    char *memory = shared(PAGE), *own = mmap(NULL, PAGE, READ_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    memory[0] = own[0] = 'c';
    madvise(memory, PAGE, MADV_DONTNEED);
    madvise(own, PAGE, MADV_DONTNEED);
    CHECK("what is shared stays", memory[0], 'c');
    CHECK("what is not is gone", own[0], 0);
    CHECK("MADV_FREE of shared memory", RES(madvise(memory, PAGE, MADV_FREE)), -EINVAL);
}

int main(void)
{
    check_family();
    check_size();
    check_duplicate();
    check_zero_device();
    check_remove();
    check_forgetting();
    DONE();
}
