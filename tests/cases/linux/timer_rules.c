/* timerfd, clocks, sleeping, timers with signals and those of setitimer(2), as programs use them. */
#include "case.h"

static volatile int taken;
static void take(int number) { taken++; }

static void descriptors(void)
{
    uint64_t count;
    struct timespec now;
    struct itimerspec setting = {{0, 10000000}, {0, 1}}, old;
    int file = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
    CHECK("not set", RES(read(file, &count, 8)), -EAGAIN);
    timerfd_settime(file, 0, &setting, NULL);
    usleep(105000);
    CHECK("several", (read(file, &count, 8), count >= 9 && count < 100), 1);
    CHECK("small buffer", RES(read(file, &count, 4)), -EINVAL);
    clock_gettime(CLOCK_MONOTONIC, &now);
    setting = (struct itimerspec){{0, 0}, {now.tv_sec, 0}};
    CHECK("a moment that is over", RES(timerfd_settime(file, TFD_TIMER_ABSTIME, &setting, &old)), 0);
    CHECK("old interval", old.it_interval.tv_nsec, 10000000);
    usleep(1000);
    CHECK("at once", RES(read(file, &count, 8)), 8);
    CHECK("one", count, 1);
    timerfd_gettime(file, &old);
    CHECK("no time is left", old.it_value.tv_sec + old.it_value.tv_nsec, 0);
    setting.it_value.tv_nsec = 1000000000;
    CHECK("no nanoseconds", RES(timerfd_settime(file, 0, &setting, NULL)), -EINVAL);
    setting.it_value.tv_nsec = 0;
    CHECK("no flag", RES(timerfd_settime(file, 8, &setting, NULL)), -EINVAL);
    setting.it_value.tv_sec = 4000000000;
    CHECK("cancelled when the clock is set", RES(timerfd_settime(timerfd_create(CLOCK_REALTIME, 0), 3, &setting, NULL)), 0);
}

static void sleeps(void)
{
    struct timespec second = {1, 0}, left = {77, 0}, moment, over = {5, 0}, negative = {-1, 0}, resolution;
    clockid_t clock;
    clock_getres(CLOCK_MONOTONIC, &resolution);
    CHECK("resolution", resolution.tv_nsec, 1);
    clock_getcpuclockid(getpid(), &clock);
    CHECK("clock of a process", RES(syscall(SYS_clock_gettime, clock, &moment)), 0);
    pthread_getcpuclockid(pthread_self(), &clock);
    CHECK("clock of a thread", RES(syscall(SYS_clock_gettime, clock, &moment)), 0);
    signal(SIGALRM, take);
    siginterrupt(SIGALRM, 1);
    ualarm(50000, 0);
    CHECK("nanosleep is interrupted", RES(nanosleep(&second, &left)), -EINTR);
    CHECK("rest", left.tv_sec == 0 && left.tv_nsec > 500000000 && left.tv_nsec < 960000000, 1);
    ualarm(50000, 0);
    clock_gettime(CLOCK_MONOTONIC, &moment);
    moment.tv_sec++;
    left.tv_sec = 77;
    CHECK("sleep to a moment is interrupted", clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &moment, &left), EINTR);
    CHECK("the rest is not told", left.tv_sec, 77);
    CHECK("a moment that is over", clock_nanosleep(CLOCK_REALTIME, TIMER_ABSTIME, &over, NULL), 0);
    CHECK("clock of the thread", clock_nanosleep(CLOCK_THREAD_CPUTIME_ID, 0, &second, NULL), EINVAL);
    CHECK("negative", RES(nanosleep(&negative, NULL)), -EINVAL);
}

static void signals(void)
{
    timer_t timer;
    sigset_t set;
    siginfo_t info;
    struct timespec none = {0, 0};
    struct itimerspec setting = {{0, 0}, {5, 0}};
    struct sigevent event = {.sigev_notify = SIGEV_NONE};
    CHECK("SIGEV_NONE", RES(timer_create(CLOCK_MONOTONIC, &event, &timer)), 0);
    timer_settime(timer, 0, &setting, NULL);
    timer_gettime(timer, &setting);
    CHECK("time left", setting.it_value.tv_sec, 4);
    event = (struct sigevent){.sigev_notify = SIGEV_SIGNAL, .sigev_signo = 99};
    CHECK("no signal", RES(timer_create(CLOCK_MONOTONIC, &event, &timer)), -EINVAL);
    sigemptyset(&set);
    sigaddset(&set, SIGRTMIN);
    sigprocmask(SIG_BLOCK, &set, NULL);
    event = (struct sigevent){.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGRTMIN, .sigev_value.sival_int = 42};
    timer_create(CLOCK_REALTIME, &event, &timer);
    setting = (struct itimerspec){{0, 5000000}, {0, 5000000}};
    timer_settime(timer, 0, &setting, NULL);
    usleep(100000);
    CHECK("queued once", RES(sigtimedwait(&set, &info, &none)), SIGRTMIN);
    CHECK("code", info.si_code, SI_TIMER);
    CHECK("value", info.si_value.sival_int, 42);
    CHECK("overrun", info.si_overrun >= 8, 1);
    CHECK("the same", timer_getoverrun(timer), info.si_overrun);
    timer_delete(timer);
    CHECK("deleted", RES(timer_gettime(timer, &setting)), -EINVAL);
}

static void intervals(void)
{
    struct itimerval setting = {{0, 0}, {0, 30000}};
    signal(SIGPROF, take);
    taken = 0;
    setitimer(ITIMER_PROF, &setting, NULL);
    for (long begin = milliseconds(); !taken && milliseconds() - begin < 5000;) ;
    CHECK("ITIMER_PROF", taken, 1);
    CHECK("alarm tells whole seconds", (alarm(10), alarm(0)), 10);
    CHECK("no timer", RES(setitimer(3, &setting, NULL)), -EINVAL);
    setting = (struct itimerval){{0, 0}, {0, 1000000}};
    CHECK("no microseconds", RES(setitimer(ITIMER_REAL, &setting, NULL)), -EINVAL);
}

int main(void)
{
    descriptors();
    sleeps();
    signals();
    intervals();
    DONE();
}
