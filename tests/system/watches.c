/* Events of files: prints the same on Linux and in a container. */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static void say(const char *what, long value) {
    printf("%s %ld\n", what, value < 0 ? -(long)errno : value);
    fflush(stdout);
}

static unsigned first_cookie;

static void events(const char *what, int fd) {
    char buffer[4096] __attribute__((aligned(8)));
    ssize_t length = read(fd, buffer, sizeof buffer);
    printf("%s:", what);
    for (ssize_t at = 0; at < length;) {
        struct inotify_event *event = (void *)(buffer + at);
        if (event->cookie && !first_cookie) first_cookie = event->cookie;
        printf(" [%d %x %d %u %s]", event->wd, event->mask, event->cookie ? event->cookie == first_cookie : -1, event->len,
               event->len ? event->name : "");
        if (event->mask & IN_MOVED_TO) first_cookie = 0;
        at += sizeof *event + event->len;
    }
    printf("\n");
    fflush(stdout);
}

int main(void) {
    char folder[] = "/dev/shm/watchesXXXXXX", text[10];
    if (mkdtemp(folder) == NULL || chdir(folder) < 0)
        return 1;
    int fd = inotify_init1(IN_NONBLOCK), file, waiting = 0;
    say("flags", inotify_init1(1)); say("nothing", read(fd, text, 10)); mkdir("d", 0755); mkdir("other", 0755);
    close(open("d/file", O_CREAT | O_WRONLY, 0644)); symlink("d", "link");
    say("watch", inotify_add_watch(fd, "d", IN_ALL_EVENTS | IN_EXCL_UNLINK)); say("watch", inotify_add_watch(fd, "d/file", IN_ALL_EVENTS));
    say("again", inotify_add_watch(fd, "link", IN_ALL_EVENTS | IN_EXCL_UNLINK)); say("create", inotify_add_watch(fd, "d", IN_ALL_EVENTS | IN_MASK_CREATE));
    say("missing", inotify_add_watch(fd, "none", IN_OPEN)); say("no mask", inotify_add_watch(fd, "d", 0)); say("file", inotify_add_watch(fd, "d/file", IN_OPEN | IN_ONLYDIR));
    say("of file", inotify_add_watch(0, "d", IN_OPEN)); say("nobody", inotify_add_watch(99, "d", IN_OPEN)); say("contradiction", inotify_add_watch(fd, "d", IN_OPEN | IN_MASK_ADD | IN_MASK_CREATE));
    file = open("d/file", O_RDWR); events("open", fd);
    write(file, "abc", 3); write(file, "def", 3); events("write twice", fd);
    pread(file, text, 2, 0); events("read", fd); read(file, text, 2); events("at end", fd);
    ftruncate(file, 2); events("truncate", fd); fchmod(file, 0600); events("chmod", fd); close(file); events("close", fd);
    close(open("d/file", O_RDONLY)); events("open and close", fd); truncate("d/file", 1); events("truncate", fd); chown("d/file", 0, 0); events("chown", fd);
    utimensat(AT_FDCWD, "d/file", NULL, 0); events("times", fd);
    close(open("d/new-file-with-a-long-name", O_CREAT | O_WRONLY, 0600)); events("create", fd); mkdir("d/sub", 0700); events("mkdir", fd); mkfifo("d/fifo", 0600); events("mkfifo", fd);
    symlink("x", "d/sym"); events("symlink", fd); link("d/file", "d/hard"); events("link", fd); unlink("d/hard"); events("unlink one", fd);
    rename("d/sym", "d/moved"); events("rename", fd); rename("d/moved", "outside"); events("out", fd); rename("outside", "d/back"); events("in", fd);
    rename("d/file", "d/back"); events("over", fd); rename("d/back", "d/file"); events("back", fd); rmdir("d/sub"); events("rmdir", fd); unlink("d/fifo"); events("unlink", fd);
    file = open("d/file", O_WRONLY | O_APPEND); unlink("d/file"); events("unlink open", fd); write(file, "x", 1); events("write deleted", fd); close(file); events("last close", fd);
    say("ioctl", ioctl(fd, FIONREAD, &waiting)); say("waiting", waiting); unlink("d/new-file-with-a-long-name"); ioctl(fd, FIONREAD, &waiting); say("waiting", waiting);
    say("short", read(fd, text, 10));
    struct pollfd asked = {fd, POLLIN, 0};
    say("poll", poll(&asked, 1, 0)); events("unlink", fd); say("poll", poll(&asked, 1, 0));
    rename("d", "renamed"); events("move itself", fd); rename("renamed", "other/d"); events("move away", fd); rename("other/d", "d"); events("move back", fd);
    DIR *list = opendir("d");
    while (readdir(list) != NULL);
    closedir(list); events("list", fd);
    say("remove", inotify_rm_watch(fd, 1)); events("removed", fd); say("twice", inotify_rm_watch(fd, 1)); say("of file", inotify_rm_watch(0, 1));
    close(open("d/quiet", O_CREAT | O_WRONLY, 0600)); events("quiet", fd);
    say("once", inotify_add_watch(fd, "d", IN_CREATE | IN_ONESHOT)); mkdir("d/one", 0700); mkdir("d/two", 0700); events("once", fd);
    say("add", inotify_add_watch(fd, "d", IN_CREATE)); say("more", inotify_add_watch(fd, "d", IN_DELETE | IN_MASK_ADD)); mkdir("d/three", 0700); rmdir("d/three"); events("both", fd);
    say("replace", inotify_add_watch(fd, "d", IN_DELETE_SELF)); rmdir("d/two"); events("replaced", fd); rmdir("d/one"); unlink("d/quiet"); rmdir("d"); events("gone", fd);
    say("link", inotify_add_watch(fd, "link", IN_OPEN)); say("link itself", inotify_add_watch(fd, "link", IN_ALL_EVENTS | IN_DONT_FOLLOW)); unlink("link"); events("link", fd);
    chmod(".", 0755); chmod("other", 0700);
    if (fork() == 0) {
        setgid(1000); setuid(1000);
        say("not allowed", inotify_add_watch(fd, "other", IN_OPEN));
        _exit(0);
    }
    wait(NULL);
    int slow = inotify_init();
    say("slow", inotify_add_watch(slow, "other", IN_CREATE));
    if (fork() == 0) { usleep(50000); mkdir("other/later", 0700); _exit(0); }
    events("waited", slow); wait(NULL);
    close(slow); close(fd);
    return system("rm -r $PWD") != 0;
}
