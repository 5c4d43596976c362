/* Locks on files, by several processes: prints the same on Linux and in a container. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <unistd.h>

static void say(const char *what, long value) {
    printf("%s %ld\n", what, value < 0 ? -(long)errno : value);
    fflush(stdout);
}

static int lock_of(int fd, int command, int type, int whence, long start, long length, int pid) {
    struct flock lock = {type, whence, start, length, pid};
    return fcntl(fd, command, &lock);
}

static int lock(int fd, int command, int type, long start, long length) {
    return lock_of(fd, command, type, SEEK_SET, start, length, 0);
}

/* What another process is told to be in the way of a lock. */
static void probe(const char *what, int fd, int command, int type, long start, long length) {
    fflush(stdout);
    pid_t parent = getpid();
    if (fork() == 0) {
        struct flock lock = {type, SEEK_SET, start, length, 0};
        if (fcntl(fd, command, &lock) < 0)
            printf("%s error %d\n", what, errno);
        else if (lock.l_type == F_UNLCK)
            printf("%s free whence %d start %ld length %ld\n", what, lock.l_whence, (long)lock.l_start, (long)lock.l_len);
        else
            printf("%s %s whence %d start %ld length %ld owner %s\n", what, lock.l_type == F_WRLCK ? "write" : "read",
                   lock.l_whence, (long)lock.l_start, (long)lock.l_len,
                   lock.l_pid == parent ? "parent" : lock.l_pid == -1 ? "file" : "?");
        fflush(stdout);
        _exit(0);
    }
    wait(NULL);
}

static void whole_map(const char *what, int fd) {
    for (long place = 0; place < 60; place += 5) {
        char name[60];
        snprintf(name, sizeof name, "%s %ld", what, place);
        probe(name, fd, F_GETLK, F_WRLCK, place, 5);
    }
}

static void ranges(int fd) {
    say("write 10 40", lock(fd, F_SETLK, F_WRLCK, 10, 40));
    whole_map("one", fd);
    say("unlock 20 10", lock(fd, F_SETLK, F_UNLCK, 20, 10));
    whole_map("divided", fd);
    say("read 15 20", lock(fd, F_SETLK, F_RDLCK, 15, 20));
    whole_map("mixed", fd);
    say("write 20 5", lock(fd, F_SETLK, F_WRLCK, 20, 5));
    whole_map("inside", fd);
    say("write 25 5", lock(fd, F_SETLK, F_WRLCK, 25, 5));
    whole_map("joined", fd);
    say("read all", lock(fd, F_SETLK, F_RDLCK, 0, 0));
    whole_map("all", fd);
    probe("readers", fd, F_GETLK, F_RDLCK, 0, 0);
    say("unlock to 30", lock(fd, F_SETLK, F_UNLCK, 0, 30));
    probe("rest", fd, F_GETLK, F_WRLCK, 0, 0);
    say("own", lock(fd, F_GETLK, F_WRLCK, 0, 0));
    say("unlock", lock(fd, F_SETLK, F_UNLCK, 0, 0));
    probe("none", fd, F_GETLK, F_WRLCK, 0, 0);
}

static void wrong(int fd) {
    say("from end", lock_of(fd, F_SETLK, F_WRLCK, SEEK_END, -10, 5, 0));
    probe("end", fd, F_GETLK, F_WRLCK, 0, 0);
    lseek(fd, 30, SEEK_SET);
    say("backwards", lock_of(fd, F_SETLK, F_WRLCK, SEEK_CUR, 0, -5, 0));
    probe("before", fd, F_GETLK, F_WRLCK, 0, 90);
    say("unlock", lock(fd, F_SETLK, F_UNLCK, 0, 0));
    say("whence", lock_of(fd, F_SETLK, F_WRLCK, 7, 0, 0, 0));
    say("type", lock(fd, F_SETLK, 9, 0, 0));
    say("get type", lock(fd, F_GETLK, F_UNLCK, 0, 0));
    say("negative", lock(fd, F_SETLK, F_WRLCK, -1, 5));
    say("too far back", lock(fd, F_SETLK, F_WRLCK, 3, -5));
    say("overflow", lock_of(fd, F_SETLK, F_WRLCK, SEEK_CUR, 0x7fffffffffffffff, 5, 0));
    say("long", lock(fd, F_SETLK, F_WRLCK, 10, 0x7fffffffffffffff));
    say("just", lock(fd, F_SETLK, F_WRLCK, 1, 0x7fffffffffffffff));
    probe("just", fd, F_GETLK, F_WRLCK, 0, 90);
    say("ofd pid", lock_of(fd, F_OFD_SETLK, F_WRLCK, SEEK_SET, 0, 0, 5));
    say("address", fcntl(fd, F_SETLK, (void *)8));
    say("nobody", lock(99, F_SETLK, F_WRLCK, 0, 0));
    int reader = open("locked", O_RDONLY), writer = open("locked", O_WRONLY), path = open("locked", O_PATH);
    say("write by reader", lock(reader, F_SETLK, F_WRLCK, 0, 0));
    say("read by writer", lock(writer, F_SETLK, F_RDLCK, 0, 0));
    say("by path", lock(path, F_SETLK, F_RDLCK, 0, 0));
    say("flock path", flock(path, LOCK_SH));
    say("flags of path", fcntl(path, F_SETFL, 0));
    say("flock", flock(fd, 0)); say("flock 3", flock(fd, 3)); say("flock nobody", flock(99, LOCK_SH));
    say("flock 77", flock(99, 77));
    close(path); close(writer); close(reader);
    probe("closed", fd, F_GETLK, F_WRLCK, 0, 0);
}

static void ends(int fd) {
    say("write", lock(fd, F_SETLK, F_WRLCK, 0, 10));
    int copy = dup(fd), again = open("locked", O_RDONLY);
    close(copy);
    probe("a copy was closed", fd, F_GETLK, F_WRLCK, 0, 0);
    say("write", lock(fd, F_SETLK, F_WRLCK, 0, 10));
    close(again);
    probe("another was closed", fd, F_GETLK, F_WRLCK, 0, 0);
    say("write", lock(fd, F_SETLK, F_WRLCK, 0, 10));
    if (fork() == 0) {
        close(fd);
        _exit(0);
    }
    wait(NULL);
    probe("a child closed it", fd, F_GETLK, F_WRLCK, 0, 0);
    if (fork() == 0) {
        say("of the child", lock(fd, F_SETLK, F_WRLCK, 20, 10));
        _exit(0);
    }
    wait(NULL);
    probe("the child ended", fd, F_GETLK, F_WRLCK, 10, 0);
    say("dup2", dup2(open("/dev/null", O_RDONLY), fd) == fd);
    again = open("locked", O_RDWR);
    probe("dup2 closed it", again, F_GETLK, F_WRLCK, 0, 0);
    dup2(again, fd);
    close(again);
}

static void of_open_files(int fd) {
    int other = open("locked", O_RDWR);
    say("ofd write", lock(fd, F_OFD_SETLK, F_WRLCK, 0, 10));
    probe("inherited", fd, F_OFD_GETLK, F_WRLCK, 0, 0);
    probe("of a process", fd, F_GETLK, F_WRLCK, 0, 0);
    struct flock asked = {F_UNLCK, SEEK_SET, 0, 0, 0};
    say("ofd get unlock", fcntl(other, F_OFD_GETLK, &asked)); say("type", asked.l_type); say("pid", asked.l_pid);
    say("of its own", fcntl(fd, F_OFD_GETLK, &asked)); say("type", asked.l_type); say("length", asked.l_len);
    say("by another file", lock(other, F_OFD_SETLK, F_RDLCK, 5, 10));
    say("by its own process", lock(fd, F_SETLK, F_WRLCK, 5, 10));
    say("elsewhere", lock(other, F_OFD_SETLK, F_RDLCK, 10, 10));
    int copy = dup(fd);
    close(fd);
    say("still there", lock(other, F_OFD_SETLK, F_RDLCK, 5, 10));
    close(copy);
    say("gone", lock(other, F_OFD_SETLK, F_RDLCK, 5, 10));
    close(other);
}

static void whole_files(void) {
    int one = open("locked", O_RDWR), two = open("locked", O_RDONLY), copy = dup(one);
    say("flock shared", flock(one, LOCK_SH)); say("shared too", flock(two, LOCK_SH | LOCK_NB));
    say("exclusive", flock(two, LOCK_EX | LOCK_NB));
    say("lost it", flock(one, LOCK_EX | LOCK_NB));
    say("copy", flock(copy, LOCK_EX | LOCK_NB)); say("now shared", flock(two, LOCK_SH | LOCK_NB));
    say("record", lock(two, F_SETLK, F_RDLCK, 0, 0));
    close(one);
    say("copy keeps it", flock(two, LOCK_SH | LOCK_NB));
    if (fork() == 0) {
        say("child unlocks", flock(copy, LOCK_UN));
        _exit(0);
    }
    wait(NULL);
    say("after the child", flock(two, LOCK_EX | LOCK_NB));
    close(copy); close(two);
    int ends[2];
    pipe(ends);
    say("flock pipe", flock(ends[0], LOCK_EX)); say("other end", flock(ends[1], LOCK_EX | LOCK_NB));
    say("record on pipe", lock(ends[0], F_SETLK, F_RDLCK, 0, 0));
    close(ends[0]);
    say("other end now", flock(ends[1], LOCK_EX | LOCK_NB));
    int folder = open(".", O_RDONLY);
    say("flock folder", flock(folder, LOCK_EX));
}

static void on_signal(int number) { }

/* A child that waits for a lock, gets it once the parent gives it up, and says so. */
static void waiting(int fd, int by_flock) {
    int ready[2], told[2];
    pipe(ready); pipe(told);
    int own = open("locked", O_RDWR);
    say("taken", by_flock ? flock(own, LOCK_EX) : lock(own, F_SETLKW, F_WRLCK, 0, 10));
    if (fork() == 0) {
        int mine = open("locked", O_RDWR);
        if (by_flock)
            close(own);
        write(ready[1], "r", 1);
        say("waited", by_flock ? flock(mine, LOCK_EX) : lock(mine, F_SETLKW, F_WRLCK, 5, 10));
        write(told[1], "g", 1);
        _exit(0);
    }
    char byte;
    read(ready[0], &byte, 1);
    usleep(60000);
    say("before", 0);
    if (by_flock)
        close(own);
    else
        lock(own, F_SETLK, F_UNLCK, 0, 10);
    read(told[0], &byte, 1);
    wait(NULL);
    if (!by_flock) close(own);
    close(ready[0]); close(ready[1]); close(told[0]); close(told[1]);
}

static void interrupted(int fd, int restarts) {
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = restarts ? SA_RESTART : 0};
    sigaction(SIGALRM, &action, NULL);
    say("taken", lock(fd, F_SETLK, F_WRLCK, 0, 10));
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        ualarm(60000, 0);
        say("interrupted", lock(fd, F_SETLKW, F_WRLCK, 0, 10));
        _exit(0);
    }
    if (restarts) {
        usleep(200000);
        lock(fd, F_SETLK, F_UNLCK, 0, 10);
    }
    waitpid(child, NULL, 0);
    say("unlock", lock(fd, F_SETLK, F_UNLCK, 0, 10));
}

/* Two processes that wait for each other, and a third one in the circle. */
static void deadlock(int fd) {
    int ready[2];
    char byte;
    pipe(ready);
    say("first", lock(fd, F_SETLK, F_WRLCK, 0, 1));
    fflush(stdout);
    if (fork() == 0) {
        lock(fd, F_SETLK, F_WRLCK, 1, 1);
        if (fork() == 0) {
            lock(fd, F_SETLK, F_WRLCK, 2, 1);
            write(ready[1], "r", 1);
            lock(fd, F_SETLKW, F_WRLCK, 1, 1);
            _exit(0);
        }
        usleep(60000);
        write(ready[1], "r", 1);
        lock(fd, F_SETLKW, F_WRLCK, 0, 1);
        lock(fd, F_SETLK, F_UNLCK, 0, 2);
        wait(NULL);
        _exit(0);
    }
    read(ready[0], &byte, 1); read(ready[0], &byte, 1);
    usleep(60000);
    say("would be a circle of two", lock(fd, F_SETLKW, F_WRLCK, 1, 1));
    say("would be a circle of three", lock(fd, F_SETLKW, F_RDLCK, 2, 1));
    say("unlock", lock(fd, F_SETLK, F_UNLCK, 0, 0));
    wait(NULL);
}

int main(void) {
    char folder[] = "/tmp/locksXXXXXX";
    if (mkdtemp(folder) == NULL || chdir(folder) < 0)
        return 1;
    int fd = open("locked", O_RDWR | O_CREAT, 0600);
    ftruncate(fd, 100);
    ranges(fd);
    wrong(fd);
    ends(fd);
    waiting(fd, 0);
    waiting(fd, 1);
    interrupted(fd, 0);
    interrupted(fd, 1);
    deadlock(fd);
    whole_files();
    of_open_files(fd);
    unlink("locked");
    chdir("/");
    rmdir(folder);
    return 0;
}
