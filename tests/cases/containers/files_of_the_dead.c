/* A process of D uses files of its sibling C, which is destroyed: what it still has of them is dead, and no memory of others.
   arguments: directory | opened | mapping | private | pipe | record-lock | layer | epoll | inotify | poll | root | whole-lock | reopened | calls | executable */
#define ENDS_FIRST(mode) (strcmp(mode, "pipe") == 0 || strcmp(mode, "record-lock") == 0)
#include "heirs.h"
#include <setjmp.h>
#include <sys/file.h>

static const char *waits_for;
static void *wait_for_it(void *unused)
{
    char byte;
    struct flock lock = {.l_type = F_WRLCK};
    struct pollfd polled = {6, POLLIN, 0};
    if (strcmp(waits_for, "pipe") == 0) CHECK("blocked read: the writer has ended", RES(read(6, &byte, 1)), 0);
    if (strcmp(waits_for, "record-lock") == 0) CHECK("blocked lock: the process that had it has ended", RES(fcntl(6, F_SETLKW, &lock)), 0);
    if (ENDS_FIRST(waits_for)) write(4, "e", 1);
    if (strcmp(waits_for, "whole-lock") == 0) CHECK("blocked flock", RES(flock(6, LOCK_EX)), -EIO);
    if (strcmp(waits_for, "poll") == 0) { CHECK("poll", poll(&polled, 1, -1), 1); CHECK("events", polled.revents & POLLHUP, POLLHUP); }
    return NULL;
}

static void give(const char *mode, int given[3])
{
    char content[8192];
    memset(content, 'A', sizeof content);
    mkdir("/tmp/d", 0755);
    given[0] = open("/tmp/d", O_RDONLY | O_DIRECTORY);
    given[1] = openat(given[0], "f", O_CREAT | O_RDWR, 0644);
    write(given[1], content, sizeof content);
    lseek(given[1], 0, SEEK_SET);
    int ends[2];
    if (strcmp(mode, "pipe") == 0 || strcmp(mode, "epoll") == 0 || strcmp(mode, "poll") == 0) { pipe(ends); given[1] = ends[0]; }
    if (strcmp(mode, "record-lock") == 0) { struct flock lock = {.l_type = F_WRLCK}; fcntl(given[1], F_SETLK, &lock); }
    if (strcmp(mode, "whole-lock") == 0) { given[1] = open("/tmp/d/f", O_RDWR); }
}


static sigjmp_buf here;
static void on_bus(int number) { siglongjmp(here, number); }
static int signal_of_touch(volatile char *address)
{
    signal(SIGBUS, on_bus);
    signal(SIGSEGV, on_bus);
    int number = sigsetjmp(here, 1);
    if (number == 0) *address = '!';
    return number;
}

static int take(const char *mode)
{
    struct stat about;
    char buffer[4096];
    int opened = -1, epoll = -1, watch = -1;
    char *mapped = NULL;
    pthread_t thread;
    waits_for = mode;
#define IS(name) (strcmp(mode, name) == 0)
    if (IS("directory")) CHECK("fchdir", RES(fchdir(5)), 0);
    if (IS("opened")) CHECK("open below", (opened = openat(5, "f", O_RDWR)) >= 0, 1);
    if (IS("mapping") || IS("private")) {
        mapped = mmap(NULL, 8192, PROT_READ | PROT_WRITE, IS("private") ? MAP_PRIVATE : MAP_SHARED, 6, 0);
        CHECK("what is mapped", mapped[0], 'A');
        mapped[4096] = 'B';
    }
    if (IS("layer")) {
        fchdir(5);
        CHECK("a container on files of a sibling", RES(create_container(".", 0, 0)), -EXDEV);
        chdir("/");
    }
    if (IS("whole-lock")) CHECK("lock", RES(flock(open("/proc/self/fd/6", O_RDWR), LOCK_EX)), 0);
    if (IS("pipe") || IS("record-lock") || IS("whole-lock") || IS("poll")) { pthread_create(&thread, NULL, wait_for_it, NULL); usleep(50000); }
    if (IS("epoll")) { struct epoll_event event = {EPOLLIN}; epoll = epoll_create1(0); CHECK("add", RES(epoll_ctl(epoll, EPOLL_CTL_ADD, 6, &event)), 0); }
    if (IS("inotify")) { watch = inotify_init1(IN_NONBLOCK); CHECK("watch", RES(inotify_add_watch(watch, "/proc/self/fd/5", IN_ALL_EVENTS)), 1); }
    if (IS("root")) { fchdir(5); CHECK("chroot", RES(chroot(".")), 0); }
    if (IS("reopened")) CHECK("open again", (opened = open("/proc/self/fd/6", O_RDWR)) >= 0, 1);
    pid_t child = 0;
    if (IS("executable")) {
        /* A program of C runs in D: its pages go with C. */
        int program = openat(5, "../../bin/busybox", O_RDONLY);
        CHECK("its program", program >= 0, 1);
        child = fork();
        if (child == 0) { char *command[] = {"sh", "-c", "while :; do :; done", NULL}, *none[] = {NULL}; fexecve(program, command, none); _exit(99); }
        close(program);
        usleep(100000);
    }
    say_ready_and_wait();
    if (IS("directory")) {
        CHECK("getcwd", getcwd(buffer, sizeof buffer) == NULL ? -errno : 0, -ENOENT);
        CHECK("create", RES(open("x", O_CREAT | O_RDWR, 0600)), -ENOENT);
        CHECK("create without a name", RES(open(".", O_TMPFILE | O_RDWR, 0600)), -ENOENT);
        CHECK("mkdir", RES(mkdir("y", 0700)), -ENOENT);
        CHECK("stat", RES(stat(".", &about)), 0);
        CHECK("links", about.st_nlink, 0);
        CHECK("above", RES(stat("..", &about)), -ENOENT);
        CHECK("listing", RES(syscall(SYS_getdents64, open(".", O_RDONLY), buffer, sizeof buffer)), -ENOENT);
        CHECK("attribute", RES(syscall(SYS_setxattr, ".", "user.a", "b", 1, 0)), -EIO);
        CHECK("back", RES(chdir("/")), 0);
    }
    if (IS("opened") || IS("reopened")) {
        CHECK("fstat", RES(fstat(opened, &about)), 0);
        CHECK("size", about.st_size, 0);
        CHECK("pread", RES(pread(opened, buffer, 100, 0)), -EIO);
        CHECK("pwrite", RES(pwrite(opened, "zzzz", 4, 0)), -EIO);
        CHECK("ftruncate", RES(ftruncate(opened, 100)), -EIO);
        CHECK("fallocate", RES(fallocate(opened, 0, 0, 100)), -EIO);
        CHECK("mmap", mmap(NULL, 4096, PROT_READ, MAP_SHARED, opened, 0) == MAP_FAILED ? -errno : 0, -EIO);
        CHECK("reopen", RES(open("/proc/self/fd/6", O_RDONLY)) < 0, 1);
        CHECK("close", RES(close(opened)), 0);
    }
    if (IS("mapping") || IS("private")) {
        CHECK("first page", signal_of_touch(mapped), SIGBUS);
        CHECK("second page", signal_of_touch(mapped + 4096), SIGBUS);
        CHECK("unmap", RES(munmap(mapped, 8192)), 0);
    }
    if (IS("pipe") || IS("record-lock") || IS("whole-lock") || IS("poll")) pthread_join(thread, NULL);
    if (IS("epoll")) { struct epoll_event events[4]; CHECK("nothing to wait for", epoll_wait(epoll, events, 4, 0), 0); }
    if (IS("inotify")) { CHECK("the watch is gone", read(watch, buffer, sizeof buffer) > 0, 1); CHECK("remove", RES(inotify_rm_watch(watch, 1)), -EINVAL); }
    if (IS("root")) {
        CHECK("below the root", RES(open("/x", O_CREAT | O_RDWR, 0600)), -ENOENT);
        CHECK("the root itself", RES(stat("/", &about)), 0);
        CHECK("above it", RES(stat("/..", &about)), 0);
    }
    if (IS("executable")) {
        int status;
        CHECK("it ends", waitpid(child, &status, 0), child);
        CHECK("by a signal", WIFSIGNALED(status) ? WTERMSIG(status) : 0, SIGBUS);
    }
    if (IS("calls")) {
        struct flock lock = {.l_type = F_WRLCK};
        CHECK("openat", RES(openat(5, "f", O_RDWR)) < 0, 1);
        CHECK("fchdir", RES(fchdir(5)) < 0, 1);
        CHECK("dup", RES(dup(5)) >= 0, 1);
        CHECK("ftruncate", RES(ftruncate(6, 0)) < 0, 1);
        CHECK("mmap", mmap(NULL, 4096, PROT_READ, MAP_SHARED, 6, 0) == MAP_FAILED, 1);
        CHECK("fcntl", RES(fcntl(6, F_SETLK, &lock)), -EIO);
        CHECK("flock", RES(flock(6, LOCK_EX)), -EIO);
        CHECK("read", RES(read(6, buffer, 1)), -EIO);
        CHECK("write", RES(write(6, buffer, 1)), -EIO);
    }
    return ended();
}
