/* A file is cut, punched and made longer while others read it into pages that are not there yet, and write it from such: each byte that is
 * read is one that was written, or zero. (It was a page of the file that was held across the filling in of one of the program.)
 *
 * processors: 2
 * copies: yield
 */
#include "case.h"

#define PAGE 4096L
#define LONG (16 * PAGE)
#define ROUNDS 150

static int file;
static volatile int over;

static void *cuts(void *unused)
{
    while (!over) {
        ftruncate(file, 3 * PAGE + 17);
        fallocate(file, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, PAGE, PAGE);
        ftruncate(file, LONG);
        sched_yield();
    }
    return unused;
}

static void *writes(void *unused)
{
    while (!over) {
        char *memory = mmap(NULL, LONG, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        memset(memory + LONG / 2, 'w', LONG / 2);
        CHECK_QUIETLY(pwrite(file, memory, LONG, 0), LONG);
        munmap(memory, LONG);
    }
    return unused;
}

int main(void)
{
    char name[] = "/tmp/cutXXXXXX";
    pthread_t threads[2];
    file = mkstemp(name);
    unlink(name);
    ftruncate(file, LONG);
    pthread_create(threads, NULL, cuts, NULL);
    pthread_create(threads + 1, NULL, writes, NULL);
    for (int round = 0; round < ROUNDS; round++) {
        char *memory = mmap(NULL, LONG, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        long got = pread(file, memory, LONG, 0);
        CHECK_QUIETLY(got < 3 * PAGE, 0);
        for (long i = 0; i < got; i++)
            if (memory[i] != 0 && memory[i] != 'w') { printf("BAD byte %ld is %d\n", i, memory[i]); bad++; break; }
        munmap(memory, LONG);
    }
    over = 1;
    pthread_join(threads[0], NULL);
    pthread_join(threads[1], NULL);
    DONE();
}
