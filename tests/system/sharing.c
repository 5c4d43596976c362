/* A child of vfork(2), which uses the memory of its parent, touches more and more of it. */
#include <sys/mman.h>
#include <unistd.h>

int main(void)
{
    volatile char *place = mmap(0, 1L << 30, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (vfork() == 0)
        for (long page = 0;; page++)
            place[page << 12] = 1;
    return 3;
}
