/* The number of a thread that leads no process names its process for kill(2) and rt_sigqueueinfo(2), and the thread for
   tkill(2), sched_getscheduler(2) and their like; it is no process for waitid(2), tgkill(2), setpgid(2) and pidfd_open(2). */
#include "case.h"

static volatile pid_t number;
static volatile int stop;
static void *other(void *unused)
{
    number = gettid();
    while (!stop) usleep(1000);
    return NULL;
}
static volatile int came;
static void take(int signal) { came++; }

int main(void)
{
    pthread_t thread;
    siginfo_t info = {.si_signo = SIGUSR1, .si_code = SI_QUEUE};
    char path[64];
    signal(SIGUSR1, take);
    pthread_create(&thread, NULL, other, NULL);
    while (!number) usleep(1000);
    CHECK("kill", RES(kill(number, SIGUSR1)), 0);
    CHECK("rt_sigqueueinfo", RES(syscall(SYS_rt_sigqueueinfo, number, SIGUSR1, &info)), 0);
    CHECK("tkill", RES(syscall(SYS_tkill, number, SIGUSR1)), 0);
    CHECK("tgkill", RES(syscall(SYS_tgkill, getpid(), number, SIGUSR1)), 0);
    pid_t child = fork();
    if (child == 0) pause();
    CHECK("tgkill of another process", RES(syscall(SYS_tgkill, child, number, 0)), -ESRCH);
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    CHECK("setpgid", RES(setpgid(number, 0)), -EINVAL);
    CHECK("tgkill of no process", RES(syscall(SYS_tgkill, number, number, 0)), -ESRCH);
    CHECK("kill of nobody", RES(kill(4000000, 0)), -ESRCH);
    CHECK("tkill of nobody", RES(syscall(SYS_tkill, 4000000, 0)), -ESRCH);
    CHECK("kill of no group", RES(kill(-number, 0)), -ESRCH);
    CHECK("scheduler", RES(sched_getscheduler(number)), 0);
    CHECK("priority", RES(setpriority(PRIO_PROCESS, number, 5)), 0);
    CHECK("of the one thread", getpriority(PRIO_PROCESS, 0), 0);
    CHECK("getpgid", RES(getpgid(number)), getpgrp());
    CHECK("getsid", RES(getsid(number)), getsid(0));
    CHECK("waitpid", RES(waitpid(number, NULL, WNOHANG)), -ECHILD);
    CHECK("pidfd_open", RES(syscall(SYS_pidfd_open, number, 0)) < 0, 1);
    sprintf(path, "/proc/self/task/%d/status", number);
    CHECK("/proc/self/task/N", RES(access(path, R_OK)), 0);
    stop = 1;
    pthread_join(thread, NULL);
    while (syscall(SYS_tkill, number, 0) == 0) usleep(1000);
    CHECK("kill after its end", RES(kill(number, 0)), -ESRCH);
    CHECK("signals came", came >= 1, 1);
    DONE();
}
