/* What becomes of calls that wait when a signal comes: those with a timeout keep their moment over a stop and SIGCONT,
   some fail with EINTR after any handler, some always, the others go on if the handler has SA_RESTART. */
#include "case.h"
#include <linux/futex.h>

static volatile int taken;
static void take(int number) { taken++; }
static void handle(int number, int flags)
{
    struct sigaction action = {.sa_handler = take, .sa_flags = flags};
    sigaction(number, &action, NULL);
}

/* A child that stops this process after 100 ms and lets it go on after 300, or that sends SIGUSR1 after 100. */
static pid_t disturb(int stops)
{
    pid_t me = getpid(), child = fork();
    if (child) return child;
    usleep(100000);
    if (stops) { kill(me, SIGSTOP); usleep(200000); kill(me, SIGCONT); }
    else kill(me, SIGUSR1);
    _exit(0);
}

static unsigned word;
static int readable[2], epoll, unready[2];
#define HALF ((struct timespec){0, 500000000})
enum { NANOSLEEP, RELATIVE, ABSOLUTE, POLL, PPOLL, SELECT, FUTEX_TIMED, FUTEX_BITSET, EPOLL, WAIT_SIGNAL, CALLS };
static const char *const names[] = {"nanosleep", "clock_nanosleep", "clock_nanosleep to a moment", "poll", "ppoll", "select", "futex", "futex to a moment", "epoll_wait", "sigtimedwait"};

/* Wait for half a second. */
static long call(int which)
{
    struct timespec half = HALF, moment;
    struct timeval value = {0, 500000};
    struct pollfd record = {unready[0], POLLIN};
    struct epoll_event event;
    fd_set set;
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGUSR2);
    FD_ZERO(&set);
    FD_SET(unready[0], &set);
    clock_gettime(CLOCK_MONOTONIC, &moment);
    moment.tv_sec += moment.tv_nsec >= 500000000;
    moment.tv_nsec = (moment.tv_nsec + 500000000) % 1000000000;
    switch (which) {
    case NANOSLEEP: return RES(nanosleep(&half, NULL));
    case RELATIVE: return RES(syscall(SYS_clock_nanosleep, CLOCK_MONOTONIC, 0, &half, NULL));
    case ABSOLUTE: return RES(syscall(SYS_clock_nanosleep, CLOCK_MONOTONIC, TIMER_ABSTIME, &moment, NULL));
    case POLL: return RES(poll(&record, 1, 500));
    case PPOLL: return RES(syscall(SYS_ppoll, &record, 1, &half, NULL, 8));
    case SELECT: return RES(select(unready[0] + 1, &set, NULL, NULL, &value));
    case FUTEX_TIMED: return RES(syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, 0, &half, NULL, 0));
    case FUTEX_BITSET: return RES(syscall(SYS_futex, &word, FUTEX_WAIT_BITSET_PRIVATE, 0, &moment, NULL, 1));
    case EPOLL: return RES(epoll_wait(epoll, &event, 1, 500));
    case WAIT_SIGNAL: sigprocmask(SIG_BLOCK, &signals, NULL); return RES(sigtimedwait(&signals, NULL, &half));
    }
    return 0;
}

static void stopped(void)
{
    static const long right[CALLS] = {[FUTEX_TIMED] = -ETIMEDOUT, [FUTEX_BITSET] = -ETIMEDOUT, [EPOLL] = -EINTR, [WAIT_SIGNAL] = -EINTR};
    for (int which = 0; which < CALLS; which++) {
        pid_t child = disturb(1);
        long begin = milliseconds();
        CHECK(names[which], call(which), right[which]);
        long time = milliseconds() - begin;
        if (right[which] == -EINTR) CHECK("at once", time >= 250 && time < 480, 1);
        /* These two write what is left when they are interrupted, and begin with that again. */
        else if (which == PPOLL || which == SELECT) CHECK("without the time of the stop", time >= 680 && time < 890, 1);
        else CHECK("in its time", time >= 490 && time < 690, 1);
        waitpid(child, NULL, 0);
    }
}

static void handled(int flags)
{
    for (int which = 0; which < CALLS; which++) {
        handle(SIGUSR1, flags);
        pid_t child = disturb(0);
        taken = 0;
        long begin = milliseconds();
        CHECK(names[which], call(which), -EINTR);
        CHECK("at once", milliseconds() - begin < 450, 1);
        CHECK("handled", taken, 1);
        waitpid(child, NULL, 0);
    }
}

/* Calls without a moment go on after a handler with SA_RESTART. */
static void restarted(void)
{
    char byte;
    for (int flags = 0; flags <= SA_RESTART; flags += SA_RESTART) {
        pid_t me = getpid();
        handle(SIGUSR1, flags);
        pid_t child = fork();
        if (child == 0) {
            usleep(100000);
            kill(me, SIGUSR1);
            usleep(200000);
            write(readable[1], "x", 1);
            _exit(0);
        }
        CHECK("read", RES(read(readable[0], &byte, 1)), flags ? 1 : -EINTR);
        waitpid(child, NULL, 0);
        if (!flags) read(readable[0], &byte, 1);
        child = disturb(0);
        pid_t sleeper = fork();
        if (sleeper == 0) { usleep(300000); _exit(0); }
        CHECK("wait", RES(syscall(SYS_wait4, sleeper, NULL, 0, NULL)), flags ? sleeper : -EINTR);
        while (wait(NULL) > 0) ;
        child = fork();
        if (child == 0) { usleep(100000); kill(me, SIGUSR1); usleep(200000); kill(me, SIGUSR2); _exit(0); }
        handle(SIGUSR2, 0);
        taken = 0;
        CHECK("futex without a moment", RES(syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, 0, NULL, NULL, 0)), -EINTR);
        CHECK("handlers", taken, flags ? 2 : 1);
        while (wait(NULL) > 0) ;
    }
}

/* A handler while the process is stopped: the call fails, though it would have gone on. */
static void both(void)
{
    pid_t me = getpid(), child = fork();
    struct timespec half = HALF, left = {9, 9};
    handle(SIGUSR1, SA_RESTART);
    if (child == 0) {
        usleep(100000);
        kill(me, SIGSTOP);
        usleep(50000);
        kill(me, SIGUSR1);
        kill(me, SIGCONT);
        _exit(0);
    }
    CHECK("sleep that was stopped, then handled", RES(nanosleep(&half, &left)), -EINTR);
    CHECK("what was left", left.tv_sec == 0 && left.tv_nsec > 100000000 && left.tv_nsec < 400000000, 1);
    CHECK("restart_syscall without a call", RES(syscall(SYS_restart_syscall)), -EINTR);
    waitpid(child, NULL, 0);
}

/* A call with a mask of its own that has what it waits for: signals that only this mask lets through stay pending. */
static void masked(void)
{
    sigset_t blocked, none, pending;
    struct pollfd record = {readable[0], POLLIN};
    struct timespec some = {0, 10000000};
    handle(SIGUSR1, 0);
    sigemptyset(&none);
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGUSR1);
    sigprocmask(SIG_BLOCK, &blocked, NULL);
    taken = 0;
    raise(SIGUSR1);
    write(readable[1], "x", 1);
    CHECK("ready", RES(syscall(SYS_ppoll, &record, 1, &some, &none, 8)), 1);
    CHECK("not handled", taken, 0);
    sigpending(&pending);
    CHECK("pending", sigismember(&pending, SIGUSR1), 1);
    char byte;
    read(readable[0], &byte, 1);
    CHECK("not ready", RES(syscall(SYS_ppoll, &record, 1, &some, &none, 8)), -EINTR);
    CHECK("handled", taken, 1);
    sigprocmask(SIG_SETMASK, NULL, &pending);
    CHECK("blocked again", sigismember(&pending, SIGUSR1), 1);
}

int main(void)
{
    pipe(readable);
    pipe(unready);
    epoll = epoll_create1(0);
    IN_CHILD(stopped());
    IN_CHILD(handled(0));
    IN_CHILD(handled(SA_RESTART));
    IN_CHILD(restarted());
    IN_CHILD(both());
    IN_CHILD(masked());
    DONE();
}
