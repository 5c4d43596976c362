/* A timer with an interval waits until its signal is taken: what came meanwhile is the overrun of that one signal.
   While the signal is ignored it waits, too, and sends it once it is not; a new setting takes a pending signal back. */
#include "case.h"

static volatile int taken, before_first;
static timer_t process_timer;
/* On a busy machine a second signal may come before the first one is asked about. */
static void take(int number) { if (taken++ == 0) before_first = timer_getoverrun(process_timer); }
static void rest(long milli)
{
    struct timespec left = {milli / 1000, milli % 1000 * 1000000};
    while (nanosleep(&left, &left)) ;
}
static void block(int how, int number)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, number);
    sigprocmask(how, &set, NULL);
}
#define EVERY(ms) ((struct itimerspec){{0, (ms) * 1000000L}, {0, (ms) * 1000000L}})

static void process_timers(void)
{
    timer_t timer;
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1};
    struct itimerspec setting = EVERY(10), old;
    CHECK("create", RES(timer_create(CLOCK_MONOTONIC, &event, &timer)), 0);
    process_timer = timer;
    signal(SIGUSR1, SIG_IGN);
    timer_settime(timer, 0, &setting, NULL);
    rest(60);
    timer_gettime(timer, &old);
    CHECK("ignored: looks ahead", old.it_value.tv_nsec > 0 && old.it_value.tv_nsec <= 10000000, 1);
    CHECK("ignored: none was taken", timer_getoverrun(timer), 0);
    signal(SIGUSR1, take);
    for (int i = 0; i < 500 && !taken; i++) rest(1);
    CHECK("heard at once", taken > 0, 1);
    CHECK("with what came before", before_first >= 3, 1);
    block(SIG_BLOCK, SIGUSR1);
    rest(60);
    setting = (struct itimerspec){{0, 0}, {1000, 0}};
    timer_settime(timer, 0, &setting, &old);
    CHECK("pending: looks ahead", old.it_value.tv_nsec > 0 && old.it_value.tv_nsec <= 10000000, 1);
    taken = 0;
    block(SIG_UNBLOCK, SIGUSR1);
    CHECK("taken back by a new setting", taken, 0);
    block(SIG_BLOCK, SIGUSR1);
    setting = (struct itimerspec){{0, 0}, {0, 1}};
    timer_settime(timer, 0, &setting, NULL);
    rest(20);
    timer_delete(timer);
    block(SIG_UNBLOCK, SIGUSR1);
    CHECK("taken back by the end of the timer", taken, 0);
    event.sigev_notify = SIGEV_NONE;
    timer_create(CLOCK_MONOTONIC, &event, &timer);
    setting = EVERY(10);
    timer_settime(timer, 0, &setting, NULL);
    rest(50);
    timer_gettime(timer, &old);
    CHECK("silent: looks ahead", old.it_value.tv_nsec > 0 && old.it_value.tv_nsec <= 10000000, 1);
    setting = (struct itimerspec){{0, 0}, {0, 1000000}};
    timer_settime(timer, 0, &setting, NULL);
    rest(20);
    timer_gettime(timer, &old);
    CHECK("silent and over", old.it_value.tv_nsec, 0);
    timer_delete(timer);
}

static void interval_timers(void)
{
    struct itimerval every = {{0, 10000}, {0, 10000}}, stop = {{0}}, seen;
    signal(SIGALRM, SIG_IGN);
    setitimer(ITIMER_REAL, &every, NULL);
    rest(50);
    getitimer(ITIMER_REAL, &seen);
    CHECK("ignored: stopped", seen.it_value.tv_usec, 0);
    CHECK("ignored: interval", seen.it_interval.tv_usec, 10000);
    taken = 0;
    signal(SIGALRM, take);
    rest(50);
    CHECK("nobody starts it again", taken, 0);
    kill(getpid(), SIGALRM);
    rest(60);
    CHECK("a SIGALRM that is taken does", taken > 1, 1);
    block(SIG_BLOCK, SIGALRM);
    rest(50);
    getitimer(ITIMER_REAL, &seen);
    CHECK("pending: waits", seen.it_value.tv_usec, 0);
    taken = 0;
    block(SIG_UNBLOCK, SIGALRM);
    rest(60);
    CHECK("goes on", taken > 1, 1);
    setitimer(ITIMER_REAL, &stop, NULL);
}

static void descriptors(void)
{
    int file = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
    struct itimerspec setting = EVERY(10), old;
    uint64_t count = 0;
    timerfd_settime(file, 0, &setting, NULL);
    rest(55);
    timerfd_gettime(file, &old);
    CHECK("looks ahead", old.it_value.tv_nsec > 0 && old.it_value.tv_nsec <= 10000000, 1);
    CHECK("read", RES(read(file, &count, 8)), 8);
    CHECK("counted once", count >= 5 && count < 50, 1);
    rest(30);
    timerfd_settime(file, 0, &setting, &old);
    CHECK("what was told is forgotten", RES(read(file, &count, 8)), -EAGAIN);
}

int main(void)
{
    process_timers();
    interval_timers();
    descriptors();
    DONE();
}
