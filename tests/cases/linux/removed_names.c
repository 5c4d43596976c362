/* /proc tells the last name of an open file that was removed or replaced, and what there is without a name. */
#include "case.h"

static char folder[PATH_MAX];

static void is_called(const char *what, int file, const char *name, const char *after)
{
    char path[64], seen[2 * PATH_MAX] = "", right[2 * PATH_MAX];
    snprintf(path, sizeof path, "/proc/self/fd/%d", file);
    long length = readlink(path, seen, sizeof seen - 1);
    snprintf(right, sizeof right, "%s%s", name[0] == '/' ? "" : folder, name);
    strcat(right, after);
    CHECK(what, strcmp(seen, right), 0);
    if (strcmp(seen, right) != 0) printf("'%s' (%ld), right '%s'\n", seen, length, right);
}

static int make(const char *name) { return open(name, O_CREAT | O_RDWR, 0600); }

static void removed(void)
{
    int file = make("some name");
    is_called("named", file, "some name", "");
    unlink("some name");
    is_called("removed", file, "some name", " (deleted)");
    int again = make("some name");
    is_called("still removed", file, "some name", " (deleted)");
    is_called("its successor", again, "some name", "");
    close(make("other"));
    rename("other", "some name");
    is_called("replaced", again, "some name", " (deleted)");
    rename("some name", "moved");
    file = open("moved", O_RDONLY);
    rename("moved", "moved again");
    is_called("moved", file, "moved again", "");
    link("moved again", "second");
    int second = open("second", O_RDONLY);
    unlink("second");
    is_called("one of two names", second, "second", " (deleted)");
    char link_name[64];
    struct stat about;
    snprintf(link_name, sizeof link_name, "/proc/self/fd/%d", again);
    CHECK("it can be opened", open(link_name, O_RDONLY) >= 0, 1);
    CHECK("no link is left", (fstat(again, &about), about.st_nlink), 0);
}

static void with_its_folder(void)
{
    mkdir("one", 0755);
    mkdir("one/two", 0755);
    int file = make("one/two/file"), directory = open("one/two", O_RDONLY | O_DIRECTORY);
    unlink("one/two/file");
    is_called("in a folder", file, "one/two/file", " (deleted)");
    rename("one", "three");
    is_called("in a folder that moved", file, "three/two/file", " (deleted)");
    rmdir("three/two");
    rmdir("three");
    is_called("in no folder", file, "three/two/file", " (deleted)");
    is_called("a folder", directory, "three/two", " (deleted)");
    CHECK("nothing is made in it", RES(openat(directory, "x", O_CREAT | O_RDWR, 0600)), -ENOENT);
    int here = open(".", O_RDONLY | O_DIRECTORY);
    mkdir("left", 0755);
    chdir("left");
    rmdir("../left");
    char path[PATH_MAX], seen[PATH_MAX] = "";
    CHECK("getcwd", RES(syscall(SYS_getcwd, path, sizeof path)), -ENOENT);
    readlink("/proc/self/cwd", seen, sizeof seen - 1);
    snprintf(path, sizeof path, "%sleft (deleted)", folder);
    CHECK("cwd", strcmp(seen, path), 0);
    fchdir(here);
}

/* Those that are in no file system have no path before their name. */
static void is_titled(const char *what, int file, const char *title)
{
    char path[64], seen[256] = "";
    snprintf(path, sizeof path, "/proc/self/fd/%d", file);
    readlink(path, seen, sizeof seen - 1);
    CHECK(what, strcmp(seen, title), 0);
    if (strcmp(seen, title) != 0) printf("'%s', right '%s'\n", seen, title);
}

static void titles(void)
{
    int ends[2];
    char title[64];
    struct stat about;
    sigset_t none;
    sigemptyset(&none);
    is_titled("eventfd", eventfd(0, 0), "anon_inode:[eventfd]");
    is_titled("epoll", epoll_create1(0), "anon_inode:[eventpoll]");
    is_titled("timerfd", timerfd_create(CLOCK_MONOTONIC, 0), "anon_inode:[timerfd]");
    is_titled("signalfd", signalfd(-1, &none, 0), "anon_inode:[signalfd]");
    is_titled("inotify", inotify_init(), "anon_inode:inotify");
    is_titled("pidfd", syscall(SYS_pidfd_open, getpid(), 0), "anon_inode:[pidfd]");
    is_titled("memfd", syscall(SYS_memfd_create, "of case", 0), "/memfd:of case (deleted)");
    pipe(ends);
    fstat(ends[0], &about);
    snprintf(title, sizeof title, "pipe:[%lu]", (unsigned long)about.st_ino);
    is_titled("pipe", ends[0], title);
    is_titled("its other end", ends[1], title);
}

static void long_paths(void)
{
    char name[201], right[8000];
    memset(name, 'n', 200);
    name[200] = 0;
    int here = open(".", O_RDONLY | O_DIRECTORY);
    snprintf(right, sizeof right, "%s", folder);
    for (int depth = 0; depth < 15; depth++) {
        mkdir(name, 0755);
        chdir(name);
        snprintf(right + strlen(right), sizeof right - strlen(right), "%s/", name);
    }
    int file = make("end");
    strcat(right, "end");
    is_called("long", file, right, "");
    for (int depth = 0; depth < 10; depth++) { mkdir(name, 0755); chdir(name); }
    file = make("beyond");
    char path[64], seen[2 * PATH_MAX];
    snprintf(path, sizeof path, "/proc/self/fd/%d", file);
    CHECK("longer than PATH_MAX", RES(readlink(path, seen, sizeof seen)), -ENAMETOOLONG);
    CHECK("but it can be opened", open(path, O_RDONLY) >= 0, 1);
    fchdir(here);
}

int main(void)
{
    getcwd(folder, sizeof folder - 1);
    if (strcmp(folder, "/") != 0) strcat(folder, "/");
    removed();
    with_its_folder();
    titles();
    long_paths();
    DONE();
}
