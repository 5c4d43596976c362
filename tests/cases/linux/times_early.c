/* Times of files are kept as tmpfs keeps them: any second of 64 bits, before 1970 too, with nanoseconds. The first and
   the last second have none. */
#include "case.h"
#include <utime.h>

static void check_both(int file, const char *name, long seconds, long nanoseconds)
{
    struct timespec times[2] = {{seconds, nanoseconds}, {seconds, nanoseconds}};
    struct stat told;
    struct statx more;
    long kept = seconds == INT64_MIN || seconds == INT64_MAX ? 0 : nanoseconds;
    CHECK(name, RES(futimens(file, times)), 0);
    fstat(file, &told);
    CHECK("access", told.st_atim.tv_sec, seconds);
    CHECK("access, part", told.st_atim.tv_nsec, kept);
    CHECK("modification", told.st_mtim.tv_sec, seconds);
    CHECK("modification, part", told.st_mtim.tv_nsec, kept);
    CHECK("change is now", told.st_ctim.tv_sec > 1000, 1);
    syscall(SYS_statx, file, "", AT_EMPTY_PATH, STATX_BASIC_STATS, &more);
    CHECK("statx", more.stx_mtime.tv_sec, seconds);
    CHECK("statx, part", more.stx_mtime.tv_nsec, kept);
    CHECK("statx, access", more.stx_atime.tv_sec, seconds);
}

static void check_older_calls(const char *path)
{
    struct timeval parts[2] = {{-5, 999999}, {-6, 0}};
    struct utimbuf whole = {.actime = -7, .modtime = -8};
    struct stat told;
    CHECK("utimes", RES(utimes(path, parts)), 0);
    stat(path, &told);
    CHECK("utimes, access", told.st_atim.tv_sec, -5);
    CHECK("utimes, part", told.st_atim.tv_nsec, 999999000);
    CHECK("utimes, modification", told.st_mtim.tv_sec, -6);
    CHECK("utime", RES(utime(path, &whole)), 0);
    stat(path, &told);
    CHECK("utime, access", told.st_atim.tv_sec, -7);
    CHECK("utime, modification", told.st_mtim.tv_sec, -8);
}

/* UTIME_OMIT leaves an early time as it is. */
static void check_omission(int file)
{
    struct timespec times[2] = {{-100, 7}, {-200, 8}}, one[2] = {{0, UTIME_OMIT}, {-300, 9}};
    struct stat told;
    futimens(file, times);
    CHECK("one of two", RES(futimens(file, one)), 0);
    fstat(file, &told);
    CHECK("omitted", told.st_atim.tv_sec, -100);
    CHECK("omitted, part", told.st_atim.tv_nsec, 7);
    CHECK("set", told.st_mtim.tv_sec, -300);
}

/* As with relatime: a read counts if the file was changed, in whatever way, after it was last read. */
static void check_reading(int file)
{
    struct timespec late[2] = {{4000000000, 0}, {-10, 0}}, early[2] = {{-5, 0}, {-10, 0}};
    struct stat told;
    char byte;
    write(file, "x", 1);
    futimens(file, late);
    pread(file, &byte, 1, 0);
    fstat(file, &told);
    CHECK("read in the far future", told.st_atim.tv_sec, 4000000000);
    futimens(file, early);
    pread(file, &byte, 1, 0);
    fstat(file, &told);
    CHECK("changed after it was read", told.st_atim.tv_sec > 1000, 1);
}

/* A link has times of its own, and a folder. */
static void check_others(const char *folder)
{
    struct timespec times[2] = {{-631152000, 5}, {1L << 40, 6}};
    struct stat told;
    char link[200];
    snprintf(link, sizeof link, "%s/link", folder);
    symlink("nowhere", link);
    CHECK("link", RES(utimensat(AT_FDCWD, link, times, AT_SYMLINK_NOFOLLOW)), 0);
    lstat(link, &told);
    CHECK("link, access", told.st_atim.tv_sec, -631152000);
    CHECK("link, modification", told.st_mtim.tv_sec, 1L << 40);
    CHECK("folder", RES(utimensat(AT_FDCWD, folder, times, 0)), 0);
    stat(folder, &told);
    CHECK("folder, modification", told.st_mtim.tv_sec, 1L << 40);
    CHECK("folder, part", told.st_mtim.tv_nsec, 6);
    unlink(link);
}

int main(void)
{
    long seconds[] = {0, -1, -631152000, 1L << 32, 18446744073, 18446744074, INT64_MAX / 2, INT64_MAX, INT64_MIN};
    char folder[] = "/dev/shm/times-XXXXXX", path[200];
    CHECK("a folder", mkdtemp(folder) != NULL, 1);
    snprintf(path, sizeof path, "%s/file", folder);
    int file = open(path, O_CREAT | O_RDWR, 0600);
    for (unsigned index = 0; index < sizeof seconds / sizeof *seconds; index++)
        check_both(file, "set", seconds[index], 999999999 - index);
    check_older_calls(path);
    check_omission(file);
    check_reading(file);
    check_others(folder);
    unlink(path);
    rmdir(folder);
    DONE();
}
