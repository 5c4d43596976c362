/* Signals with information, and timers that send them: prints the same on Linux and in a container. */
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void say(const char *what, long value) { printf("%s %ld\n", what, value < 0 ? -(long)errno : value); fflush(stdout); }
static void handle(int signal, siginfo_t *info, void *context) {
    char line[100];
    int ours = info->si_pid == getpid();
    write(1, line, sprintf(line, "handler %d code %d value %d ours %d\n", signal, info->si_code, info->si_value.sival_int, ours));
}
static void nothing(int signal) {}

static void queued(void) {
    sigset_t set, before;
    sigemptyset(&set);
    sigaddset(&set, SIGRTMIN); sigaddset(&set, SIGRTMIN + 1); sigaddset(&set, SIGUSR1);
    sigprocmask(SIG_BLOCK, &set, &before);
    struct sigaction action = {.sa_sigaction = handle, .sa_flags = SA_SIGINFO};
    sigaction(SIGRTMIN, &action, NULL); sigaction(SIGRTMIN + 1, &action, NULL); sigaction(SIGUSR1, &action, NULL);
    for (int i = 1; i < 4; i++) {
        union sigval value = {.sival_int = i};
        sigqueue(getpid(), SIGRTMIN + 1, value); sigqueue(getpid(), SIGRTMIN, value); sigqueue(getpid(), SIGUSR1, value);
    }
    raise(SIGRTMIN);
    sigprocmask(SIG_SETMASK, &before, NULL);
    siginfo_t info;
    memset(&info, 0, sizeof info);
    sigprocmask(SIG_BLOCK, &set, NULL);
    struct timespec none = {0, 0}, some = {0, 10000000};
    say("nothing", sigtimedwait(&set, &info, &none));
    say("nothing in time", sigtimedwait(&set, &info, &some));
    kill(getpid(), SIGUSR1);
    say("wait", sigwaitinfo(&set, &info));
    say("code", info.si_code == SI_USER && info.si_pid == getpid());
    pid_t child = fork();
    if (child == 0) { union sigval value = {.sival_int = 9}; sigqueue(getppid(), SIGRTMIN, value); _exit(0); }
    say("from a child", sigwaitinfo(&set, &info));
    say("value", info.si_value.sival_int);
    waitpid(child, NULL, 0);
    info.si_code = SI_USER;
    child = fork();
    if (child == 0) _exit(syscall(SYS_rt_sigqueueinfo, getppid(), SIGUSR1, &info) < 0 ? errno : 0);
    int status;
    waitpid(child, &status, 0);
    say("as the kernel", WEXITSTATUS(status));
    say("no process", syscall(SYS_rt_sigqueueinfo, 4000000, SIGUSR1, &info));
    say("no signal", syscall(SYS_rt_sigqueueinfo, getpid(), 65, &info));
    sigprocmask(SIG_SETMASK, &before, NULL);
}

static void flags(void) {
    unsigned long wanted[4] = {(unsigned long)nothing, 0x04000000 | 0x7fffffff00000000 | 0x400 | 0x0fff, 0, 0}, got[4];
    say("action", syscall(SYS_rt_sigaction, SIGUSR1, wanted, NULL, 8)); say("kept", syscall(SYS_rt_sigaction, SIGUSR1, NULL, got, 8));
    printf("%lx\n", got[1]);
}

static void child_information(void) {
    struct sigaction action = {.sa_sigaction = handle, .sa_flags = SA_SIGINFO};
    sigset_t set;
    siginfo_t info;
    sigemptyset(&set); sigaddset(&set, SIGCHLD);
    sigprocmask(SIG_BLOCK, &set, NULL);
    pid_t child = fork();
    if (child == 0) _exit(5);
    say("child", sigwaitinfo(&set, &info));
    say("pid", info.si_pid == child); say("code", info.si_code); say("status", info.si_status);
    waitpid(child, NULL, 0);
    sigprocmask(SIG_UNBLOCK, &set, NULL);
}

static void files(void) {
    sigset_t set;
    sigemptyset(&set); sigaddset(&set, SIGUSR2); sigaddset(&set, SIGRTMIN);
    sigprocmask(SIG_BLOCK, &set, NULL);
    int fd = signalfd(-1, &set, SFD_NONBLOCK);
    struct signalfd_siginfo records[3];
    say("empty", read(fd, records, sizeof records));
    struct pollfd record = {.fd = fd, .events = POLLIN};
    say("not ready", poll(&record, 1, 0));
    union sigval value = {.sival_int = 3};
    kill(getpid(), SIGUSR2); sigqueue(getpid(), SIGRTMIN, value);
    say("ready", poll(&record, 1, 1000));
    say("two", read(fd, records, sizeof records) == 256);
    say("first", records[0].ssi_signo); say("second", records[1].ssi_signo == SIGRTMIN);
    say("value", records[1].ssi_int); say("code", records[1].ssi_code == SI_QUEUE);
    say("pid", records[0].ssi_pid == getpid());
    say("small", read(fd, records, 100));
    say("flags", signalfd(-1, &set, 1)); say("other file", signalfd(1, &set, 0));
    pid_t child = fork();
    if (child == 0) { usleep(20000); kill(getppid(), SIGUSR2); _exit(0); }
    say("later", poll(&record, 1, 5000));
    say("one", read(fd, records, sizeof records));
    waitpid(child, NULL, 0);
}

static void timers(void) {
    struct sigaction action = {.sa_handler = nothing};
    sigaction(SIGALRM, &action, NULL);
    say("alarm", alarm(100)); say("rest", alarm(0)); say("none", alarm(0));
    struct itimerval soon = {{0, 5000}, {0, 5000}}, now, off = {{0, 0}, {0, 0}};
    say("set", setitimer(ITIMER_REAL, &soon, NULL));
    say("pause", pause()); say("again", pause());
    say("get", getitimer(ITIMER_REAL, &now)); say("interval", now.it_interval.tv_usec);
    say("off", setitimer(ITIMER_REAL, &off, NULL)); say("which", getitimer(7, &now));
    sigset_t set;
    sigemptyset(&set); sigaddset(&set, SIGRTMIN + 2);
    sigprocmask(SIG_BLOCK, &set, NULL);
    timer_t timer;
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGRTMIN + 2, .sigev_value.sival_int = 77};
    say("create", timer_create(CLOCK_MONOTONIC, &event, &timer));
    struct itimerspec often = {{0, 1000000}, {0, 1000000}}, stopped = {{0, 0}, {0, 0}};
    say("settime", timer_settime(timer, 0, &often, NULL));
    siginfo_t info;
    say("signal", sigwaitinfo(&set, &info) == SIGRTMIN + 2);
    say("code", info.si_code == SI_TIMER); say("value", info.si_value.sival_int);
    /* How many moments pass while it sleeps is up to the machine: it sleeps until there were enough. */
    do { usleep(10000); sigwaitinfo(&set, &info); } while (info.si_overrun <= 5);
    say("overran", info.si_overrun == timer_getoverrun(timer));
    say("stop", timer_settime(timer, 0, &stopped, &often)); say("was", often.it_interval.tv_nsec);
    say("gettime", timer_gettime(timer, &often)); say("zero", often.it_value.tv_nsec + often.it_interval.tv_nsec);
    say("delete", timer_delete(timer));
    say("gone", syscall(SYS_timer_delete, 0)); say("clock", syscall(SYS_timer_create, 99, NULL, &timer));
    event.sigev_signo = 70;
    say("bad signal", timer_create(CLOCK_REALTIME, &event, &timer));
    struct timespec moment;
    clock_gettime(CLOCK_REALTIME, &moment);
    say("slept", clock_nanosleep(CLOCK_REALTIME, TIMER_ABSTIME, &moment, NULL));
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) { signal(SIGALRM, SIG_DFL); alarm(1); for (;;) pause(); }
    int status;
    waitpid(child, &status, 0);
    say("killed by", WTERMSIG(status));
}

int main(void) {
    queued();
    flags();
    child_information();
    files();
    timers();
    return 0;
}
