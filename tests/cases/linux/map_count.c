/* vm.max_map_count: 65,530 mappings, and not one more by mmap, mprotect, munmap, mremap or madvise; all else goes on. */
#include "case.h"

#define PAGE 4096L
#define MOST 65530

static long map(int protection)
{
    return RES(mmap(NULL, PAGE, protection, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED ? -1 : 0);
}

int main(void)
{
    long made = 0, error = 0;
    char *three = mmap(NULL, 3 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    while (made < 70000 && (error = map(made % 2 ? PROT_READ : PROT_NONE)) == 0) made++;
    CHECK("the first that is refused", error, -ENOMEM);
    CHECK("how many there were", made > MOST - 100 && made <= MOST, 1);
    CHECK("mprotect in the middle", RES(mprotect(three + PAGE, PAGE, PROT_READ)), -ENOMEM);
    CHECK("munmap in the middle", RES(munmap(three + PAGE, PAGE)), -ENOMEM);
    CHECK("madvise in the middle", RES(madvise(three + PAGE, PAGE, MADV_DONTFORK)), -EAGAIN);
    CHECK("mremap that moves", RES(mremap(three, PAGE, 2 * PAGE, MREMAP_MAYMOVE) == MAP_FAILED ? -1 : 0), -ENOMEM);
    CHECK("mprotect of a whole one", RES(mprotect(three, 3 * PAGE, PROT_READ)), 0);
    three[0];
    IN_CHILD(CHECK("mprotect in a child", RES(mprotect(three + PAGE, PAGE, PROT_NONE)), -ENOMEM));
    CHECK("munmap of a whole one", RES(munmap(three, 3 * PAGE)), 0);
    DONE();
}
