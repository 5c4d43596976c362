/* Real-time policies are kept and told, with their priorities, inherited or reset by fork, and limited for those who
   are not privileged; nice values and I/O priorities are found by process, group and user. */
#include "case.h"

struct attributes { uint32_t size, policy; uint64_t flags; int32_t nice; uint32_t priority; uint64_t runtime, deadline, period; uint32_t least, most; };

static long set(int policy, int priority)
{
    struct sched_param param = {priority};
    return RES(sched_setscheduler(0, policy, &param));
}
static int priority(void) { struct sched_param param = {77}; sched_getparam(0, &param); return param.sched_priority; }
static struct attributes told(void) { struct attributes all = {0}; syscall(SYS_sched_getattr, 0, &all, sizeof all, 0); return all; }

static void kept(void)
{
    struct timespec interval = {9, 9};
    struct sched_param param = {0};
    CHECK("FIFO without priority", set(SCHED_FIFO, 0), -EINVAL);
    CHECK("FIFO", set(SCHED_FIFO, 10), 0);
    CHECK("policy", sched_getscheduler(0), SCHED_FIFO);
    CHECK("priority", priority(), 10);
    CHECK("attributes", told().policy == SCHED_FIFO && told().priority == 10 && told().nice == 0, 1);
    sched_rr_get_interval(0, &interval);
    CHECK("no interval", interval.tv_sec + interval.tv_nsec, 0);
    CHECK("too high", set(SCHED_FIFO, 100), -EINVAL);
    CHECK("RR", set(SCHED_RR, 99), 0);
    CHECK("priority", priority(), 99);
    sched_rr_get_interval(0, &interval);
    CHECK("interval", interval.tv_nsec, 100000000);
    param.sched_priority = 7;
    CHECK("sched_setparam", RES(sched_setparam(0, &param)), 0);
    CHECK("priority", priority(), 7);
    param.sched_priority = 0;
    CHECK("sched_setparam 0", RES(sched_setparam(0, &param)), -EINVAL);
    CHECK("nice", RES(setpriority(PRIO_PROCESS, 0, 5)), 0);
    IN_CHILD(CHECK("inherited", sched_getscheduler(0) == SCHED_RR && priority() == 7, 1));
    CHECK("RR, but not for children", set(SCHED_RR | SCHED_RESET_ON_FORK, 7), 0);
    CHECK("told", sched_getscheduler(0), SCHED_RR | SCHED_RESET_ON_FORK);
    IN_CHILD(CHECK("reset", sched_getscheduler(0) == SCHED_OTHER && priority() == 0 && getpriority(PRIO_PROCESS, 0) == 0, 1));
    CHECK("OTHER", set(SCHED_OTHER, 0), 0);
    CHECK("OTHER with priority", set(SCHED_OTHER, 1), -EINVAL);
    CHECK("nice is as it was", getpriority(PRIO_PROCESS, 0), 5);
    struct attributes all = {.size = sizeof all, .policy = SCHED_FIFO, .priority = 3};
    CHECK("sched_setattr", RES(syscall(SYS_sched_setattr, 0, &all, 0)), 0);
    CHECK("priority", priority(), 3);
    all = (struct attributes){.size = sizeof all, .flags = 0x18};
    CHECK("sched_setattr that keeps all", RES(syscall(SYS_sched_setattr, 0, &all, 0)), 0);
    CHECK("priority", priority(), 3);
    CHECK("no policy", set(7, 0), -EINVAL);
    CHECK("ISO", set(4, 0), -EINVAL);
}

static void unprivileged(void)
{
    set(SCHED_FIFO, 10);
    become(1000);
    CHECK("as it is", set(SCHED_FIFO, 10), 0);
    CHECK("lower", set(SCHED_FIFO, 5), 0);
    CHECK("higher", set(SCHED_FIFO, 6), -EPERM);
    CHECK("another", set(SCHED_RR, 5), -EPERM);
    CHECK("none", set(SCHED_OTHER, 0), 0);
    CHECK("again", set(SCHED_FIFO, 1), -EPERM);
    CHECK("that of user 0", RES(sched_setscheduler(getppid() ? getppid() : 1, SCHED_OTHER, &(struct sched_param){0})), -EPERM);
    CHECK("IDLE", set(SCHED_IDLE, 0), 0);
    CHECK("out of IDLE", set(SCHED_OTHER, 0), -EPERM);
}

static void users(void)
{
    CHECK("nobody has user -1", RES(getpriority(PRIO_USER, -1)), -ESRCH);
    CHECK("set of nobody", RES(setpriority(PRIO_USER, -1, 3)), -ESRCH);
    CHECK("nobody", RES(getpriority(PRIO_USER, 4000000)), -ESRCH);
    CHECK("I/O of nobody", RES(syscall(SYS_ioprio_get, 3, -1)), -ESRCH);
    CHECK("set I/O of nobody", RES(syscall(SYS_ioprio_set, 3, -1, 0)), -ESRCH);
    CHECK("no kind", RES(getpriority(3, 0)), -EINVAL);
    setresuid(1234, 1234, 0);
    CHECK("the user", RES(setpriority(PRIO_USER, 1234, 3)), 0);
    CHECK("nice", getpriority(PRIO_PROCESS, 0), 3);
    CHECK("the caller's user", RES(setpriority(PRIO_USER, 0, 4)), 0);
    CHECK("nice", getpriority(PRIO_USER, 1234), 4);
}

static void child_slack(void)
{
    CHECK("inherited", prctl(PR_GET_TIMERSLACK), 70000);
    prctl(PR_SET_TIMERSLACK, 1);
    CHECK("set", prctl(PR_GET_TIMERSLACK), 1);
    prctl(PR_SET_TIMERSLACK, 0);
    CHECK("the default", prctl(PR_GET_TIMERSLACK), 70000);
}

/* The default slack of a thread is what the one had that made it. */
static void slack(void)
{
    prctl(PR_SET_TIMERSLACK, 70000);
    IN_CHILD(child_slack());
}

int main(void)
{
    IN_CHILD(kept());
    IN_CHILD(unprivileged());
    IN_CHILD(users());
    IN_CHILD(slack());
    DONE();
}
