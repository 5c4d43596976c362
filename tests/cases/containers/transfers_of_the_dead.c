/* A thread of D reads and writes a file that its sibling C made, to and from pages that are not there yet, while C is destroyed: what is
   transferred is of the file, and then it is EIO.
   arguments: read | write
   copies: yield */
#include "heirs.h"

#define PAGE 4096L
#define LONG (32 * PAGE)

static const char *way;

static void give(const char *mode, int given[3])
{
    static char memory[LONG];
    (void)mode;
    given[1] = open("/tmp/file", O_CREAT | O_RDWR, 0600);
    memset(memory, 'f', LONG);
    CHECK("write", write(given[1], memory, LONG), LONG);
}

static void *transfers(void *unused)
{
    long done;
    do {
        char *memory = mmap(NULL, LONG, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        lseek(6, 0, SEEK_SET);
        done = strcmp(way, "read") ? RES(write(6, memory, LONG)) : RES(read(6, memory, LONG));
        if (strcmp(way, "read") == 0)
            for (long i = 0; i < done; i++) if (memory[i] != 'f') { printf("BAD byte %ld: %d\n", i, memory[i]); bad++; break; }
        munmap(memory, LONG);
    } while (done > 0);
    if (done == 0) done = RES(read(6, &done, 1)); /* the file ended under the last one */
    CHECK(way, done, -EIO);
    return unused;
}

static int take(const char *mode)
{
    pthread_t thread;
    way = mode;
    pthread_create(&thread, NULL, transfers, NULL);
    usleep(20000);
    say_ready_and_wait();
    pthread_join(thread, NULL);
    return ended();
}
