/* The attributes of a pipe change as those of a file do, by either end and by /proc/self/fd; those of an eventfd and the like do not. */
#include "case.h"

static struct stat about;
static int ends[2];
static int mode(void) { fstat(ends[1], &about); return about.st_mode; }

static void check_refused(const char *name, int file)
{
    printf("%s:\n", name);
    CHECK("chmod", RES(fchmod(file, 0600)), -EOPNOTSUPP);
    CHECK("chown", RES(fchown(file, 1, 1)), -EOPNOTSUPP);
    CHECK("times", RES(futimens(file, NULL)), -EOPNOTSUPP);
}

int main(void)
{
    char name[32];
    pipe(ends);
    CHECK("chmod", RES(fchmod(ends[0], 06711)), 0);
    CHECK("mode at the other end", mode(), S_IFIFO | 06711);
    CHECK("chown", RES(fchown(ends[0], 7, 8)), 0);
    CHECK("takes the set-ids", mode(), S_IFIFO | 0711);
    CHECK("owner", about.st_uid, 7);
    CHECK("group", about.st_gid, 8);
    sprintf(name, "/proc/self/fd/%d", ends[1]);
    CHECK("chmod by name", RES(chmod(name, 0640)), 0);
    CHECK("mode", mode(), S_IFIFO | 0640);
    CHECK("chown by name", RES(chown(name, 9, -1)), 0);
    CHECK("owner", (mode(), about.st_uid), 9);
    struct timespec times[2] = {{5, 6}, {7, 8}};
    CHECK("times", RES(futimens(ends[0], times)), 0);
    CHECK("modified", (mode(), about.st_mtim.tv_sec), 7);
    CHECK("times by name", RES(utimensat(AT_FDCWD, name, NULL, 0)), 0);
    CHECK("modified now", (mode(), about.st_mtim.tv_sec > 1000), 1);
    IN_CHILD({
        become(1000);
        CHECK("chmod by another", RES(fchmod(ends[0], 0600)), -EPERM);
        CHECK("chown by another", RES(fchown(ends[0], 1000, -1)), -EPERM);
        CHECK("times by another", RES(futimens(ends[0], NULL)), -EACCES);
    });
    check_refused("eventfd", eventfd(0, 0));
    check_refused("epoll", epoll_create1(0));
    check_refused("timerfd", timerfd_create(CLOCK_MONOTONIC, 0));
    check_refused("inotify", inotify_init());
    check_refused("pidfd", syscall(SYS_pidfd_open, getpid(), 0));
    DONE();
}
