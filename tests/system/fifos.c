/* FIFOs and the other nodes of mknod(2): prints the same on Linux and in a container. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

static void say(const char *what, long value) {
    printf("%s %ld\n", what, value < 0 ? -(long)errno : value);
    fflush(stdout);
}

static int opened(const char *what, const char *path, int flags) {
    int fd = open(path, flags);
    say(what, fd < 0 ? fd : 0);
    return fd;
}

static void events(const char *what, int fd) {
    struct pollfd asked = {fd, POLLIN | POLLOUT, 0};
    int count = poll(&asked, 1, 0);
    printf("%s %d %x\n", what, count, asked.revents);
}

static void nodes(void) {
    struct { const char *name; mode_t mode; dev_t device; } wanted[] = {
        {"plain", S_IFREG | 0640, 0}, {"zero", 0600, 0}, {"fifo", S_IFIFO | 0666, 7}, {"socket", S_IFSOCK | 0777, 0},
        {"null", S_IFCHR | 0666, makedev(1, 3)}, {"full", S_IFCHR | 0666, makedev(1, 7)},
        {"strange", S_IFCHR | 0600, makedev(99, 3)}, {"block", S_IFBLK | 0600, makedev(99, 1)},
        {"folder", S_IFDIR | 0700, 0}, {"link", S_IFLNK | 0700, 0}, {"odd", 0170000, 0}, {"fifo", S_IFIFO | 0600, 0},
    };
    for (int i = 0; i < sizeof wanted / sizeof *wanted; i++) {
        struct stat about;
        say(wanted[i].name, mknod(wanted[i].name, wanted[i].mode, wanted[i].device));
        if (lstat(wanted[i].name, &about) == 0)
            printf("  mode %o links %d device %x size %ld\n", about.st_mode, (int)about.st_nlink, (int)about.st_rdev,
                   (long)about.st_size);
    }
    opened("open socket", "socket", O_RDWR); opened("open strange", "strange", O_RDONLY);
    opened("open block", "block", O_RDONLY); close(opened("path of socket", "socket", O_PATH));
    int null = opened("open null", "null", O_RDWR), full = opened("open full", "full", O_RDWR);
    say("write null", write(null, "x", 1)); say("write full", write(full, "x", 1));
    close(null); close(full);
    say("slash", mkfifo("new/", 0600)); say("exists", mkfifo("plain", 0600)); say("below", mkfifo("fifo/x", 0600));
    if (fork() == 0) {
        setgid(1000); setuid(1000);
        say("device of a user", mknod("mine", S_IFCHR | 0600, makedev(1, 3)));
        say("fifo of a user", mkfifo("own", 0644)); say("whiteout of a user", mknod("gone", S_IFCHR, 0));
        opened("another's", "fifo", O_RDWR | O_NONBLOCK);
        _exit(0);
    }
    wait(NULL);
}

static void alone(void) {
    opened("writer without reader", "fifo", O_WRONLY | O_NONBLOCK);
    int reader = opened("reader", "fifo", O_RDONLY | O_NONBLOCK), again;
    char text[10];
    struct stat about;
    events("no writer yet", reader);
    say("read", read(reader, text, 10)); say("write to reader", write(reader, "x", 1)); say("seek", lseek(reader, 0, SEEK_CUR));
    fstat(reader, &about);
    printf("mode %o size %ld\n", about.st_mode, (long)about.st_size);
    int writer = opened("writer", "fifo", O_WRONLY | O_NONBLOCK);
    events("idle", reader); events("writer", writer);
    say("empty", read(reader, text, 10)); say("write", write(writer, "hello", 5)); say("pread", pread(reader, text, 1, 0));
    int waiting = 0;
    say("FIONREAD", ioctl(reader, FIONREAD, &waiting)); say("waiting", waiting);
    say("size", fcntl(writer, F_GETPIPE_SZ)); say("fsync", fsync(writer)); say("truncate", truncate("fifo", 0));
    say("ftruncate", ftruncate(writer, 0));
    events("full", reader); say("read", read(reader, text, 2));
    close(writer);
    events("after", reader); say("rest", read(reader, text, 10)); events("over", reader); say("end", read(reader, text, 10));
    writer = opened("again", "fifo", O_WRONLY | O_TRUNC);
    events("new writer", reader);
    say("write", write(writer, "abc", 3));
    again = opened("second reader", "fifo", O_RDONLY);
    say("shared", read(again, text, 2)); close(reader); say("left", read(again, text, 2));
    close(again);
    events("no reader", writer); say("broken", write(writer, "x", 1));
    reader = opened("reader", "fifo", O_RDONLY);
    say("write", write(writer, "kept", 4)); close(reader); close(writer);
    reader = opened("lost", "fifo", O_RDONLY | O_NONBLOCK); say("nothing", read(reader, text, 10)); close(reader);
    int both = opened("both", "fifo", O_RDWR);
    events("both", both); say("write", write(both, "to itself", 9)); events("both", both); say("read", read(both, text, 10));
    say("unlink", unlink("fifo")); say("write", write(both, "x", 1)); fstat(both, &about); say("links", about.st_nlink);
    close(both);
    say("new", mkfifo("fifo", 0600));
}

/* Opening waits for the other end. */
static void meeting(int first, int second) {
    int ready[2];
    char byte;
    pipe(ready);
    pid_t child = fork();
    if (child == 0) {
        write(ready[1], "r", 1);
        int fd = open("fifo", first);
        if (first == O_WRONLY)
            write(fd, "met", 3);
        else
            say("heard", read(fd, &byte, 1));
        _exit(fd < 0);
    }
    read(ready[0], &byte, 1);
    usleep(50000);
    int fd = opened("meet", "fifo", second);
    char text[10];
    if (second == O_WRONLY) write(fd, "y", 1); else say("met", read(fd, text, 10));
    waitpid(child, NULL, 0);
    if (second == O_RDONLY) say("end", read(fd, text, 10));
    close(fd); close(ready[0]); close(ready[1]);
}

static void on_signal(int number) { }

static void interrupted(int flags, int restarts) {
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = restarts ? SA_RESTART : 0};
    sigaction(SIGALRM, &action, NULL);
    if (fork() == 0) {
        ualarm(50000, 0);
        opened("interrupted", "fifo", flags);
        _exit(0);
    }
    if (restarts) {
        usleep(150000);
        int fd = open("fifo", flags == O_RDONLY ? O_WRONLY : O_RDONLY);
        wait(NULL);
        close(fd);
    }
    else wait(NULL);
    if (flags == O_RDONLY)
        opened("nobody stayed", "fifo", O_WRONLY | O_NONBLOCK);
}

static void edges(void) {
    int epoll = epoll_create1(0), reader = open("fifo", O_RDONLY | O_NONBLOCK), writer = open("fifo", O_WRONLY);
    struct epoll_event event = {EPOLLIN | EPOLLET, {.fd = 1}}, got;
    char text[10];
    epoll_ctl(epoll, EPOLL_CTL_ADD, reader, &event);
    say("idle", epoll_wait(epoll, &got, 1, 0));
    write(writer, "ab", 2);
    say("edge", epoll_wait(epoll, &got, 1, 0)); say("once", epoll_wait(epoll, &got, 1, 0));
    write(writer, "c", 1);
    say("next", epoll_wait(epoll, &got, 1, 0)); read(reader, text, 10);
    close(writer);
    say("hang up", epoll_wait(epoll, &got, 1, 0)); say("events", got.events & EPOLLHUP ? 1 : 0);
    close(reader); close(epoll);
}

int main(void) {
    char folder[] = "/tmp/fifosXXXXXX";
    if (mkdtemp(folder) == NULL || chdir(folder) < 0)
        return 1;
    chmod(".", 0777);
    signal(SIGPIPE, SIG_IGN);
    umask(022);
    nodes();
    alone();
    meeting(O_RDONLY, O_WRONLY);
    meeting(O_WRONLY, O_RDONLY);
    interrupted(O_RDONLY, 0);
    interrupted(O_WRONLY, 0);
    interrupted(O_RDONLY, 1);
    interrupted(O_WRONLY, 1);
    edges();
    return system("rm -r $PWD") != 0;
}
