/* Thousands of timers, and hundreds of sleepers that wake at one moment: none costs more for those that there are. */
#include "case.h"
#define TIMERS 4000
#define SLEEPERS 300

static struct timespec moment;
static void *sleep_until_moment(void *unused)
{
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &moment, NULL)) ;
    return NULL;
}

static void many_timers(void)
{
    static int numbers[TIMERS];
    struct sigevent event = {.sigev_notify = SIGEV_NONE};
    struct itimerspec soon = {{0}, {0, 1}}, far = {{0}, {1000, 0}};
    long begin = milliseconds();
    int made = 0;
    while (made < TIMERS && syscall(SYS_timer_create, CLOCK_MONOTONIC, &event, &numbers[made]) == 0) made++;
    CHECK("made", made, TIMERS);
    CHECK("numbers go up", numbers[1], numbers[0] + 1);
    syscall(SYS_timer_delete, numbers[0]);
    int next;
    syscall(SYS_timer_create, CLOCK_MONOTONIC, &event, &next);
    CHECK("and are not used again soon", next, numbers[TIMERS - 1] + 1);
    for (int i = 1; i < TIMERS; i++) syscall(SYS_timer_settime, numbers[i], 0, &far, NULL);
    for (int i = 1; i < TIMERS; i++) syscall(SYS_timer_settime, numbers[i], 0, &soon, NULL);
    for (int i = 1; i < TIMERS; i++) CHECK_QUIETLY(syscall(SYS_timer_delete, numbers[i]), 0);
    CHECK("time for all", milliseconds() - begin < 10000, 1);
}

static void many_sleepers(void)
{
    pthread_attr_t small;
    pthread_t threads[SLEEPERS];
    pthread_attr_init(&small);
    pthread_attr_setstacksize(&small, 16384);
    clock_gettime(CLOCK_MONOTONIC, &moment);
    moment.tv_sec += 1;
    for (int i = 0; i < SLEEPERS; i++) CHECK_QUIETLY(pthread_create(&threads[i], &small, sleep_until_moment, NULL), 0);
    for (int i = 0; i < SLEEPERS; i++) pthread_join(threads[i], NULL);
    long late = milliseconds() - moment.tv_sec * 1000 - moment.tv_nsec / 1000000;
    CHECK("not early", late >= 0, 1);
    CHECK("soon", late < 2000, 1);
}

int main(void)
{
    many_timers();
    many_sleepers();
    DONE();
}
