/* Which clocks there are, what can be done on each, and what a timer on a clock of processor time does. */
#include "case.h"

struct row { int clock, gettime, timer, file, sleep, settime; };
static const struct row rows[] = {
    {CLOCK_MONOTONIC, 0, 0, 1, 0, -EINVAL},
    {CLOCK_PROCESS_CPUTIME_ID, 0, 0, -EINVAL, 1, -EINVAL},
    {CLOCK_THREAD_CPUTIME_ID, 0, 0, -EINVAL, -EOPNOTSUPP, -EINVAL},
    {CLOCK_MONOTONIC_RAW, 0, -EOPNOTSUPP, -EINVAL, -EOPNOTSUPP, -EINVAL},
    {CLOCK_REALTIME_COARSE, 0, -EOPNOTSUPP, -EINVAL, -EOPNOTSUPP, -EINVAL},
    {CLOCK_MONOTONIC_COARSE, 0, -EOPNOTSUPP, -EINVAL, -EOPNOTSUPP, -EINVAL},
    {CLOCK_BOOTTIME, 0, 0, 1, 0, -EINVAL},
    {10, -EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL},
    {CLOCK_TAI, 0, 0, -EINVAL, 0, -EINVAL},
    {12, -EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL},
    {99, -EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL},
};

static void table(void)
{
    struct sigevent event = {.sigev_notify = SIGEV_NONE};
    struct timespec time, short_time = {0, 1};
    for (int i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct row *row = &rows[i];
        int id;
        printf("clock %d\n", row->clock);
        CHECK("gettime", RES(syscall(SYS_clock_gettime, row->clock, &time)), row->gettime);
        CHECK("getres", RES(syscall(SYS_clock_getres, row->clock, &time)), row->gettime);
        CHECK("timer_create", RES(syscall(SYS_timer_create, row->clock, &event, &id)), row->timer);
        int file = RES(timerfd_create(row->clock, 0));
        CHECK("timerfd_create", file < 0 ? file : 1, row->file);
        if (row->sleep <= 0) CHECK("nanosleep", RES(syscall(SYS_clock_nanosleep, row->clock, 0, &short_time, NULL)), row->sleep);
        CHECK("settime", RES(syscall(SYS_clock_settime, row->clock, &time)), row->settime);
    }
}

/* CLOCK_TAI is a date: its absolute moments are dates, too. */
static void tai(void)
{
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1};
    struct timespec patience = {5, 0};
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    sigprocmask(SIG_BLOCK, &set, NULL);
    for (int relative = 0; relative < 2; relative++) {
        timer_t timer;
        struct itimerspec when = {{0}};
        timer_create(CLOCK_TAI, &event, &timer);
        if (!relative) clock_gettime(CLOCK_TAI, &when.it_value);
        when.it_value.tv_sec += when.it_value.tv_nsec >= 950000000;
        when.it_value.tv_nsec = (when.it_value.tv_nsec + 50000000) % 1000000000;
        timer_settime(timer, relative ? 0 : TIMER_ABSTIME, &when, NULL);
        long begin = milliseconds();
        CHECK("came", RES(sigtimedwait(&set, NULL, &patience)), SIGUSR1);
        CHECK("not early", milliseconds() - begin >= 40, 1);
        timer_delete(timer);
    }
}

/* The processor time of a child that sleeps does not go on: neither does what waits for it. */
static void processor_time(void)
{
    clockid_t clock;
    timer_t timer;
    int ends[2];
    char byte;
    pipe(ends);
    pid_t child = fork();
    if (child == 0) {
        read(ends[0], &byte, 1);
        for (long begin = milliseconds(); milliseconds() - begin < 3000;) ;
        _exit(0);
    }
    CHECK("clock of a child", clock_getcpuclockid(child, &clock), 0);
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR2};
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR2);
    sigprocmask(SIG_BLOCK, &set, NULL);
    CHECK("timer on it", RES(timer_create(clock, &event, &timer)), 0);
    struct itimerspec when = {{0}, {0, 100000000}}, left;
    struct timespec some = {0, 300000000}, patience = {10, 0};
    CHECK("settime", RES(timer_settime(timer, 0, &when, NULL)), 0);
    CHECK("not yet", RES(sigtimedwait(&set, NULL, &some)), -EAGAIN);
    timer_gettime(timer, &left);
    CHECK("all is left", left.it_value.tv_nsec > 90000000, 1);
    write(ends[1], "x", 1);
    siginfo_t info;
    CHECK("when it has run", RES(sigtimedwait(&set, &info, &patience)), SIGUSR2);
    CHECK("code", info.si_code, SI_TIMER);
    struct timespec ten = {0, 10000000};
    CHECK("sleep while it runs", clock_nanosleep(clock, 0, &ten, NULL), 0);
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    CHECK("settime of a clock that is gone", timer_settime(timer, 0, &when, NULL) <= 0, 1);
    timer_delete(timer);
    CHECK("no such clock", RES(syscall(SYS_timer_create, clock, &event, &timer)), -EINVAL);
}

static volatile int profiled;
static void on_profile(int number) { profiled++; }

static void profile(void)
{
    struct itimerval every = {{0, 1}, {0, 1}}, stop = {{0}};
    signal(SIGPROF, on_profile);
    setitimer(ITIMER_PROF, &every, NULL);
    for (long begin = milliseconds(); milliseconds() - begin < 500;) ;
    setitimer(ITIMER_PROF, &stop, NULL);
    CHECK("each tick at most", profiled > 2 && profiled < 1500, 1);
    struct rlimit limit = {1, 4};
    signal(SIGXCPU, on_profile);
    profiled = 0;
    IN_CHILD({
        setrlimit(RLIMIT_CPU, &limit);
        while (profiled < 2) ;
        getrlimit(RLIMIT_CPU, &limit);
        CHECK("the soft limit moves on", limit.rlim_cur >= 3 && limit.rlim_cur <= 4, 1);
    });
}

int main(void)
{
    table();
    tai();
    processor_time();
    profile();
    DONE();
}
