/* A thread of D sleeps in a call on what its sibling C made, which is destroyed: the call ends (EIO), and uses nothing of C's.
   arguments: pipe-read | pipe-write | eventfd-read | eventfd-write | poll | select | fifo | fifo-open | timerfd | inotify | handle | epoll | signalfd | terminal | master | pidfd */
#define ENDS_FIRST(mode) (strcmp(mode, "pidfd") == 0)
#include "heirs.h"
#include <pty.h>

static const char *waits;
#define IS(name) (strcmp(waits, name) == 0)
static uint64_t counter = 0xfffffffffffffffe;

static void give(const char *mode, int given[3])
{
    waits = mode;
    int ends[2] = {-1, -1};
    if (IS("pipe-read") || IS("pipe-write") || IS("poll") || IS("select")) pipe(ends);
    if (IS("eventfd-read") || IS("eventfd-write")) { ends[0] = ends[1] = eventfd(0, 0); if (IS("eventfd-write")) write(ends[0], &counter, 8); }
    if (IS("fifo")) { mkfifo("/tmp/fifo", 0644); ends[0] = ends[1] = open("/tmp/fifo", O_RDWR); }
    if (IS("fifo-open")) { mkfifo("/tmp/fifo", 0644); ends[0] = open("/tmp", O_RDONLY | O_DIRECTORY); }
    if (IS("timerfd")) ends[0] = ends[1] = timerfd_create(CLOCK_MONOTONIC, 0);
    if (IS("inotify")) { ends[0] = inotify_init(); inotify_add_watch(ends[0], "/tmp", IN_ALL_EVENTS); }
    if (IS("handle")) ends[0] = create_container("/", 0, 0);
    if (IS("epoll")) { ends[0] = epoll_create1(0); ends[1] = eventfd(0, 0); struct epoll_event event = {EPOLLIN}; epoll_ctl(ends[0], EPOLL_CTL_ADD, ends[1], &event); }
    if (IS("signalfd")) { sigset_t set; sigemptyset(&set); sigaddset(&set, SIGUSR1); ends[0] = signalfd(-1, &set, 0); }
    if (IS("terminal")) openpty(&ends[1], &ends[0], NULL, NULL, NULL);
    if (IS("master")) openpty(&ends[0], &ends[1], NULL, NULL, NULL);
    if (IS("pidfd")) { pid_t child = fork(); if (child == 0) { pause(); _exit(0); } ends[0] = syscall(SYS_pidfd_open, child, 0); }
    given[1] = ends[0];
    given[2] = ends[1];
}

static void *call(void *unused)
{
    char buffer[8192];
    long result = 0, right = -EIO;
    if (IS("pipe-write")) while ((result = write(8, buffer, 4096)) > 0) {}
    else if (IS("eventfd-write")) result = write(6, &counter, 8);
    else if (IS("poll") || IS("pidfd")) {
        struct pollfd polled = {6, POLLIN, 0};
        result = poll(&polled, 1, -1);
        right = 1;
        CHECK("events", polled.revents, IS("pidfd") ? POLLIN : POLLERR | POLLHUP);
        if (IS("pidfd")) write(4, "e", 1);
    }
    else if (IS("select")) { fd_set set; FD_ZERO(&set); FD_SET(6, &set); result = select(7, &set, NULL, NULL, NULL); right = 1; }
    else if (IS("epoll")) { struct epoll_event event; result = epoll_wait(6, &event, 1, -1); }
    else if (IS("fifo-open")) result = openat(6, "fifo", O_RDONLY);
    else result = read(6, buffer, IS("handle") ? 4096 : 128);
    CHECK(waits, result < 0 ? -errno : result, right);
    return NULL;
}

static int take(const char *mode)
{
    waits = mode;
    pthread_t thread;
    pthread_create(&thread, NULL, call, NULL);
    usleep(100000);
    say_ready_and_wait();
    pthread_join(thread, NULL);
    return ended();
}
