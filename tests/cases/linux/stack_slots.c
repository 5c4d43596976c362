/* Kernel stacks that are given back on one processor and used again on another, which remembers what was at their addresses:
   threads come and go on processor 1, beside a process whose threads go from there to processor 0 and end.
   processors: 2 */
#include "case.h"

#define THREADS 6
#define MILLISECONDS 4000

static pthread_attr_t small;

static void go_to(int number)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(number, &set);
    sched_setaffinity(0, sizeof set, &set);
}

static void *brief(void *unused)
{
    access("/no/such/file", 0);
    return NULL;
}

static void *mover(void *unused)
{
    go_to(1);
    access("/no/such/file", 0);
    go_to(0);
    return NULL;
}

static long run_all(void *(*what)(void *))
{
    pthread_t threads[THREADS];
    long failures = 0;
    for (int i = 0; i < THREADS; i++) failures += pthread_create(&threads[i], &small, what, NULL) != 0;
    for (int i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
    return failures;
}

int main(void)
{
    long end = milliseconds() + MILLISECONDS, failures = 0;
    int state;
    pthread_attr_init(&small);
    pthread_attr_setstacksize(&small, 20480);
    pid_t other = fork();
    go_to(other == 0);
    while (milliseconds() < end) {
        failures += run_all(other == 0 ? brief : mover);
        if (other != 0) usleep(10000);
    }
    if (other == 0) _exit(failures != 0);
    waitpid(other, &state, 0);
    CHECK("threads that could not be made", failures, 0);
    CHECK("state of the other process", state, 0);
    DONE();
}
