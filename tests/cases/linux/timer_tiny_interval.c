/* Timers whose moments come faster than anybody can look: the moments are counted when the program takes what it was
   told, not one by one, and everybody else goes on. */
#include "case.h"

static timer_t timer;
static volatile int overrun = -2;
static void on_timer(int number)
{
    struct itimerspec stop = {{0}};
    if (overrun != -2) return;
    overrun = timer_getoverrun(timer);
    timer_settime(timer, 0, &stop, NULL);
}
static volatile int *counted;
static void on_alarm(int number) { ++*counted; }

/* A timerfd of one nanosecond: each read tells of more time than one nanosecond, and the machine goes on. */
static void descriptor(void)
{
    int file = timerfd_create(CLOCK_MONOTONIC, 0);
    struct itimerspec fast = {{0, 1}, {0, 1}}, left;
    uint64_t count, total = 0;
    long begin = milliseconds();
    timerfd_settime(file, 0, &fast, NULL);
    for (int i = 0; i < 3; i++) {
        usleep(2000);
        CHECK("read", RES(read(file, &count, 8)), 8);
        CHECK("at least one each nanosecond", count > 1000000, 1);
        total += count;
    }
    CHECK("no more than there were", total / 1000000 <= milliseconds() - begin + 1, 1);
    fast = (struct itimerspec){{0, 1}, {1, 0}};
    timerfd_settime(file, TFD_TIMER_ABSTIME, &fast, NULL);
    int wall = timerfd_create(CLOCK_REALTIME, 0);
    CHECK("from 1970 on", RES(timerfd_settime(wall, TFD_TIMER_ABSTIME, &fast, NULL)), 0);
    CHECK("read", RES(read(wall, &count, 8)), 8);
    CHECK("all nanoseconds since then", count > 1000000000ULL * 1000000000, 1);
    fast = (struct itimerspec){{LONG_MAX, 0}, {LONG_MAX, 999999999}};
    CHECK("farther than there is", RES(timerfd_settime(file, 0, &fast, NULL)), 0);
    timerfd_gettime(file, &left);
    CHECK("the end of time", left.it_interval.tv_sec, 9223372036);
    fast.it_value = (struct timespec){0, 1};
    timerfd_settime(file, 0, &fast, NULL);
    usleep(1000);
    CHECK("read", RES(read(file, &count, 8)), 8);
    CHECK("once", count, 1);
}

/* A timer of one nanosecond that is three seconds late: its overrun is that of a limit, and it goes off once. */
static void late(void)
{
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1};
    struct itimerspec when = {{0, 1}};
    signal(SIGUSR1, on_timer);
    timer_create(CLOCK_REALTIME, &event, &timer);
    clock_gettime(CLOCK_REALTIME, &when.it_value);
    when.it_value.tv_sec -= 3;
    long begin = milliseconds();
    timer_settime(timer, TIMER_ABSTIME, &when, NULL);
    while (overrun == -2) ;
    CHECK("overrun", overrun, INT_MAX);
    CHECK("at once", milliseconds() - begin < 2000, 1);
    timer_delete(timer);
}

/* setitimer of one microsecond: a process may be busy with nothing but signals; another one goes on. */
static void busy(void)
{
    volatile int *signals = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    struct itimerval fast = {{0, 1}, {0, 1}};
    pid_t other = fork();
    if (other == 0) {
        counted = signals;
        signal(SIGALRM, on_alarm);
        setitimer(ITIMER_REAL, &fast, NULL);
        for (;;) ;
    }
    int turns = 0;
    for (long begin = milliseconds(); milliseconds() - begin < 1000; turns++) usleep(1000);
    CHECK("signals came", *signals > 2, 1);
    CHECK("this process went on", turns > 10, 1);
    kill(other, SIGKILL);
    waitpid(other, NULL, 0);
}

int main(void)
{
    descriptor();
    late();
    busy();
    DONE();
}
