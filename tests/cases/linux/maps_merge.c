/* Mappings that touch and are alike are one: when they are made, and when they become alike by mprotect, mlock, madvise. */
#include "case.h"

#define PAGE 4096L
#define PAGES 64
#define READ_WRITE (PROT_READ | PROT_WRITE)

static char *base;

/* How many lines of /proc/self/maps lie within the area. */
static int pieces(void)
{
    FILE *maps = fopen("/proc/self/maps", "r");
    char line[512];
    unsigned long start, end;
    int count = 0;
    while (fgets(line, sizeof line, maps))
        if (sscanf(line, "%lx-%lx", &start, &end) == 2) count += start < (unsigned long)base + PAGES * PAGE && end > (unsigned long)base;
    fclose(maps);
    return count;
}

static void reserve(void)
{
    base = mmap(NULL, (PAGES + 2) * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    munmap(base, PAGE);
    munmap(base + (PAGES + 1) * PAGE, PAGE);
    base += PAGE;
}

static void map_at(int page, int pages, int protection, int flags, int fd, long offset)
{
    mmap(base + page * PAGE, pages * PAGE, protection, MAP_FIXED | flags, fd, offset);
}

static void check_anonymous(void)
{
    reserve();
    for (int i = 0; i < PAGES; i++) map_at(i, 1, READ_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK("one by one from below", pieces(), 1);
    for (int i = PAGES - 1; i >= 0; i--) map_at(i, 1, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK("one by one from above", pieces(), 1);
    for (int i = 0; i < PAGES; i += 2) mprotect(base + i * PAGE, PAGE, PROT_NONE);
    CHECK("every other one different", pieces(), PAGES);
    for (int i = 0; i < PAGES; i += 2) mprotect(base + i * PAGE, PAGE, PROT_READ);
    CHECK("alike again", pieces(), 1);
    mprotect(base + 8 * PAGE, 16 * PAGE, READ_WRITE);
    CHECK("a part different", pieces(), 3);
    mprotect(base, PAGES * PAGE, READ_WRITE);
    CHECK("all the same", pieces(), 1);
    munmap(base + 4 * PAGE, PAGE);
    CHECK("with a hole", pieces(), 2);
    map_at(4, 1, READ_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK("the hole filled", pieces(), 1);
}

static void check_locks(void)
{
    reserve();
    mprotect(base, PAGES * PAGE, READ_WRITE);
    mlock(base, 16 * PAGE);
    CHECK("a part locked", pieces(), 2);
    munlock(base, 16 * PAGE);
    CHECK("unlocked", pieces(), 1);
    madvise(base + 8 * PAGE, 8 * PAGE, MADV_DONTFORK);
    CHECK("a part not for children", pieces(), 3);
    madvise(base, PAGES * PAGE, MADV_DOFORK);
    CHECK("all for children", pieces(), 1);
}

static void check_files(void)
{
    int fd = memfd_create("file", 0);
    ftruncate(fd, PAGES * PAGE);
    reserve();
    for (int i = 0; i < PAGES; i++) map_at(i, 1, PROT_READ, MAP_SHARED, fd, i * PAGE);
    CHECK("a file page by page", pieces(), 1);
    map_at(8, 1, PROT_READ, MAP_SHARED, fd, 9 * PAGE);
    CHECK("another page of it", pieces(), 3);
    map_at(8, 1, PROT_READ, MAP_SHARED, fd, 8 * PAGE);
    CHECK("the right one", pieces(), 1);
    map_at(8, 1, PROT_READ, MAP_PRIVATE, fd, 8 * PAGE);
    CHECK("a private one", pieces(), 3);
    char path[64];
    sprintf(path, "/proc/self/fd/%d", fd);
    map_at(8, 1, PROT_READ, MAP_SHARED, open(path, O_RDONLY), 8 * PAGE);
    CHECK("by a descriptor that may less", pieces(), 3);
}

static void check_moves(void)
{
    reserve();
    mprotect(base, PAGES * PAGE, READ_WRITE);
    memset(base, 'm', PAGES * PAGE);
    char *away = mmap(NULL, 16 * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    mremap(base + 16 * PAGE, 16 * PAGE, 16 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, away);
    CHECK("with a part moved away", pieces(), 2);
    CHECK("what was moved", away[0] + away[16 * PAGE - 1], 2 * 'm');
    mremap(away, 16 * PAGE, 16 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, base + 16 * PAGE);
    CHECK("moved back", pieces(), 1);
    CHECK("what is there", base[16 * PAGE] + base[32 * PAGE - 1], 2 * 'm');
}

int main(void)
{
    check_anonymous();
    check_locks();
    check_files();
    check_moves();
    DONE();
}
