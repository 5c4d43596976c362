/* Which events Linux tells of, in which order: files without a name, replaced and linked ones, attributes and times, programs and scripts
   that are run, and what is removed. */
#include "case.h"
#include <sys/xattr.h>

static int queue;
static char told[4096];

static const char *events(void)
{
    static char buffer[65536] __attribute__((aligned(8)));
    long size = read(queue, buffer, sizeof buffer);
    char *end = told;
    *end = 0;
    for (char *place = buffer; place < buffer + size; place += sizeof(struct inotify_event) + ((struct inotify_event *)place)->len) {
        struct inotify_event *event = (void *)place;
        end += sprintf(end, "%s%d:%x%s%s", end == told ? "" : " ", event->wd, event->mask, event->len ? "=" : "", event->len ? event->name : "");
    }
    return told;
}

static void expect(const char *what, const char *right)
{
    const char *got = events();
    int same = strcmp(got, right) == 0;
    printf("%s %s: %s%s%s\n", same ? "ok " : "BAD", what, got, same ? "" : ", right ", same ? "" : right);
    bad += !same;
}

static int make(const char *name, int mode) { return open(name, O_CREAT | O_RDWR, mode); }

static void names(void)
{
    int watch = inotify_add_watch(queue, ".", IN_ALL_EVENTS), file = make("a", 0700);
    expect("make", "1:100=a 1:20=a");
    write(file, "x", 1);
    expect("write", "1:2=a");
    unlink("a");
    expect("remove", "1:200=a");
    write(file, "y", 1);
    expect("write without a name", "1:2=a");
    fchmod(file, 0600);
    expect("chmod without a name", "1:4=a");
    close(file);
    expect("close without a name", "1:8=a");
    file = make("b", 0700);
    close(make("c", 0600));
    expect("two files", "1:100=b 1:20=b 1:100=c 1:20=c 1:8=c");
    rename("c", "b");
    expect("rename over an open one", "1:40=c 1:80=b");
    write(file, "z", 1);
    expect("write to what was replaced", "1:2=b");
    close(file);
    expect("close it", "1:8=b");
    inotify_rm_watch(queue, watch);
    expect("remove the watch", "1:8000");
    watch = inotify_add_watch(queue, ".", IN_ALL_EVENTS | IN_EXCL_UNLINK);
    CHECK("the next number", watch, 2);
    file = make("d", 0700);
    unlink("d");
    expect("make and remove", "2:100=d 2:20=d 2:200=d");
    write(file, "y", 1);
    close(file);
    expect("without a name, not wanted", "");
    link("b", "b2");
    expect("link", "2:100=b2");
    unlink("b2");
    expect("remove one of two names", "2:200=b2");
    chmod("b", 0640);
    expect("change by the other name", "2:4=b");
    symlink("x", "l");
    expect("symbolic link", "2:100=l");
    mkdir("f", 0700);
    expect("folder", "2:40000100=f");
    rmdir("f");
    expect("remove it", "2:40000200=f");
}

static void attributes(void)
{
    struct timespec times[2] = {{1, UTIME_OMIT}, {2, 3}};
    utimensat(AT_FDCWD, "b", times, 0);
    expect("time of the last write", "2:2=b");
    times[0].tv_nsec = 5;
    times[1].tv_nsec = UTIME_OMIT;
    utimensat(AT_FDCWD, "b", times, 0);
    expect("time of the last access", "2:1=b");
    utimensat(AT_FDCWD, "b", NULL, 0);
    expect("both", "2:4=b");
    times[0].tv_nsec = UTIME_OMIT;
    utimensat(AT_FDCWD, "b", times, 0);
    expect("none", "");
    chown("b", -1, -1);
    expect("owner as it is", "");
    chmod("b", 06777);
    expect("mode", "2:4=b");
    chown("b", -1, -1);
    expect("owner as it is, set-ids go", "2:4=b");
    chown("b", 0, -1);
    expect("owner", "2:4=b");
    truncate("b", 0);
    expect("truncate", "2:2=b");
    truncate("b", 0);
    expect("truncate to its size", "2:2=b");
    close(open("b", O_WRONLY | O_TRUNC));
    expect("O_TRUNC", "2:20=b 2:2=b 2:8=b");
    int file = open("b", O_WRONLY);
    fallocate(file, 0, 0, 10);
    close(file);
    expect("fallocate", "2:20=b 2:2=b 2:8=b");
}

static void run(const char *name)
{
    if (fork() == 0) { execl(name, name, "x", NULL); _exit(errno); }
    int state;
    wait(&state);
    CHECK("status", WEXITSTATUS(state), 0);
}

static void programs(void)
{
    char buffer[4096], folder[256];
    int from = open("/proc/self/exe", O_RDONLY), to = open("prog", O_CREAT | O_WRONLY, 0755);
    for (long size; (size = read(from, buffer, sizeof buffer)) > 0;) write(to, buffer, size);
    close(to);
    expect("copy", "2:100=prog 2:20=prog 2:2=prog 2:8=prog");
    run("./prog");
    expect("run", "2:20=prog 2:1=prog 2:10=prog");
    to = open("script", O_CREAT | O_WRONLY, 0755);
    dprintf(to, "#!%s/prog\n", getcwd(folder, sizeof folder));
    close(to);
    events();
    run("./script");
    expect("run a script", "2:20=script 2:1=script 2:20=prog 2:1=prog 2:10=script 2:10=prog");
}

static void ends(void)
{
    int watch = inotify_add_watch(queue, "b", IN_ALL_EVENTS), dropped;
    unlink("b");
    expect("remove a file that is watched", "3:4 3:400 3:8000 2:200=b");
    mkdir("g", 0700);
    events();
    inotify_add_watch(queue, "g", IN_ALL_EVENTS);
    rmdir("g");
    expect("remove a folder that is watched", "4:400 4:8000 2:40000200=g");
    close(make("h", 0600));
    events();
    inotify_add_watch(queue, "h", IN_ALL_EVENTS | IN_ONESHOT);
    chmod("h", 0644);
    chmod("h", 0600);
    expect("one shot", "2:4=h 5:4 5:8000 2:4=h");
}

/* Numbers and limits. */
static void limits(void)
{
    int queues[200], count;
    for (count = 0; count < 200; count++) if ((queues[count] = inotify_init1(0)) < 0) break;
    CHECK("queues of a user", errno, EMFILE);
    CHECK("how many", count < 128, 1);
    while (count-- > 0) close(queues[count]);
    CHECK("and again", inotify_init1(0) >= 0, 1);
    CHECK("no bit", RES(inotify_add_watch(queue, ".", 0)), -EINVAL);
    CHECK("both to add and to make", RES(inotify_add_watch(queue, ".", IN_OPEN | IN_MASK_ADD | IN_MASK_CREATE)), -EINVAL);
    CHECK("exists", RES(inotify_add_watch(queue, ".", IN_OPEN | IN_MASK_CREATE)), -EEXIST);
    CHECK("no folder", RES(inotify_add_watch(queue, "h", IN_OPEN | IN_ONLYDIR)), -ENOTDIR);
    CHECK("no watch", RES(inotify_rm_watch(queue, 77)), -EINVAL);
    CHECK("no number", RES(inotify_rm_watch(queue, -1)), -EINVAL);
    CHECK("no queue", RES(inotify_rm_watch(0, 1)), -EINVAL);
}

int main(int argc, char **argv)
{
    char folder[] = "/tmp/inotifyXXXXXX";
    if (argc > 1) return 0;
    mkdtemp(folder);
    chdir(folder);
    queue = inotify_init1(IN_NONBLOCK);
    names();
    attributes();
    programs();
    ends();
    limits();
    DONE();
}
