/* Regions that grow downwards: the stack, and MAP_GROWSDOWN. Prints the same on Linux and in Pithos. */
#define _GNU_SOURCE
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGE 4096L
#define GROWS 0x01000000
#define PLACE ((char *)0x1000000000)

static sigjmp_buf back;

static void jump(int signal) { siglongjmp(back, signal); }

static const char *touch(volatile char *address)
{
    int signal = sigsetjmp(back, 1);
    if (signal != 0)
        return strsignal(signal);
    *address = 1;
    return "works";
}

static long region_of(unsigned long address, const char *name)
{
    char line[512];
    FILE *maps = fopen("/proc/self/maps", "r");
    long pages = -1;
    while (fgets(line, sizeof line, maps)) {
        unsigned long start, end;
        sscanf(line, "%lx-%lx", &start, &end);
        if (name ? strstr(line, name) != 0 : start <= address && address < end)
            pages = (end - start) / PAGE;
    }
    fclose(maps);
    return pages;
}

static int deepen(int levels)
{
    volatile char room[PAGE];
    room[0] = room[PAGE - 1] = levels;
    return levels == 0 ? room[0] : deepen(levels - 1) + room[0];
}

static void in_child(const char *what, long limit, int levels)
{
    fflush(stdout);
    if (fork() == 0) {
        struct rlimit wanted = {limit, RLIM_INFINITY};
        setrlimit(RLIMIT_STACK, &wanted);
        signal(SIGSEGV, SIG_DFL);
        deepen(levels);
        _exit(0);
    }
    int status;
    wait(&status);
    printf("%s: exit %d signal %d\n", what, WEXITSTATUS(status), WTERMSIG(status));
}

static char *grow(char *address, long pages)
{
    return mmap(address, pages * PAGE, PROT_READ | PROT_WRITE,
                MAP_PRIVATE | MAP_ANONYMOUS | MAP_GROWSDOWN | MAP_FIXED, -1, 0);
}

int main(void)
{
    signal(SIGSEGV, jump);
    signal(SIGBUS, jump);
    long before = region_of(0, "[stack]");
    printf("small at first: %d\n", before > 16 && before < 256);
    deepen(1000);
    long after = region_of(0, "[stack]");
    printf("grown: %d, not shrunk: %d\n", after > 1000 && after < 1300, region_of(0, "[stack]") == after);
    in_child("within the limit", 8 << 20, 1500);
    in_child("beyond the limit", 4 << 20, 1500);
    in_child("a higher limit", 32 << 20, 6000);
    in_child("no end", 8 << 20, 3000);

    printf("map: %d\n", grow(PLACE, 4) == PLACE);
    printf("one below: %s, %ld pages\n", touch(PLACE - 1), region_of((long)PLACE, 0));
    printf("far below: %s, %ld pages\n", touch(PLACE - 100 * PAGE), region_of((long)PLACE, 0));
    printf("above: %s\n", touch(PLACE + 4 * PAGE));
    printf("too far: %s\n", touch(PLACE - (9L << 20)));
    mmap(PLACE - 400 * PAGE, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    long page = 101;
    while (page < 500 && strcmp(touch(PLACE - page * PAGE), "works") == 0)
        page++;
    printf("a neighbour stops it at %ld\n", page);
    mprotect(PLACE - 400 * PAGE, PAGE, PROT_NONE);
    while (page < 500 && strcmp(touch(PLACE - page * PAGE), "works") == 0)
        page++;
    printf("one without rights at %ld\n", page);

    char *other = PLACE + (1L << 30);
    grow(other, 8);
    printf("grows down: %d\n", mprotect(other + 4 * PAGE, PAGE, PROT_READ | GROWS));
    for (int number = 3; number < 6; number++)
        printf("page %d: %s\n", number, touch(other + number * PAGE));
    printf("below it: %s\n", touch(other - 1));
    printf("grows not: %d", mprotect((void *)((long)main & -PAGE), PAGE, PROT_READ | PROT_EXEC | GROWS));
    printf(" %d\n", errno);
    printf("grows up: %d", mprotect(other, PAGE, PROT_READ | 2 * GROWS));
    printf(" %d\n", errno);
    printf("both: %d", mprotect(other, PAGE, PROT_READ | 3 * GROWS));
    printf(" %d\n", errno);
    printf("shared: %d", mmap(0, PAGE, 3, MAP_SHARED | MAP_ANONYMOUS | MAP_GROWSDOWN, -1, 0) == MAP_FAILED);
    printf(" %d\n", errno);
    char *third = PLACE + (2L << 30);
    grow(third, 2);
    grow(third + 16 * PAGE, 2);
    printf("two that grow: %s %s\n", touch(third + 15 * PAGE), touch(third + 2 * PAGE));
    munmap(third + 17 * PAGE, PAGE);
    printf("its end is gone: %s %ld\n", touch(third + 3 * PAGE), region_of((long)third, 0));
    fflush(stdout);
    if (fork() == 0) {
        printf("child: %s %ld\n", touch(third - PAGE), region_of((long)third, 0));
        fflush(stdout);
        _exit(0);
    }
    wait(0);
    return 0;
}
