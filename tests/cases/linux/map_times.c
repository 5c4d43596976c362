/* The times of a file that is mapped: of access when it is mapped, of change when it is written to by the mapping.
   host: no, because its file system may be mounted with other options */
#include "case.h"

#define PAGE 4096

static int is_later(struct timespec before, struct timespec after)
{
    return after.tv_sec > before.tv_sec || (after.tv_sec == before.tv_sec && after.tv_nsec > before.tv_nsec);
}

int main(void)
{
    struct stat fresh, mapped, written;
    int fd = open("/tmp/timed", O_CREAT | O_TRUNC | O_RDWR, 0600);
    write(fd, "x", 1);
    fstat(fd, &fresh);
    usleep(20000);
    volatile char *memory = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    fstat(fd, &mapped);
    CHECK("accessed when it is mapped", is_later(fresh.st_atim, mapped.st_atim), 1);
    CHECK("not changed by that", is_later(fresh.st_mtim, mapped.st_mtim), 0);
    usleep(20000);
    memory[0] = 'y';
    fstat(fd, &written);
    CHECK("changed when it is written to", is_later(mapped.st_mtim, written.st_mtim), 1);
    CHECK("its attributes as well", is_later(mapped.st_ctim, written.st_ctim), 1);
    DONE();
}
