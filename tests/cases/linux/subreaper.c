/* PR_SET_CHILD_SUBREAPER and PR_SET_PDEATHSIG: who becomes the parent of orphans, and what they hear of it. */
#include "case.h"

static volatile int taken;
static void take(int number) { taken = number; }
static int tell[2];
static int told(void) { int value = -1; read(tell[0], &value, sizeof value); return value; }
static void say(int value) { write(tell[1], &value, sizeof value); }

/* Its child outlives it. */
static void middle(void)
{
    int reaps = -1;
    prctl(PR_GET_CHILD_SUBREAPER, &reaps);
    say(reaps);
    if (fork() == 0) { usleep(200000); say(getppid()); _exit(5); }
    _exit(0);
}

static void hears(void)
{
    if (fork() == 0) {
        signal(SIGUSR1, take);
        prctl(PR_SET_PDEATHSIG, SIGUSR1);
        write(tell[1], "rrrr", 4);
        for (int i = 0; i < 250 && !taken; i++) usleep(20000);
        say(taken);
        _exit(0);
    }
    told();
    _exit(0);
}

int main(void)
{
    int value = -1, status;
    pipe(tell);
    CHECK("set", prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
    prctl(PR_GET_CHILD_SUBREAPER, &value);
    CHECK("get", value, 1);
    pid_t child = fork();
    if (child == 0) middle();
    waitpid(child, &status, 0);
    CHECK("not inherited", told(), 0);
    CHECK("the parent of the orphan", told(), getpid());
    CHECK("it is waited for", wait(&status) > 0 && WEXITSTATUS(status) == 5, 1);
    child = fork();
    if (child == 0) hears();
    waitpid(child, &status, 0);
    CHECK("its parent has ended", told(), SIGUSR1);
    wait(&status);
    prctl(PR_SET_PDEATHSIG, SIGUSR1);
    child = fork();
    if (child == 0) { prctl(PR_GET_PDEATHSIG, &value); _exit(value); }
    waitpid(child, &status, 0);
    CHECK("not inherited", WEXITSTATUS(status), 0);
    CHECK("no signal", RES(prctl(PR_SET_PDEATHSIG, 99)), -EINVAL);
    DONE();
}
