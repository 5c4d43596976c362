/* Files without names, holes, seals, restricted paths, exchanged names: prints the same on tmpfs and in a container. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>
#include <utime.h>

static void say(const char *what, long value) {
    printf("%s %ld\n", what, value < 0 ? -(long)errno : value);
    fflush(stdout);
}

static int opened(const char *what, int fd) {
    say(what, fd < 0 ? fd : 0);
    return fd;
}

static void about(const char *what, const char *path) {
    struct stat info;
    if (stat(path, &info) < 0)
        say(what, -1);
    else
        printf("%s mode %o links %d size %ld blocks %ld\n", what, info.st_mode, (int)info.st_nlink,
               S_ISREG(info.st_mode) ? (long)info.st_size : 0L, S_ISREG(info.st_mode) ? (long)info.st_blocks : 0L);
}

static void link_text(const char *what, int fd) {
    char path[40], text[100];
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(path, text, sizeof text - 1);
    text[length < 0 ? 0 : length] = 0;
    printf("%s %s\n", what, text);
}

static void nameless(void) {
    opened("only read", open(".", O_TMPFILE | O_RDONLY, 0600)); opened("no folder", open("plain", O_TMPFILE | O_RDWR, 0600));
    opened("with create", open(".", O_TMPFILE | O_RDWR | O_CREAT, 0600));
    int fd = opened("nameless", open(".", O_TMPFILE | O_RDWR, 0666)), alone = open(".", O_TMPFILE | O_RDWR | O_EXCL, 0600);
    struct stat info;
    char path[40];
    fstat(fd, &info);
    printf("mode %o links %d\n", info.st_mode, (int)info.st_nlink);
    write(fd, "found", 5);
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    say("link", linkat(AT_FDCWD, path, AT_FDCWD, "named", AT_SYMLINK_FOLLOW));
    about("named", "named");
    say("exclusive", linkat(alone, "", AT_FDCWD, "exclusive", AT_EMPTY_PATH));
    say("once more", linkat(fd, "", AT_FDCWD, "again", AT_EMPTY_PATH));
    say("unlink", unlink("named")); say("unlink", unlink("again"));
    say("deleted", linkat(fd, "", AT_FDCWD, "again", AT_EMPTY_PATH));
    about("by descriptor", path);
    close(fd); close(alone);
}

static void map_of(const char *what, int fd) {
    struct stat info;
    fstat(fd, &info);
    printf("%s size %ld blocks %ld:", what, (long)info.st_size, (long)info.st_blocks);
    for (off_t at = 0; at < info.st_size;) {
        off_t data = lseek(fd, at, SEEK_DATA);
        if (data < 0) break;
        off_t hole = lseek(fd, data, SEEK_HOLE);
        printf(" %ld-%ld", (long)data, (long)hole);
        at = hole;
    }
    printf("\n");
}

static void holes(void) {
    int fd = open("holes", O_RDWR | O_CREAT, 0600), reader = open("holes", O_RDONLY), ends[2];
    char page[4096], text[10] = "";
    pipe(ends);
    memset(page, 'x', sizeof page);
    for (int i = 2; i < 5; i++) pwrite(fd, page, 4096, i * 4096);
    pwrite(fd, "y", 1, 4096 * 2000 + 10);
    map_of("written", fd);
    say("data", lseek(fd, 0, SEEK_DATA)); say("inside", lseek(fd, 9000, SEEK_DATA)); say("hole", lseek(fd, 9000, SEEK_HOLE));
    say("in hole", lseek(fd, 100, SEEK_HOLE)); say("at end", lseek(fd, 4096 * 2000 + 11, SEEK_HOLE)); say("negative", lseek(fd, -1, SEEK_DATA));
    say("punch", fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 3 * 4096, 4096));
    map_of("punched", fd);
    say("parts", fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 2 * 4096 + 100, 2 * 4096 + 100));
    map_of("edges", fd);
    pread(fd, text, 3, 2 * 4096 + 98); say("before", text[1] == 'x'); say("zero", text[2]);
    pread(fd, text, 3, 4 * 4096 + 199); say("zero", text[0]); say("after", text[1] == 'x');
    char *shown = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 2 * 4096);
    say("mapped", shown[0] == 'x');
    say("punch mapped", fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 2 * 4096, 4096)); say("shows", shown[0]);
    munmap(shown, 4096);
    say("far", fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 4096 * 5000, 4096));
    int room = open("room", O_RDWR | O_CREAT, 0600);
    say("room", fallocate(room, 0, 100, 10000)); about("room", "room");
    say("kept", fallocate(room, FALLOC_FL_KEEP_SIZE, 0, 30000)); say("size", lseek(room, 0, SEEK_END));
    pread(room, text, 5, 0); say("zero", text[0]);
    say("cut", ftruncate(room, 10)); about("cut", "room");
    say("mode", fallocate(fd, FALLOC_FL_PUNCH_HOLE, 0, 1)); say("zero range", fallocate(fd, FALLOC_FL_ZERO_RANGE, 0, 1));
    say("collapse", fallocate(fd, FALLOC_FL_COLLAPSE_RANGE, 0, 4096)); say("unknown", fallocate(fd, 0x4000, 0, 1));
    say("nothing", fallocate(fd, 0, 0, 0)); say("negative", fallocate(fd, 0, -1, 1)); say("reader", fallocate(reader, 0, 0, 1));
    say("pipe", fallocate(ends[1], 0, 0, 1)); say("nobody", fallocate(99, 0, 0, 1)); say("posix", posix_fallocate(fd, 0, 1));
    int folder = open(".", O_RDONLY), null = open("/dev/null", O_RDWR);
    say("folder", fallocate(folder, 0, 0, 1)); say("null", fallocate(null, 0, 0, 1)); say("null", lseek(null, 5, SEEK_DATA));
    say("range", sync_file_range(fd, 0, 100, 7)); say("flags", sync_file_range(fd, 0, 100, 8)); say("pipe", sync_file_range(ends[0], 0, 1, 0));
    say("negative", sync_file_range(fd, -1, 1, 0)); say("ahead", readahead(fd, 0, 100)); say("pipe", readahead(ends[0], 0, 1));
    int writer = open("room", O_WRONLY);
    say("writer", readahead(writer, 0, 1)); say("syncfs", syncfs(fd)); say("fsync", fsync(folder)); say("fsync pipe", fsync(ends[0]));
    say("copy", copy_file_range(fd, NULL, room, NULL, 100, 0));
    close(fd); close(reader); close(room); close(folder); close(null); close(writer); close(ends[0]); close(ends[1]);
}

static int exchange(const char *one, const char *other, int flags) {
    return syscall(SYS_renameat2, AT_FDCWD, one, AT_FDCWD, other, flags);
}

static void names(void) {
    mkdir("one", 0700); mkdir("two", 0700); mkdir("two/inner", 0700);
    close(open("one/file", O_CREAT | O_WRONLY, 0600)); symlink("one/file", "link");
    say("exchange", exchange("one/file", "two/inner", 2));
    about("file is folder", "one/file"); about("inner is file", "two/inner"); about("one", "one"); about("two", "two");
    say("up", chdir("one/file/..")); about("here", "file"); chdir("..");
    say("link", exchange("link", "two/inner", 2)); about("link", "link"); about("inner", "two/inner");
    say("itself", exchange("one", "one", 2)); say("inside", exchange("one", "one/file", 2)); say("outside", exchange("one/file", "one", 2));
    say("missing", exchange("one", "none", 2)); say("missing", exchange("none", "one", 2)); say("dots", exchange("one/.", "two", 2));
    say("slash", exchange("link/", "two", 2)); say("both", exchange("one", "two", 3)); say("unknown", exchange("one", "two", 8));
    say("no replace", exchange("one", "two", 1)); say("no replace", exchange("link", "free", 1));
    say("swap folders", exchange("one", "two", 2)); about("one", "one"); about("two/file", "two/file");
}

static int opened_at(int folder, const char *path, unsigned long flags, unsigned long resolve) {
    struct open_how how = {flags, flags & O_CREAT ? 0600 : 0, resolve};
    int fd = syscall(SYS_openat2, folder, path, &how, sizeof how);
    if (fd >= 0) close(fd);
    return fd < 0 ? fd : 0;
}

static void restricted(void) {
    mkdir("cage", 0700); mkdir("cage/deep", 0700);
    close(open("cage/file", O_CREAT | O_WRONLY, 0600));
    symlink("file", "cage/near"); symlink("../plain", "cage/out"); symlink("/file", "cage/root"); symlink("deep/../file", "cage/round");
    int folder = open("cage", O_RDONLY);
    const char *paths[] = {"file", "near", "out", "root", "round", "deep/../file", "../cage/file", "deep/../../cage/file", "/file", "/",
                           "..", ".", "/proc/self/fd/0", "none", ""};
    unsigned long rules[] = {0, 2, 4, 8, 16};
    for (int i = 0; i < sizeof paths / sizeof *paths; i++)
        for (int j = 0; j < sizeof rules / sizeof *rules; j++) {
            char what[60];
            snprintf(what, sizeof what, "%s by %ld", paths[i], rules[j]);
            if (strcmp(paths[i], "/file") == 0 && rules[j] == 0) continue;
            say(what, opened_at(folder, paths[i], O_RDONLY, rules[j]));
        }
    say("create", opened_at(folder, "/made", O_CREAT | O_RDWR, 16)); about("made", "cage/made");
    say("both", opened_at(folder, "file", O_RDONLY, 24)); say("unknown", opened_at(folder, "file", O_RDONLY, 64));
    say("flags", opened_at(folder, "file", 1UL << 40, 0)); say("path", opened_at(folder, "file", O_PATH | O_RDWR, 0));
    struct { struct open_how how; long more; } longer = {{O_RDONLY, 0, 0}, 0};
    say("short", syscall(SYS_openat2, folder, "file", &longer, 16));
    say("longer", close(syscall(SYS_openat2, folder, "file", &longer, sizeof longer)));
    longer.more = 1; say("newer", syscall(SYS_openat2, folder, "file", &longer, sizeof longer));
    longer.how.mode = 0600; say("mode", syscall(SYS_openat2, folder, "file", &longer, 24));
    close(folder);
}

static void sealed(void) {
    int plain = opened("memory", memfd_create("plain name", MFD_CLOEXEC)), fd = opened("sealable", memfd_create("x", MFD_ALLOW_SEALING));
    link_text("name", plain);
    struct stat info;
    fstat(plain, &info);
    printf("mode %o links %d flags %d\n", info.st_mode, (int)info.st_nlink, fcntl(plain, F_GETFD));
    char path[300];
    memset(path, 'n', 250); path[250] = 0;
    say("too long", memfd_create(path, 0)); say("flag", memfd_create("x", 0x400)); path[249] = 0; say("just", close(memfd_create(path, 0)));
    int named = open("plain", O_RDWR); say("seals", fcntl(named, F_GET_SEALS)); say("add", fcntl(named, F_ADD_SEALS, 2)); close(named);
    say("seals", fcntl(plain, F_GET_SEALS)); say("add", fcntl(plain, F_ADD_SEALS, F_SEAL_GROW));
    say("seals", fcntl(fd, F_GET_SEALS)); write(fd, "hello", 5);
    say("grow", fcntl(fd, F_ADD_SEALS, F_SEAL_GROW)); say("longer", write(fd, "more", 4)); say("same", pwrite(fd, "HELLO", 5, 0));
    say("extend", ftruncate(fd, 100)); say("room", fallocate(fd, 0, 0, 100)); say("cut", ftruncate(fd, 4));
    say("shrink", fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK)); say("cut", ftruncate(fd, 3));
    char *shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    say("busy", fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE)); munmap(shared, 4096);
    say("write", fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE)); say("refused", pwrite(fd, "a", 1, 0));
    say("punch", fallocate(fd, 3, 0, 4096)); say("map", mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) == MAP_FAILED ? -1 : 0);
    say("private", mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0) == MAP_FAILED ? -1 : 0);
    say("read only", mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0) == MAP_FAILED ? -1 : 0);
    say("unknown", fcntl(fd, F_ADD_SEALS, 0x400)); say("seal", fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL)); say("more", fcntl(fd, F_ADD_SEALS, F_SEAL_GROW));
    say("all", fcntl(fd, F_GET_SEALS));
    int ends[2];
    pipe(ends);
    say("of pipe", fcntl(ends[0], F_GET_SEALS)); say("of pipe", fcntl(ends[0], F_ADD_SEALS, 0)); say("of pipe", fcntl(ends[1], F_ADD_SEALS, 1));
    snprintf(path, sizeof path, "/proc/self/fd/%d", plain);
    int again = opened("again", open(path, O_RDONLY)); say("reader", fcntl(again, F_ADD_SEALS, 1));
    say("link", linkat(AT_FDCWD, path, AT_FDCWD, "memory", AT_SYMLINK_FOLLOW));
    close(again); close(plain); close(fd); close(ends[0]); close(ends[1]);
}

static void by_links(void) {
    int ends[2];
    char path[40];
    struct stat one, other;
    pipe(ends);
    snprintf(path, sizeof path, "/proc/self/fd/%d", ends[1]);
    say("pipe by link", stat(path, &one)); fstat(ends[0], &other);
    say("same", one.st_ino == other.st_ino && S_ISFIFO(one.st_mode)); say("link", lstat(path, &one)); say("is link", S_ISLNK(one.st_mode));
    say("writable", access(path, W_OK));
    close(ends[0]); close(ends[1]);
    say("closed", stat(path, &one));
    int fd = open("deleted", O_RDWR | O_CREAT, 0600);
    write(fd, "abc", 3); unlink("deleted");
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    about("deleted", path);
    close(opened("again", open(path, O_RDONLY)));
    say("cut", truncate(path, 1)); about("cut", path);
    close(fd);
}

static void times_of(const char *what, const char *path) {
    struct stat info;
    lstat(path, &info);
    printf("%s %ld.%09ld %ld.%09ld\n", what, info.st_atim.tv_sec, info.st_atim.tv_nsec, info.st_mtim.tv_sec, info.st_mtim.tv_nsec);
}

static void times(void) {
    struct utimbuf whole = {1000, 2000};
    struct timeval fine[2] = {{3000, 5}, {4000, 999999}}, bad[2] = {{0, 1000000}, {0, 0}};
    struct timespec exact[2] = {{5, 6}, {7, UTIME_OMIT}}, wrong[2] = {{0, 1000000000}, {0, 0}}, none[2] = {{0, UTIME_OMIT}, {0, UTIME_OMIT}};
    say("utime", syscall(SYS_utime, "plain", &whole)); times_of("utime", "plain");
    say("utimes", syscall(SYS_utimes, "plain", fine)); times_of("utimes", "plain");
    say("wrong", syscall(SYS_utimes, "plain", bad)); say("wrong", syscall(SYS_utimes, "none", bad));
    int fd = open("plain", O_RDWR), folder = open(".", O_RDONLY);
    say("futimesat", syscall(SYS_futimesat, folder, "plain", fine)); say("descriptor", syscall(SYS_futimesat, fd, NULL, fine));
    say("nowhere", syscall(SYS_futimesat, AT_FDCWD, NULL, fine)); say("nowhere", syscall(SYS_utimensat, AT_FDCWD, NULL, exact, 0));
    say("exact", utimensat(AT_FDCWD, "plain", exact, 0)); times_of("exact", "plain"); say("flags", syscall(SYS_utimensat, fd, NULL, exact, AT_SYMLINK_NOFOLLOW));
    say("wrong", utimensat(AT_FDCWD, "plain", wrong, 0)); say("missing", utimensat(AT_FDCWD, "none", wrong, 0));
    say("omitted", utimensat(AT_FDCWD, "none", none, 0)); say("address", syscall(SYS_utime, "plain", 8)); say("now", syscall(SYS_utime, "plain", NULL));
    close(fd); close(folder);
}

static void vectors(void) {
    int fd = open("vectors", O_RDWR | O_CREAT, 0600), ends[2], end = open("vectors", O_RDWR | O_APPEND);
    char one[4], two[6];
    struct iovec out[2] = {{"abc", 3}, {"defgh", 5}}, in[2] = {{one, 4}, {two, 6}};
    pipe(ends);
    say("pwritev", pwritev(fd, out, 2, 2)); say("preadv", preadv(fd, in, 2, 1)); printf("%d %.3s %.4s\n", one[0], one + 1, two);
    say("position", lseek(fd, 0, SEEK_CUR)); say("negative", preadv(fd, in, 2, -1)); say("pipe", preadv(ends[0], in, 2, 0)); say("pipe", pwritev(ends[1], out, 2, 0));
    say("current", preadv2(fd, in, 2, -1, 0)); say("position", lseek(fd, 0, SEEK_CUR)); say("end", preadv2(fd, in, 2, 100, 0));
    say("flags", preadv2(fd, in, 2, 0, 0x10000)); say("append", pwritev2(fd, out, 1, 0, RWF_APPEND)); say("size", lseek(fd, 0, SEEK_END));
    say("no wait", preadv2(ends[0], in, 1, -1, RWF_NOWAIT)); say("to pipe", pwritev2(ends[1], out, 2, -1, 0)); say("from pipe", preadv2(ends[0], in, 2, -1, 0));
    say("appended", pwritev(end, out, 1, 0)); say("size", lseek(fd, 0, SEEK_END));
    say("count", preadv(fd, in, 2000, 0)); say("nobody", preadv(99, in, 1, 0)); say("wrong end", writev(ends[0], out, 1));
    close(fd); close(end); close(ends[0]); close(ends[1]);
}

int main(void) {
    char folder[] = "/dev/shm/filesXXXXXX";
    if (mkdtemp(folder) == NULL || chdir(folder) < 0)
        return 1;
    umask(022);
    close(open("plain", O_CREAT | O_WRONLY, 0644));
    nameless();
    holes();
    names();
    restricted();
    sealed();
    by_links();
    times();
    vectors();
    say("unshare", syscall(SYS_close_range, 50, 60, 2)); say("unknown", syscall(SYS_close_range, 50, 60, 8));
    return system("rm -r $PWD") != 0;
}
