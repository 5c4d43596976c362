/* Flags of open(2) that last, what F_GETFL tells of them, and who may read without leaving a time of access (O_NOATIME). */
#include "case.h"

static int flags_of(const char *path, int flags) { int opened = open(path, flags, 0600), told = fcntl(opened, F_GETFL); close(opened); return opened < 0 ? -errno : told; }
static long accessed(int file) { struct stat about; fstat(file, &about); return about.st_atim.tv_sec; }
static void age(int file) { struct timespec times[2] = {{1000, 0}, {2000, 0}}; futimens(file, times); }

static void kept(void)
{
    CHECK("O_PATH", flags_of(".", O_PATH), O_PATH);
    CHECK("of the access mode and the like nothing", flags_of(".", O_PATH | O_RDWR | O_NONBLOCK | O_APPEND | O_NOATIME), O_PATH);
    CHECK("how it was found", flags_of(".", O_PATH | O_DIRECTORY | O_NOFOLLOW), O_PATH | O_DIRECTORY | O_NOFOLLOW);
    CHECK("not O_CLOEXEC", flags_of(".", O_PATH | O_CLOEXEC), O_PATH);
    CHECK("O_TMPFILE", flags_of(".", O_TMPFILE | O_RDWR), O_TMPFILE | O_RDWR | 0100000);
    CHECK("not O_EXCL", flags_of(".", O_TMPFILE | O_RDWR | O_EXCL | O_CLOEXEC), O_TMPFILE | O_RDWR | 0100000);
    CHECK("others", flags_of("file", O_CREAT | O_EXCL | O_NOCTTY | O_TRUNC | O_RDWR | O_ASYNC | O_NOFOLLOW | O_NOATIME | O_SYNC),
          O_RDWR | O_ASYNC | O_NOFOLLOW | O_NOATIME | O_SYNC | 0100000);
    CHECK("a directory", flags_of(".", O_DIRECTORY | O_CLOEXEC), O_DIRECTORY | 0100000);
    mkfifo("fifo", 0600);
    CHECK("a FIFO only as a path", flags_of("fifo", O_PATH | O_NONBLOCK), O_PATH);
    CHECK("a FIFO", flags_of("fifo", O_RDONLY | O_NONBLOCK | O_CLOEXEC), O_NONBLOCK | 0100000);
    CHECK("a terminal only as a path", flags_of("/dev/ptmx", O_PATH | O_RDWR), O_PATH);
}

static void unnoticed(void)
{
    char byte[4];
    struct iovec part = {byte, 2};
    int file = open("file", O_RDWR), quiet = open("file", O_RDONLY | O_NOATIME);
    write(file, "abcd", 4);
    age(file);
    read(quiet, byte, 1);
    CHECK("read", accessed(file), 1000);
    pread(quiet, byte, 1, 0);
    CHECK("pread", accessed(file), 1000);
    readv(quiet, &part, 1);
    CHECK("readv", accessed(file), 1000);
    fcntl(quiet, F_SETFL, 0);
    read(quiet, byte, 1);
    CHECK("no longer unnoticed", accessed(file) > 2000, 1);
    age(file);
    fcntl(quiet, F_SETFL, O_NOATIME);
    pread(quiet, byte, 1, 0);
    CHECK("and again", accessed(file), 1000);
    int folder = open(".", O_RDONLY | O_NOATIME);
    char records[1000];
    age(folder);
    syscall(SYS_getdents64, folder, records, sizeof records);
    CHECK("listed", accessed(folder), 1000);
    folder = open(".", O_RDONLY);
    syscall(SYS_getdents64, folder, records, sizeof records);
    CHECK("listed noticeably", accessed(folder) > 2000, 1);
    chmod("file", 0666);
    chmod(".", 0777);
    int theirs = open("file", O_RDONLY);
    IN_CHILD({
        become(1000);
        CHECK("by another", RES(open("file", O_RDONLY | O_NOATIME)), -EPERM);
        CHECK("set later", RES(fcntl(theirs, F_SETFL, O_NOATIME)), -EPERM);
        CHECK("nothing was set", fcntl(theirs, F_GETFL) & O_NOATIME, 0);
        CHECK("what it already has", RES(fcntl(quiet, F_SETFL, O_NOATIME | O_APPEND)), 0);
        CHECK("only a path", RES(open("file", O_PATH | O_NOATIME)) >= 0, 1);
        CHECK("made by itself", RES(open("own", O_CREAT | O_RDWR | O_NOATIME, 0600)) >= 0, 1);
    });
}

/* Requests of ioctl(2) for files. */
static void requests(void)
{
    int count = -1, file = open("five", O_CREAT | O_RDWR, 0600);
    write(file, "12345", 5);
    lseek(file, 2, SEEK_SET);
    CHECK("FIONREAD", RES(ioctl(file, FIONREAD, &count)), 0);
    CHECK("what is left", count, 3);
    lseek(file, 9, SEEK_SET);
    ioctl(file, FIONREAD, &count);
    CHECK("beyond the end", count, -4);
    CHECK("nowhere", RES(ioctl(file, FIONREAD, NULL)), -EFAULT);
    CHECK("of a directory", RES(ioctl(open(".", O_RDONLY), FIONREAD, &count)), -ENOTTY);
    CHECK("FIGETBSZ", RES(ioctl(file, 2, &count)), 0);
    CHECK("is a page", count, 4096);
    CHECK("entropy", RES(ioctl(open("/dev/urandom", O_RDONLY), 0x80045200, &count)), 0);
    CHECK("is enough", count, 256);
    CHECK("of zeros", RES(ioctl(open("/dev/zero", O_RDONLY), 0x80045200, &count)), -ENOTTY);
}

int main(void)
{
    char folder[] = "/tmp/flagsXXXXXX";
    mkdtemp(folder);
    chdir(folder);
    kept();
    unnoticed();
    requests();
    DONE();
}
