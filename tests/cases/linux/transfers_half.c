/* Transfers of which only a part can be made: memory that ends, may not be written or is not there yet, one vector of several that is
 * bad. What was transferred is told, and no more; nothing is transferred that is not told. */
#include "case.h"

#define PAGE 4096L
#define LONG (64 * PAGE)

static char *end_of_memory(void) /* two pages, of which the second is not there: the end of the first */
{
    char *memory = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    munmap(memory + PAGE, PAGE);
    memset(memory, 'm', PAGE);
    return memory + PAGE;
}

static char *fresh(long length, int rights) { return mmap(NULL, length, rights, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0); }

static int new_file(void)
{
    char name[] = "/tmp/halfXXXXXX";
    int file = mkstemp(name);
    unlink(name);
    return file;
}

static long size_of(int file) { struct stat about; fstat(file, &about); return about.st_size; }

static void files(void)
{
    char *end = end_of_memory(), seen[300] = "", *none = fresh(PAGE, PROT_NONE), *only_read = fresh(PAGE, PROT_READ);
    int file = new_file();
    CHECK("write up to the end", write(file, end - 100, 200), 100);
    CHECK("size", size_of(file), 100);
    CHECK("position", lseek(file, 0, SEEK_CUR), 100);
    CHECK("write beyond it", RES(write(file, end, 10)), -EFAULT);
    CHECK("write of what may not be read", RES(write(file, none, 10)), -EFAULT);
    CHECK("size after it", size_of(file), 100);
    CHECK("pwrite across pages of the file", pwrite(file, end - 50, 60, PAGE - 25), 50);
    CHECK("size after it", size_of(file), PAGE + 25);
    CHECK("what stands there", pread(file, seen, 60, PAGE - 26), 51);
    CHECK("first", seen[0], 0);
    CHECK("last", seen[50], 'm');
    CHECK("read up to the end", pread(file, end - 30, 60, PAGE - 40), 30);
    CHECK("and the zeros before", end[-30], 0);
    CHECK("and the bytes", end[-1], 'm');
    CHECK("read of a hole up to the end", pread(file, end - 30, 60, 1000), 30);
    CHECK("all zeros", end[-1], 0);
    CHECK("read beyond", RES(pread(file, end, 60, 0)), -EFAULT);
    CHECK("read to what may not be written", RES(pread(file, only_read, 60, 0)), -EFAULT);
    CHECK("read at the end of the file to nowhere", RES(pread(file, end, 60, 10 * PAGE)), 0);
    CHECK("read of nothing to nowhere", RES(pread(file, end, 0, 0)), 0);
    struct iovec parts[4] = {{seen, 10}, {end - 5, 5}, {end, 10}, {seen + 20, 10}};
    CHECK("preadv", preadv(file, parts, 4, PAGE - 10), 15);
    CHECK("pwritev", pwritev(file, parts, 4, 0), 15);
    struct iovec empty[3] = {{NULL, 0}, {seen, 3}, {NULL, 0}};
    CHECK("empty parts", preadv(file, empty, 3, 0), 3);
    lseek(file, 0, SEEK_SET);
    CHECK("a bad part first", RES(readv(file, parts + 2, 2)), -EFAULT);
    CHECK("position after it", lseek(file, 0, SEEK_CUR), 0);
    close(file);
}

static void fresh_pages(void)
{
    int file = new_file();
    char *zeros = fresh(LONG, PROT_READ | PROT_WRITE), *copy = fresh(LONG, PROT_READ | PROT_WRITE);
    CHECK("write of pages that are not there yet", write(file, zeros, LONG), LONG);
    for (long i = 0; i < LONG; i++) zeros[i] = i * 7 + i / PAGE;
    CHECK("over it", pwrite(file, zeros, LONG, 0), LONG);
    CHECK("read into pages that are not there yet", pread(file, copy + 11, LONG - 11, 11), LONG - 11);
    CHECK("the same", memcmp(zeros + 11, copy + 11, LONG - 11), 0);
    IN_CHILD({
        CHECK("read into pages that are shared", pread(file, copy, LONG, 0), LONG);
        CHECK("the same again", memcmp(zeros, copy, LONG), 0);
        memset(copy, 1, LONG);
    });
    CHECK("those of the parent stay", memcmp(zeros + 11, copy + 11, LONG - 11), 0);
    char *mapped = mmap(NULL, LONG, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    CHECK("read of a file into its own mapping", pread(file, mapped + PAGE, PAGE, 0), PAGE);
    CHECK("there", memcmp(mapped + PAGE, zeros, PAGE), 0);
    CHECK("write of a file from its own mapping", pwrite(file, mapped + PAGE, 2 * PAGE, LONG - PAGE), 2 * PAGE);
    CHECK("size", size_of(file), LONG + PAGE);
    char *beyond = mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, file, LONG);
    CHECK("into a mapping that ends with the file", pread(file, beyond, 3 * PAGE, 0), PAGE);
    CHECK("from such a mapping", pwrite(file, beyond, 2 * PAGE, 0), PAGE);
    CHECK("wholly beyond", RES(pread(file, beyond + 2 * PAGE, PAGE, 0)), -EFAULT);
    close(file);
}

static void streams(void)
{
    char *end = end_of_memory(), seen[300];
    int ends[2], events = eventfd(5, EFD_NONBLOCK), zero = open("/dev/zero", O_RDWR), null = open("/dev/null", O_RDWR);
    CHECK("pipe", pipe(ends), 0);
    CHECK("write into a pipe", RES(write(ends[1], end - 10, 20)), -EFAULT);
    CHECK("write", write(ends[1], "0123456789", 10), 10);
    CHECK("read out of it", RES(read(ends[0], end - 5, 10)), -EFAULT);
    CHECK("nothing is lost", read(ends[0], seen, 300), 10);
    struct iovec parts[2] = {{seen, 4}, {end, 10}};
    CHECK("write", write(ends[1], "0123456789", 10), 10);
    CHECK("vectors, one page", RES(readv(ends[0], parts, 2)), -EFAULT);
    CHECK("nothing is lost then either", read(ends[0], seen, 300), 10);
    CHECK("pair", socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    CHECK("send", RES(write(ends[1], end - 10, 20)), -EFAULT);
    CHECK("send", write(ends[1], "0123456789", 10), 10);
    CHECK("receive", RES(read(ends[0], end - 5, 10)), -EFAULT);
    CHECK("what was not told of stays", recv(ends[0], seen, 300, MSG_DONTWAIT), 10);
    CHECK("eventfd", RES(read(events, end - 4, 8)), -EFAULT);
    CHECK("an eventfd that was read", RES(read(events, seen, 8)), -EAGAIN);
    CHECK("write to an eventfd", RES(write(events, end - 4, 8)), -EFAULT);
    CHECK("zeros", read(zero, end - 20, 100), 20);
    CHECK("zeros beyond", RES(read(zero, end, 100)), -EFAULT);
    CHECK("to where nothing is read", write(null, end, 100), 100);
    CHECK("to /dev/zero", write(zero, end, 100), 100);
}

int main(void)
{
    files();
    fresh_pages();
    streams();
    DONE();
}
