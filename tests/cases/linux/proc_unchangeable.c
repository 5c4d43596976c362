/* Nobody changes what /proc shows: names, owners, permissions, contents; the errors are those of procfs. A folder of a
   process that could be moved into another one was freed with that while the kernel still referred to it. */
#include "case.h"
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#define CREATES_NOTHING(folder) do { \
    CHECK("mkdir in " folder, RES(mkdir(folder "/new", 0755)), -ENOENT); \
    CHECK("open in " folder, RES(open(folder "/new", O_CREAT | O_RDWR, 0644)), -ENOENT); \
    CHECK("symlink in " folder, RES(symlink("x", folder "/new")), -ENOENT); \
    CHECK("mknod in " folder, RES(mknod(folder "/new", S_IFIFO | 0644, 0)), -ENOENT); \
    CHECK("rename in " folder, RES(rename("/proc/version", folder "/new")), -ENOENT); \
    CHECK("link in " folder, RES(link("/proc/version", folder "/new")), -ENOENT); } while (0)

static void nothing_is_made(void)
{
    CREATES_NOTHING("/proc");
    CREATES_NOTHING("/proc/self");
    CREATES_NOTHING("/proc/self/fd");
    CREATES_NOTHING("/proc/self/task");
    CREATES_NOTHING("/proc/sys");
    CREATES_NOTHING("/proc/sys/kernel");
    CHECK("what is there", RES(mkdir("/proc/version", 0755)), -EEXIST);
    CHECK("O_EXCL", RES(open("/proc/version", O_CREAT | O_EXCL | O_RDWR, 0644)), -EEXIST);
    CHECK("link over", RES(link("/etc", "/proc/version")), -EEXIST);
    CHECK("link out", RES(link("/proc/version", "/tmp/linked")), -EXDEV);
    CHECK("O_TMPFILE", RES(open("/proc", O_TMPFILE | O_RDWR, 0600)), -EOPNOTSUPP);
    CHECK("O_TMPFILE of a process", RES(open("/proc/self", O_TMPFILE | O_RDWR, 0600)), -EPERM);
}

static void nothing_is_removed(const char *process, const char *other)
{
    char inside[64];
    snprintf(inside, sizeof inside, "%s/other", other);
    CHECK("unlink a file", RES(unlink("/proc/version")), -EPERM);
    CHECK("unlink a link", RES(unlink("/proc/self")), -EPERM);
    CHECK("unlink a process", RES(unlink(process)), -EPERM);
    CHECK("rmdir a process", RES(rmdir(process)), -EPERM);
    CHECK("unlink of a process", RES(unlink("/proc/self/status")), -EPERM);
    CHECK("unlink a descriptor", RES(unlink("/proc/self/fd/0")), -EPERM);
    CHECK("rmdir fd", RES(rmdir("/proc/self/fd")), -EPERM);
    CHECK("rmdir sys", RES(rmdir("/proc/sys")), -EPERM);
    CHECK("rmdir below sys", RES(rmdir("/proc/sys/kernel")), -EACCES);
    CHECK("unlink a setting", RES(unlink("/proc/sys/kernel/hostname")), -EACCES);
    CHECK("nothing", RES(unlink("/proc/nothing")), -ENOENT);
    CHECK("rename a process into another", RES(rename(process, inside)), -ENOENT);
    CHECK("rename a process", RES(rename(process, "/proc/other")), -ENOENT);
    CHECK("rename a process out", RES(rename(process, "/tmp/other")), -EXDEV);
    CHECK("rename over", RES(rename("/proc/version", "/proc/uptime")), -EPERM);
    CHECK("rename within a process", RES(rename("/proc/self/status", "/proc/self/stat")), -EPERM);
    CHECK("exchange", RES(syscall(SYS_renameat2, AT_FDCWD, process, AT_FDCWD, other, 2)), -EPERM);
    CHECK("rename in", RES(rename("/tmp", "/proc/tmp")), -EXDEV);
}

static void no_attribute_changes(void)
{
    CHECK("chmod a process", RES(chmod("/proc/self", 0555)), -EPERM);
    CHECK("chown a process", RES(chown("/proc/self", 0, 0)), -EPERM);
    CHECK("chown to nothing", RES(chown("/proc/self", -1, -1)), 0);
    CHECK("times of a process", RES(utimensat(AT_FDCWD, "/proc/self", NULL, 0)), -EPERM);
    CHECK("chmod of a process", RES(chmod("/proc/self/status", 0444)), -EPERM);
    CHECK("chmod fd", RES(chmod("/proc/self/fd", 0777)), -EPERM);
    CHECK("chmod a setting", RES(chmod("/proc/sys/kernel/hostname", 0666)), -EPERM);
    CHECK("chmod sys", RES(chmod("/proc/sys", 0777)), -EPERM);
    CHECK("setxattr", RES(setxattr("/proc/version", "user.x", "1", 1, 0)), -EOPNOTSUPP);
    CHECK("setxattr of a process", RES(setxattr("/proc/self", "user.x", "1", 1, 0)), -EPERM);
    CHECK("getxattr", RES(getxattr("/proc/version", "user.x", NULL, 0)), -EOPNOTSUPP);
    CHECK("listxattr", RES(listxattr("/proc/version", NULL, 0)), 0);
    CHECK("truncate", RES(truncate("/proc/version", 0)), 0);
    CHECK("write", RES(write(open("/proc/version", O_WRONLY), "x", 1)), -EIO);
    CHECK("write of a process", RES(write(open("/proc/self/status", O_WRONLY), "x", 1)), -EINVAL);
    CHECK("fallocate", RES(fallocate(open("/proc/self/comm", O_RDWR), 0, 0, 10)), -EOPNOTSUPP);
    CHECK("O_DIRECT", RES(open("/proc/self/maps", O_RDONLY | O_DIRECT)), -EINVAL);
    CHECK("a setting that is fixed", RES(open("/proc/sys/kernel/ostype", O_WRONLY)), -EACCES);
    CHECK("access to it", RES(access("/proc/sys/kernel/ostype", W_OK)), -EACCES);
}

static int entries_left(void)
{
    int count = 0;
    for (int i = 0; i < 200; i++) {
        char path[64];
        struct stat about;
        snprintf(path, sizeof path, "made/%d/inner", i);
        count += stat(path, &about) == 0;
    }
    return count;
}

int main(void)
{
    char one[64], another[64];
    pid_t first = fork();
    if (first == 0) for (;;) pause();
    pid_t second = fork();
    if (second == 0) for (;;) pause();
    snprintf(one, sizeof one, "/proc/%d", first);
    snprintf(another, sizeof another, "/proc/%d", second);
    nothing_is_made();
    nothing_is_removed(one, another);
    no_attribute_changes();
    kill(second, SIGKILL);
    waitpid(second, NULL, 0);
    mkdir("made", 0755);
    for (int i = 0; i < 200; i++) {
        char path[64];
        snprintf(path, sizeof path, "made/%d", i);
        mkdir(path, 0755);
        strcat(path, "/inner");
        close(open(path, O_CREAT | O_WRONLY, 0644));
    }
    CHECK("before", entries_left(), 200);
    kill(first, SIGKILL);
    waitpid(first, NULL, 0);
    CHECK("after", entries_left(), 200);
    CHECK("gone", access(one, F_OK), -1);
    DONE();
}
