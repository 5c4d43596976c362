/* getdents(2), the call of before: LeakSanitizer reads /proc/self/task by it. Its records have the type as the last byte; both calls agree on
   all else, go on where they stopped, and say EINVAL for a buffer that not even one record fits into. */
#include "case.h"
#include <dirent.h>

struct old_record { unsigned long number; long next; unsigned short length; char name[]; };

static int directory;
static char kinds[64], names[64][64];
static unsigned long numbers[64];

/* All entries, read in steps of a size; how many there are. */
static int read_all(long call, int step, int is_old)
{
    char buffer[4096];
    int count = 0;
    long size;
    lseek(directory, 0, SEEK_SET);
    while ((size = RES(syscall(call, directory, buffer, step))) > 0)
        for (long position = 0; position < size;) {
            struct old_record *record = (void *)(buffer + position);
            const char *name = is_old ? record->name : record->name + 1;
            char kind = is_old ? buffer[position + record->length - 1] : record->name[0];
            CHECK("aligned", record->length % 8, 0);
            if (count < 64 && call == SYS_getdents64) { kinds[count] = kind; numbers[count] = record->number; strcpy(names[count], name); }
            if (call == SYS_getdents) CHECK(name, kinds[count] == kind && numbers[count] == record->number && strcmp(names[count], name) == 0, 1);
            count++;
            position += record->length;
        }
    CHECK("end", size, 0);
    return count;
}

int main(void)
{
    char folder[] = "/tmp/getdentsXXXXXX", name[64], buffer[4096];
    mkdtemp(folder);
    chdir(folder);
    for (int i = 0; i < 20; i++) { sprintf(name, "%.*s", 1 + i * 2, "a-long-name-of-which-more-and-more-is-used-0123456789"); if (i % 3) close(open(name, O_CREAT | O_RDWR, 0600)); else mkdir(name, 0700); }
    symlink("x", "link");
    mkfifo("fifo", 0600);
    directory = open(".", O_RDONLY | O_DIRECTORY);
    CHECK("getdents64", read_all(SYS_getdents64, sizeof buffer, 0), 24);
    CHECK("getdents", read_all(SYS_getdents, sizeof buffer, 1), 24);
    CHECK("getdents in small steps", read_all(SYS_getdents, 80, 1), 24);
    lseek(directory, 0, SEEK_SET);
    syscall(SYS_getdents64, directory, buffer, sizeof buffer);
    int first = ((struct old_record *)buffer)->length, second = ((struct old_record *)(buffer + first))->length;
    lseek(directory, 0, SEEK_SET);
    CHECK("too small for the first", RES(syscall(SYS_getdents64, directory, buffer, 20)), -EINVAL);
    CHECK("no room at all", RES(syscall(SYS_getdents64, directory, buffer, 0)), -EINVAL);
    CHECK("exactly one", RES(syscall(SYS_getdents64, directory, buffer, first)), first);
    CHECK("and the next", RES(syscall(SYS_getdents64, directory, buffer, second)), second);
    CHECK("bad address", RES(syscall(SYS_getdents, directory, 1, 4096)), -EFAULT);
    CHECK("not a directory", RES(syscall(SYS_getdents, open("fifo", O_RDWR), buffer, 4096)), -ENOTDIR);
    CHECK("only a name", RES(syscall(SYS_getdents, open(".", O_PATH), buffer, 4096)), -EBADF);
    CHECK("no descriptor", RES(syscall(SYS_getdents, -1, buffer, 4096)), -EBADF);

    /* What has room before an address that cannot be written is told; the position is behind it. */
    char *pages = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    munmap(pages + 4096, 4096);
    lseek(directory, 0, SEEK_SET);
    CHECK("up to the end of a page", RES(syscall(SYS_getdents64, directory, pages + 4096 - first - 8, 4096)), first);
    CHECK("goes on", RES(syscall(SYS_getdents64, directory, buffer, second)), second);

    /* A listing of a large directory, while it is emptied, neither stops nor repeats. */
    mkdir("large", 0700);
    chdir("large");
    for (int i = 0; i < 3000; i++) { sprintf(name, "%d", i); close(open(name, O_CREAT | O_RDWR, 0600)); }
    directory = open(".", O_RDONLY | O_DIRECTORY);
    int seen = 0;
    long size;
    while ((size = RES(syscall(SYS_getdents64, directory, buffer, 1000))) > 0)
        for (long position = 0; position < size; position += ((struct old_record *)(buffer + position))->length) {
            const char *entry = ((struct old_record *)(buffer + position))->name + 1;
            if (entry[0] != '.') { seen++; unlink(entry); }
        }
    CHECK("each was seen once", seen, 3000);
    CHECK("nothing is left", RES(rmdir("../large")), 0);
    CHECK("a directory that was removed", RES(syscall(SYS_getdents64, directory, buffer, 4096)), -ENOENT);
    DONE();
}
