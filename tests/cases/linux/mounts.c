/* /proc, /dev, /dev/pts and /dev/shm are file systems of their own: in st_dev, statfs(2), statx(2), in what may be linked,
   renamed and removed, in where openat2(2) may lead, and in the lists of mounts. */
#include "case.h"
#include <linux/openat2.h>
#include <sys/sysmacros.h>
#undef statx
struct statx_answer { uint32_t mask, block_size; uint64_t attributes; uint32_t links, user, group; uint16_t mode, spare; uint64_t inode, size, blocks, attributes_mask; uint64_t times[8]; uint32_t special[2], device_major, device_minor; uint64_t mount; uint64_t rest[13]; };

static const char *const MOUNTS[] = {"/", "/proc", "/dev", "/dev/pts", "/dev/shm"};
static const unsigned long MAGIC[] = {0, 0x9fa0, 0x1021994, 0x1cd1, 0x1021994};
enum { COUNT = 5 };
#define MOUNT_ID 0x1000
#define MOUNT_ROOT 0x2000

static dev_t device_of(const char *path)
{
    struct stat about = {0};
    stat(path, &about);
    return about.st_dev;
}

static struct statx_answer extended(const char *path)
{
    struct statx_answer answer = {0};
    CHECK(path, RES(syscall(SYS_statx, AT_FDCWD, path, AT_SYMLINK_NOFOLLOW, 0x17ff, &answer)), 0);
    return answer;
}

static void devices(void)
{
    for (int i = 0; i < COUNT; i++)
        for (int j = 0; j < i; j++) CHECK("devices differ", device_of(MOUNTS[i]) != device_of(MOUNTS[j]), 1);
    CHECK("inside one device", device_of("/proc/self/fd"), device_of("/proc"));
    CHECK("a setting", device_of("/proc/sys/kernel/ostype"), device_of("/proc"));
    CHECK("null", device_of("/dev/null"), device_of("/dev"));
    CHECK("major 0", major(device_of("/proc")) + major(device_of("/dev/pts")), 0);
    for (int i = 1; i < COUNT; i++) {
        struct statfs about;
        struct statx_answer answer = extended(MOUNTS[i]);
        CHECK("statfs", RES(statfs(MOUNTS[i], &about)), 0);
        CHECK("f_type", about.f_type, MAGIC[i]);
        CHECK("name length", about.f_namelen, 255);
        CHECK("has room", about.f_blocks > 0, MAGIC[i] == 0x1021994);
        CHECK("free", about.f_bfree <= about.f_blocks && about.f_bavail <= about.f_bfree, 1);
        CHECK("flags", (about.f_flags & 0x20) != 0, 1);
        CHECK("mount", (answer.mask & MOUNT_ID) != 0 && answer.mount != 0, 1);
        CHECK("root of a mount", (answer.attributes & answer.attributes_mask & MOUNT_ROOT) != 0, 1);
        CHECK("device", answer.device_major == major(device_of(MOUNTS[i])) && answer.device_minor == minor(device_of(MOUNTS[i])), 1);
    }
    struct statx_answer inner = extended("/proc/self/task"), outer = extended("/proc"), root = extended("/");
    CHECK("not a root", inner.attributes & MOUNT_ROOT, 0);
    CHECK("told so", inner.attributes_mask & MOUNT_ROOT, MOUNT_ROOT);
    CHECK("the same mount", inner.mount, outer.mount);
    CHECK("another mount", root.mount != outer.mount, 1);
    CHECK("root of all", root.attributes & MOUNT_ROOT, MOUNT_ROOT);
}

static void names(void)
{
    struct stat above;
    struct stat root;
    char path[PATH_MAX];
    CHECK("link out", RES(link("/proc/version", "linked")), -EXDEV);
    CHECK("rename out", RES(rename("/dev/shm", "moved")), -EXDEV);
    close(open("here", O_CREAT | O_RDWR, 0644));
    CHECK("rename in", RES(rename("here", "/dev/shm/there")), -EXDEV);
    CHECK("link in", RES(link("here", "/dev/shm/there")), -EXDEV);
    CHECK("rmdir /proc", RES(rmdir("/proc")), -EBUSY);
    CHECK("rmdir /dev/pts", RES(rmdir("/dev/pts")), -EBUSY);
    CHECK("rmdir /dev/shm", RES(rmdir("/dev/shm")), -EBUSY);
    CHECK("rename /proc", RES(rename("/proc", "/proc2")), -EBUSY);
    CHECK("rename /dev/shm", RES(rename("/dev/shm", "/dev/shm2")), -EBUSY);
    mkdir("/dev/shm2", 0755);
    CHECK("rename over /dev/shm", RES(rename("/dev/shm2", "/dev/shm")), -EBUSY);
    CHECK("exchange with /dev/shm", RES(syscall(SYS_renameat2, AT_FDCWD, "/dev/shm2", AT_FDCWD, "/dev/shm", 2)), -EBUSY);
    rmdir("/dev/shm2");
    CHECK("unlink /proc", RES(unlink("/proc")), -EISDIR);
    CHECK("mkdir /proc", RES(mkdir("/proc", 0755)), -EEXIST);
    chdir("/dev/pts");
    CHECK("getcwd", strcmp(getcwd(path, sizeof path) ?: "", "/dev/pts"), 0);
    chdir("../..");
    CHECK("up two", strcmp(getcwd(path, sizeof path) ?: "", "/"), 0);
    stat("/proc/..", &above);
    stat("/", &root);
    CHECK("above /proc", above.st_dev == root.st_dev && above.st_ino == root.st_ino, 1);
    chdir("/proc/self/fd");
    CHECK("cwd in /proc", strncmp(getcwd(path, sizeof path) ?: "", "/proc/", 6), 0);
}

static long open_with(const char *path, uint64_t resolve)
{
    struct open_how how = {.flags = O_PATH, .resolve = resolve};
    return RES(syscall(SYS_openat2, AT_FDCWD, path, &how, sizeof how));
}

static void restricted(void)
{
    chdir("/");
    symlink("/proc", "/tmp/to-proc-of-case");
    CHECK("no crossing in one", open_with("/etc", RESOLVE_NO_XDEV) >= 0, 1);
    CHECK("down", open_with("/proc/version", RESOLVE_NO_XDEV), -EXDEV);
    CHECK("to the mount point", open_with("/proc", RESOLVE_NO_XDEV), -EXDEV);
    CHECK("by a link", open_with("/tmp/to-proc-of-case/version", RESOLVE_NO_XDEV), -EXDEV);
    chdir("/proc");
    CHECK("inside", open_with("self/status", RESOLVE_NO_XDEV) >= 0, 1);
    CHECK("up", open_with("..", RESOLVE_NO_XDEV), -EXDEV);
    CHECK("by a magic link", open_with("self/root", RESOLVE_NO_XDEV), -EXDEV);
    CHECK("into /dev", open_with("/dev/null", RESOLVE_NO_XDEV), -EXDEV);
    unlink("/tmp/to-proc-of-case");
}

/* The line of a mount in a list: the last one, which hides those before. */
static char *line_with(char *text, const char *word)
{
    char *found = NULL;
    for (char *next = strstr(text, word); next != NULL; next = strstr(next + 1, word)) found = next;
    while (found != NULL && found > text && found[-1] != '\n') found--;
    return found;
}

static void lists(void)
{
    static char text[1 << 16];
    int file = open("/proc/self/mountinfo", O_RDONLY);
    text[read(file, text, sizeof text - 1)] = 0;
    close(file);
    for (int i = 0; i < COUNT; i++) {
        char word[64], point[64], kind[64];
        unsigned id, parent, device_major, device_minor;
        snprintf(word, sizeof word, " / %s ", MOUNTS[i]);
        char *line = line_with(text, word);
        CHECK(MOUNTS[i], line != NULL, 1);
        if (line == NULL) continue;
        CHECK("fields", sscanf(line, "%u %u %u:%u / %63s", &id, &parent, &device_major, &device_minor, point), 5);
        CHECK("its device", makedev(device_major, device_minor), device_of(MOUNTS[i]));
        CHECK("its number", id, extended(MOUNTS[i]).mount);
        char *rest = strstr(line, " - ");
        CHECK("the rest", rest != NULL && rest < strchr(line, '\n'), 1);
    }
    file = open("/proc/mounts", O_RDONLY);
    text[read(file, text, sizeof text - 1)] = 0;
    close(file);
    CHECK("proc", strstr(text, " /proc proc rw") != NULL, 1);
    CHECK("devpts", strstr(text, " /dev/pts devpts rw") != NULL, 1);
    CHECK("shm", strstr(text, " /dev/shm tmpfs rw") != NULL, 1);
    file = open("/proc/self/mountstats", O_RDONLY);
    text[read(file, text, sizeof text - 1)] = 0;
    CHECK("mountstats", strstr(text, " mounted on /proc with fstype proc\n") != NULL, 1);
}

/* Inode numbers are unique inside a device. */
static void numbers(void)
{
    char path[64];
    struct stat one, other;
    pid_t child = fork();
    if (child == 0) for (;;) pause();
    snprintf(path, sizeof path, "/proc/%d/status", child);
    stat(path, &one);
    stat("/proc/self/status", &other);
    CHECK("of two processes", one.st_ino != other.st_ino, 1);
    snprintf(path, sizeof path, "/proc/%d/task/%d/status", getpid(), getpid());
    stat(path, &one);
    CHECK("of process and thread", one.st_ino != other.st_ino, 1);
    lstat("/proc/self/fd/0", &one);
    lstat("/proc/self/fd/1", &other);
    CHECK("of descriptors", one.st_ino != other.st_ino, 1);
    stat("/proc", &one);
    CHECK("of the root", one.st_ino, 1);
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
}

int main(void)
{
    close(open("/dev/shm/left-by-case", O_CREAT | O_RDWR, 0600));
    CHECK("in /dev/shm", RES(unlink("/dev/shm/left-by-case")), 0);
    devices();
    numbers();
    names();
    restricted();
    lists();
    DONE();
}
