/* The files of /proc/PID: each is there, says what is so, and takes what Linux takes. */
#include "case.h"
#include <sys/file.h>
#include <sys/sysmacros.h>

static char text[1 << 16];

static long take(const char *path)
{
    int file = open(path, O_RDONLY);
    if (file < 0) return text[0] = 0, -errno;
    long length = 0, got;
    while ((got = read(file, text + length, sizeof text - 1 - length)) > 0) length += got;
    text[length] = 0;
    close(file);
    return got < 0 ? -errno : length;
}

static long give(const char *path, const char *value)
{
    int file = open(path, O_WRONLY);
    if (file < 0) return -errno;
    long result = RES(write(file, value, strlen(value)));
    close(file);
    return result;
}

static int says(const char *path, const char *right)
{
    take(path);
    if (strcmp(text, right) != 0) printf("'%s', right '%s'\n", text, right);
    return strcmp(text, right) == 0;
}

static const char *name_of(pid_t process, const char *file)
{
    static char path[64];
    snprintf(path, sizeof path, "/proc/%d/%s", process, file);
    return path;
}

static void settings(void)
{
    CHECK("coredump_filter", says("/proc/self/coredump_filter", "00000033\n"), 1);
    CHECK("write it", give("/proc/self/coredump_filter", "0x31\n"), 5);
    CHECK("written", says("/proc/self/coredump_filter", "00000031\n"), 1);
    CHECK("in decimal", give("/proc/self/coredump_filter", "51"), 2);
    CHECK("no number", give("/proc/self/coredump_filter", "x"), -EINVAL);
    IN_CHILD(CHECK("inherited", says("/proc/self/coredump_filter", "00000033\n"), 1));
    CHECK("timerslack_ns", says("/proc/self/timerslack_ns", "50000\n"), 1);
    CHECK("write it", give("/proc/self/timerslack_ns", "70000"), 5);
    CHECK("prctl", prctl(PR_GET_TIMERSLACK), 70000);
    CHECK("the default", give("/proc/self/timerslack_ns", "0"), 1);
    CHECK("is back", says("/proc/self/timerslack_ns", "50000\n"), 1);
    CHECK("setgroups", says("/proc/self/setgroups", "allow\n"), 1);
    CHECK("uid_map", says("/proc/self/uid_map", "         0          0 4294967295\n"), 1);
    CHECK("gid_map", says("/proc/self/gid_map", "         0          0 4294967295\n"), 1);
    CHECK("write uid_map", give("/proc/self/uid_map", "0 0 1"), -EPERM);
    CHECK("cpuset", take("/proc/self/cpuset") > 0, 1);
    CHECK("sessionid", says("/proc/self/sessionid", "4294967295"), 1);
    CHECK("clear_refs", give("/proc/self/clear_refs", "1"), 1);
    CHECK("clear_refs 0", give("/proc/self/clear_refs", "0"), -EINVAL);
    CHECK("clear_refs 6", give("/proc/self/clear_refs", "6"), -EINVAL);
    CHECK("comm", give("/proc/self/comm", "abcdefghijklmnopqrs"), 19);
    CHECK("cut", says("/proc/self/comm", "abcdefghijklmno\n"), 1);
    CHECK("personality", says("/proc/self/personality", "00000000\n"), 1);
    CHECK("stack by read", take("/proc/self/oom_score") > 0, 1);
}

static void out_of_memory(void)
{
    CHECK("oom_score_adj", says("/proc/self/oom_score_adj", "0\n"), 1);
    CHECK("more", give("/proc/self/oom_score_adj", "500"), 3);
    CHECK("told", says("/proc/self/oom_score_adj", "500\n"), 1);
    CHECK("as before", says("/proc/self/oom_adj", "8\n"), 1);
    long more = (take("/proc/self/oom_score"), atol(text));
    CHECK("the highest", give("/proc/self/oom_adj", "15"), 2);
    CHECK("is 1000", says("/proc/self/oom_score_adj", "1000\n"), 1);
    CHECK("score grows", (take("/proc/self/oom_score"), atol(text)) > more, 1);
    CHECK("too high", give("/proc/self/oom_score_adj", "1001"), -EINVAL);
    CHECK("too low", give("/proc/self/oom_score_adj", "-1001"), -EINVAL);
    if (prctl(PR_CAPBSET_READ, 24) == 1) {
        CHECK("never", give("/proc/self/oom_score_adj", "-1000\n"), 6);
        CHECK("never has no score", says("/proc/self/oom_score", "0\n"), 1);
        CHECK("as before", says("/proc/self/oom_adj", "-17\n"), 1);
        IN_CHILD(CHECK("inherited", says("/proc/self/oom_score_adj", "-1000\n"), 1));
    }
    CHECK("back", give("/proc/self/oom_score_adj", "0"), 1);
    IN_CHILD(
        become(1000);
        prctl(PR_SET_DUMPABLE, 1);
        CHECK("a user: more", give("/proc/self/oom_score_adj", "100"), 3);
        CHECK("a user: less", give("/proc/self/oom_score_adj", "50"), 2);
        CHECK("a user: less than the superuser set", give("/proc/self/oom_score_adj", "-1"), -EACCES));
}

static void descriptors(void)
{
    char path[64];
    struct stat about;
    int file = open("/tmp", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    fstat(file, &about);
    snprintf(path, sizeof path, "/proc/self/fdinfo/%d", file);
    take(path);
    unsigned flags = 0;
    unsigned long number = 0, mount = 0;
    CHECK("fields", sscanf(text, "pos:\t0\nflags:\t%o\nmnt_id:\t%lu\nino:\t%lu\n", &flags, &mount, &number), 3);
    CHECK("flags", flags, O_CLOEXEC | O_DIRECTORY | 0100000);
    CHECK("ino", number, about.st_ino);
    file = open("locked", O_CREAT | O_RDWR, 0600);
    struct flock lock = {F_WRLCK, SEEK_SET, 5, 10};
    fcntl(file, F_SETLK, &lock);
    flock(file, LOCK_EX);
    write(file, "seven b", 7);
    snprintf(path, sizeof path, "/proc/self/fdinfo/%d", file);
    take(path);
    CHECK("pos", strncmp(text, "pos:\t7\n", 7), 0);
    CHECK("two locks", strstr(text, "lock:\t1: ") != NULL && strstr(text, "lock:\t2: ") != NULL, 1);
    CHECK("one of them", strstr(text, ": POSIX  ADVISORY  WRITE ") != NULL, 1);
    CHECK("its range", strstr(text, " 5 14\n") != NULL, 1);
    CHECK("the other", strstr(text, ": FLOCK  ADVISORY  WRITE ") != NULL, 1);
    int counter = eventfd(5, 0), epoll = epoll_create1(0);
    struct epoll_event event = {EPOLLIN, {.u64 = 0x1234}};
    epoll_ctl(epoll, EPOLL_CTL_ADD, counter, &event);
    snprintf(path, sizeof path, "/proc/self/fdinfo/%d", counter);
    take(path);
    CHECK("eventfd", strstr(text, "\neventfd-count:                5\n") != NULL, 1);
    snprintf(path, sizeof path, "/proc/self/fdinfo/%d", epoll);
    take(path);
    char line[128];
    snprintf(line, sizeof line, "\ntfd: %8d events:       19 data:             1234  pos:0 ino:", counter);
    CHECK("epoll", strstr(text, line) != NULL, 1);
    for (int i = 0; i < 40; i++) epoll_ctl(epoll, EPOLL_CTL_ADD, dup(counter), &event);
    take(path);
    int told = 0;
    for (char *at = text; (at = strstr(at, "\ntfd: ")) != NULL; at++) told++;
    CHECK("each of many", told, 41);
    int queue = inotify_init();
    inotify_add_watch(queue, "/", IN_MODIFY | IN_ONESHOT);
    int last = inotify_add_watch(queue, "/proc", IN_OPEN | IN_EXCL_UNLINK);
    snprintf(path, sizeof path, "/proc/self/fdinfo/%d", queue);
    take(path);
    CHECK("inotify", strstr(text, "\ninotify wd:1 ino:") != NULL && strstr(text, " mask:80000002 ignored_mask:0") != NULL, 1);
    snprintf(line, sizeof line, "\ninotify wd:%d ino:", last);
    CHECK("its other watch", strstr(text, line) != NULL && strstr(text, " mask:4000020 ignored_mask:0") != NULL, 1);
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    snprintf(path, sizeof path, "/proc/self/fdinfo/%d", signalfd(-1, &set, 0));
    take(path);
    CHECK("signalfd", strstr(text, "\nsigmask:\t0000000000000200\n") != NULL, 1);
    int timer = timerfd_create(CLOCK_MONOTONIC, 0);
    timerfd_settime(timer, 0, &(struct itimerspec){{1, 5}, {100, 0}}, NULL);
    snprintf(path, sizeof path, "/proc/self/fdinfo/%d", timer);
    take(path);
    CHECK("timerfd", strstr(text, "\nclockid: 1\nticks: 0\n") != NULL && strstr(text, "\nit_interval: (1, 5)\n") != NULL, 1);
    snprintf(path, sizeof path, "/proc/self/fdinfo/%ld", syscall(SYS_pidfd_open, getpid(), 0));
    take(path);
    snprintf(line, sizeof line, "\nPid:\t%d\n", getpid());
    CHECK("pidfd", strstr(text, line) != NULL, 1);
    CHECK("none", RES(open("/proc/self/fdinfo/900", O_RDONLY)), -ENOENT);
    CHECK("a thread's", access("/proc/thread-self/fdinfo/0", F_OK), 0);
    static const struct { int flags; unsigned mode; } MODES[] = {{O_RDONLY, 0500}, {O_WRONLY, 0300}, {O_RDWR, 0700}, {O_PATH, 0}};
    for (int i = 0; i < 4; i++) {
        snprintf(path, sizeof path, "/proc/self/fd/%d", open("locked", MODES[i].flags));
        lstat(path, &about);
        CHECK("permissions of a link", about.st_mode, S_IFLNK | MODES[i].mode);
        CHECK("length of a link", about.st_size, 64);
    }
}

static volatile long watched = 5;

static void memory(void)
{
    long value = 0, six = 6;
    int file = open("/proc/self/mem", O_RDWR);
    CHECK("read mem", RES(pread(file, &value, sizeof value, (off_t)&watched)), sizeof value);
    CHECK("value", value, 5);
    CHECK("write mem", RES(pwrite(file, &six, sizeof six, (off_t)&watched)), sizeof six);
    CHECK("value", watched, 6);
    CHECK("unmapped", RES(pread(file, &value, 8, 16)), -EIO);
    char *area = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), buffer[8192];
    munmap(area + 4096, 4096);
    CHECK("up to a hole", RES(pread(file, buffer, 8192, (off_t)area)), 4096);
    pid_t child = fork();
    if (child == 0) { watched = 77; for (;;) pause(); }
    usleep(50000);
    int other = open(name_of(child, "mem"), O_RDWR);
    CHECK("of a child", RES(pread(other, &value, sizeof value, (off_t)&watched)), sizeof value);
    CHECK("its value", value, 77);
    CHECK("written there", RES(pwrite(other, &six, sizeof six, (off_t)&watched)), sizeof six);
    pread(other, &value, sizeof value, (off_t)&watched);
    CHECK("is there", value, 6);
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    CHECK("after its end", RES(pread(other, &value, sizeof value, (off_t)&watched)), 0);
    uint64_t entry[2] = {0};
    file = open("/proc/self/pagemap", O_RDONLY);
    area[0] = 1;
    CHECK("pagemap", RES(pread(file, entry, 16, (off_t)((uintptr_t)area / 4096 * 8))), 16);
    CHECK("present", entry[0] >> 63, 1);
    CHECK("absent", entry[1] >> 63, 0);
    CHECK("parts", RES(pread(file, entry, 7, 0)), -EINVAL);
    char links[256];
    CHECK("map_files", take("/proc/self/maps") > 0, 1);
    char *line = text;
    unsigned long start, end;
    while (strchr(line, '/') > strchr(line, '\n')) line = strchr(line, '\n') + 1;
    sscanf(line, "%lx-%lx", &start, &end);
    snprintf(links, sizeof links, "/proc/self/map_files/%lx-%lx", start, end);
    char target[PATH_MAX] = "", program[PATH_MAX] = "";
    CHECK("a mapping", RES(readlink(links, target, sizeof target - 1)) > 0, 1);
    readlink("/proc/self/exe", program, sizeof program - 1);
    CHECK("is the program", strcmp(target, program), 0);
    CHECK("can be opened", open(links, O_RDONLY) >= 0, 1);
    CHECK("no mapping", RES(readlink("/proc/self/map_files/1000-2000", target, sizeof target)), -ENOENT);
}

static void numbers(void)
{
    char before[32];
    int file = open("/dev/zero", O_RDWR);
    take("/proc/self/io");
    long read_before = atol(strstr(text, "rchar: ") + 7), calls_before = atol(strstr(text, "syscw: ") + 7);
    for (int i = 0; i < 10; i++) { read(file, text, 100); write(file, text, 50); }
    take("/proc/self/io");
    CHECK("rchar", atol(strstr(text, "rchar: ") + 7) >= read_before + 1000, 1);
    CHECK("syscw", atol(strstr(text, "syscw: ") + 7), calls_before + 10);
    CHECK("all lines", strstr(text, "\ncancelled_write_bytes: 0\n") != NULL, 1);
    unsigned long run, waited, switches;
    CHECK("schedstat", (take("/proc/self/schedstat"), sscanf(text, "%lu %lu %lu\n", &run, &waited, &switches)), 3);
    CHECK("it has run", run > 0, 1);
    CHECK("sched", (take("/proc/self/sched"), strstr(text, ", #threads: 1)\n---") != NULL), 1);
    CHECK("timens_offsets", take("/proc/self/timens_offsets") > 0, 1);
    pid_t child = fork();
    if (child == 0) for (;;) syscall(SYS_nanosleep, &(struct timespec){1000, 0}, NULL);
    usleep(50000);
    take(name_of(child, "syscall"));
    CHECK("syscall", strncmp(text, "35 0x", 5), 0);
    snprintf(before, sizeof before, "%d ", child);
    char children[64];
    snprintf(children, sizeof children, "/proc/self/task/%d/children", getpid());
    CHECK("children", says(children, before), 1);
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    CHECK("no children", says(children, ""), 1);
    timer_t timer;
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1};
    timer_create(CLOCK_MONOTONIC, &event, &timer);
    take("/proc/self/timers");
    CHECK("timers", strncmp(text, "ID: 0\nsignal: 10/", 17), 0);
    char pid[64];
    snprintf(pid, sizeof pid, "\nnotify: signal/pid.%d\nClockID: 1\n", getpid());
    CHECK("whom", strstr(text, pid) != NULL, 1);
    timer_delete(timer);
    CHECK("numa_maps", take("/proc/self/numa_maps") > 0 && strstr(text, " default") != NULL, 1);
    CHECK("net/dev", take("/proc/net/dev") > 0 && strncmp(text, "Inter-|", 7) == 0, 1);
}

static void namespaces(void)
{
    static const char *const KINDS[] = {"cgroup", "ipc", "mnt", "net", "pid", "pid_for_children", "time", "time_for_children", "user", "uts"};
    char one[64], other[64], name[64];
    struct stat about;
    pid_t child = fork();
    if (child == 0) for (;;) pause();
    for (int i = 0; i < 10; i++) {
        snprintf(name, sizeof name, "/proc/self/ns/%s", KINDS[i]);
        memset(one, 0, sizeof one);
        memset(other, 0, sizeof other);
        CHECK(KINDS[i], RES(readlink(name, one, sizeof one - 1)) > 0, 1);
        CHECK("number", (stat(name, &about), about.st_ino), strtoul(strchr(one, '[') + 1, NULL, 10));
        snprintf(name, sizeof name, "ns/%s", KINDS[i]);
        readlink(name_of(child, name), other, sizeof other - 1);
        CHECK("the same for a child", strcmp(one, other), 0);
    }
    int file = open("/proc/self/ns/pid", O_RDONLY);
    CHECK("open", file >= 0, 1);
    readlink("/proc/self/ns/pid", one, sizeof one - 1);
    snprintf(name, sizeof name, "/proc/self/fd/%d", file);
    memset(other, 0, sizeof other);
    readlink(name, other, sizeof other - 1);
    CHECK("its name", strcmp(one, other), 0);
    CHECK("read", RES(read(file, one, 8)), -EINVAL);
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
}

/* A text is made once in a pass: lines are whole however it is read. */
static void in_pieces(void)
{
    static char pieces[1 << 16];
    char *area = mmap(NULL, 200 * 8192, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    for (int i = 0; i < 200; i++) mprotect(area + i * 8192, 4096, PROT_READ | PROT_WRITE);
    long length = take("/proc/self/maps");
    CHECK("more than two reads", length > 9000, 1);
    for (int size = 1; size < 5000; size = size * 7 + 3) {
        int file = open("/proc/self/maps", O_RDONLY);
        long done = 0, got;
        while ((got = read(file, pieces + done, size)) > 0) done += got;
        CHECK("length", done, length);
        CHECK("the same", memcmp(pieces, text, length), 0);
        CHECK("from the middle", RES(pread(file, pieces, 100, 5000)), 100);
        CHECK("the same", memcmp(pieces, text + 5000, 100), 0);
        CHECK("behind the end", RES(pread(file, pieces, 100, length + 5)), 0);
        lseek(file, 4000, SEEK_SET);
        read(file, pieces, 50);
        CHECK("after lseek", memcmp(pieces, text + 4000, 50), 0);
        close(file);
    }
}

int main(void)
{
    in_pieces();
    settings();
    out_of_memory();
    descriptors();
    memory();
    numbers();
    namespaces();
    DONE();
}
