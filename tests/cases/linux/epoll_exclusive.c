/* EPOLLEXCLUSIVE: an event wakes one of those that wait in epolls of their own; what nobody waited for is seen by all. */
#include "case.h"

enum { WAITERS = 8 };
static int ends[2], told;
static pid_t waiter[WAITERS];

static int sleeps(pid_t pid)
{
    char name[32], line[256] = "", state = 0;
    sprintf(name, "/proc/%d/stat", pid);
    int file = open(name, O_RDONLY);
    read(file, line, 255);
    close(file);
    sscanf(line, "%*d (%*[^)]) %c", &state);
    return state == 'S';
}

/* Processes that wait for an event and then read, or not, a byte; they end with the number of events. */
static void start(int timeout, int reads)
{
    for (int i = 0; i < WAITERS; i++)
        if ((waiter[i] = fork()) == 0) {
            int epoll = epoll_create1(0);
            struct epoll_event event = {EPOLLIN | EPOLLEXCLUSIVE};
            epoll_ctl(epoll, EPOLL_CTL_ADD, ends[0], &event);
            int count = epoll_wait(epoll, &event, 1, timeout);
            char byte;
            if (count == 1 && reads) read(ends[0], &byte, 1);
            _exit(count);
        }
    for (int i = 0; i < WAITERS; i++) while (!sleeps(waiter[i])) usleep(10000);
    usleep(50000);
}

static int woken(void)
{
    int status, count = 0;
    for (int i = 0; i < WAITERS; i++) { waitpid(waiter[i], &status, 0); count += WEXITSTATUS(status) == 1; }
    return count;
}

int main(void)
{
    struct epoll_event event = {EPOLLIN | EPOLLEXCLUSIVE}, events[4];
    pipe2(ends, O_NONBLOCK);
    start(2000, 0);
    write(ends[1], "x", 1);
    CHECK("one event", woken(), 1);
    char byte;
    read(ends[0], &byte, 1);

    start(2000, 1);
    for (int i = 0; i < 3; i++) { write(ends[1], "x", 1); usleep(100000); }
    CHECK("three events, each taken by one", woken(), 3);

    start(10000, 0);
    for (int i = 0; i < WAITERS; i++) { write(ends[1], "x", 1); usleep(50000); }
    CHECK("as many as wait", woken(), WAITERS);
    while (read(ends[0], &byte, 1) == 1) {}

    int first = epoll_create1(0), second = epoll_create1(0);
    epoll_ctl(first, EPOLL_CTL_ADD, ends[0], &event);
    epoll_ctl(second, EPOLL_CTL_ADD, ends[0], &event);
    CHECK("nothing at the first", epoll_wait(first, events, 4, 0), 0);
    CHECK("nor at the second", epoll_wait(second, events, 4, 0), 0);
    write(ends[1], "x", 1);
    CHECK("nobody waited: at the first", epoll_wait(first, events, 4, 0), 1);
    CHECK("and at the second", epoll_wait(second, events, 4, 0), 1);
    CHECK("as long as it is ready", epoll_wait(first, events, 4, 0), 1);
    struct pollfd polled = {second, POLLIN};
    CHECK("poll", poll(&polled, 1, 0), 1);
    read(ends[0], &byte, 1);
    CHECK("and no longer", epoll_wait(first, events, 4, 0), 0);
    CHECK("poll", poll(&polled, 1, 0), 0);
    DONE();
}
