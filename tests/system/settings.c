/* What processes set for themselves and others: prints the same on Linux and in a container. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <sys/wait.h>
#include <unistd.h>

struct scheduling { uint32_t size, sched_policy; uint64_t sched_flags; int32_t sched_nice; uint32_t sched_priority; uint64_t times[3]; };

static void say(const char *what, long value) { printf("%s %ld\n", what, value < 0 ? -(long)errno : value); fflush(stdout); }
static int ended(pid_t child) { int status; waitpid(child, &status, 0); return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status); }
#define CHILD(what, ...) do { fflush(stdout); pid_t child = fork(); if (child == 0) { __VA_ARGS__; fflush(stdout); _exit(0); } say(what, ended(child)); } while (0)
static long get(int which, int who) { return syscall(SYS_getpriority, which, who); }
static int nobody(void) { return setresgid(65534, 65534, 65534) || setresuid(65534, 65534, 65534); }

static void *nice_thread(void *unused) {
    setpriority(PRIO_PROCESS, 0, 7);
    say("of the thread", get(PRIO_PROCESS, 0)); say("of the group", get(PRIO_PGRP, 0));
    return NULL;
}

static void nice_values(void) {
    setpgid(0, 0);
    say("nice", get(PRIO_PROCESS, 0)); say("which", get(3, 0)); say("nobody", get(PRIO_PROCESS, 4000000));
    say("negative", get(PRIO_PROCESS, -1)); say("no group", get(PRIO_PGRP, 4000000)); say("no user", get(PRIO_USER, 12345));
    say("set", setpriority(PRIO_PROCESS, 0, 5)); say("now", get(PRIO_PROCESS, getpid()));
    say("too nice", setpriority(PRIO_PROCESS, 0, 100)); say("now", get(PRIO_PROCESS, 0));
    say("down", setpriority(PRIO_PGRP, 0, -100)); say("now", get(PRIO_PROCESS, 0));
    setpriority(PRIO_PROCESS, 0, 2);
    pthread_t thread;
    pthread_create(&thread, NULL, nice_thread, NULL); pthread_join(thread, NULL);
    say("mine", get(PRIO_PROCESS, 0));
    CHILD("inherited", say("child", get(PRIO_PROCESS, 0)));
    CHILD("as nobody", nobody(); say("nicer", setpriority(PRIO_PROCESS, 0, 9)); say("back", setpriority(PRIO_PROCESS, 0, 3));
          say("other", setpriority(PRIO_PROCESS, getppid(), 9)); say("none", setpriority(PRIO_USER, 12345, 9)));
    say("which", setpriority(5, 0, 0));
    FILE *file = fopen("/proc/self/stat", "r");
    long values[20];
    char line[1000], *rest;
    fgets(line, sizeof line, file); fclose(file);
    rest = strrchr(line, ')') + 4;
    for (int i = 0; i < 17; i++) { sscanf(rest, "%ld", &values[i]); rest = strchr(rest + 1, ' '); if (!rest) break; }
    say("stat priority", values[14]); say("stat nice", values[15]);
    setpriority(PRIO_PROCESS, 0, 0);
}

static void policies(void) {
    struct sched_param none = {0}, five = {5};
    say("batch", sched_setscheduler(0, SCHED_BATCH, &none)); say("is", sched_getscheduler(0));
    say("idle", sched_setscheduler(0, SCHED_IDLE | SCHED_RESET_ON_FORK, &none)); say("is", sched_getscheduler(0));
    CHILD("reset", say("child", sched_getscheduler(0)));
    CHILD("as nobody", nobody(); say("leave idle", sched_setscheduler(0, SCHED_OTHER, &none));
          say("leave reset", sched_setscheduler(0, SCHED_IDLE, &none)); say("other", sched_setscheduler(getppid(), SCHED_BATCH, &none));
          say("real time", sched_setscheduler(0, SCHED_FIFO | SCHED_RESET_ON_FORK, &five)));
    say("priority", sched_setscheduler(0, SCHED_BATCH, &five)); say("no policy", sched_setscheduler(0, 4, &none));
    say("no parameter", syscall(SYS_sched_setscheduler, 0, 0, NULL)); say("no process", sched_setscheduler(4000000, 0, &none));
    say("deadline", sched_setscheduler(0, SCHED_DEADLINE, &none)); say("fifo of 0", sched_setscheduler(0, SCHED_FIFO, &none));
    say("back", sched_setscheduler(0, SCHED_OTHER, &none)); say("is", sched_getscheduler(0));
    struct scheduling attributes = {.size = 48, .sched_policy = SCHED_BATCH, .sched_nice = 4};
    say("setattr", syscall(SYS_sched_setattr, 0, &attributes, 0));
    memset(&attributes, 0xff, sizeof attributes);
    say("getattr", syscall(SYS_sched_getattr, 0, &attributes, 48, 0));
    say("size", attributes.size); say("policy", attributes.sched_policy); say("nice", attributes.sched_nice);
    say("flags", attributes.sched_flags); say("priority", attributes.sched_priority);
    say("small", syscall(SYS_sched_getattr, 0, &attributes, 47, 0)); say("flags", syscall(SYS_sched_getattr, 0, &attributes, 48, 1));
    attributes.sched_flags = SCHED_FLAG_KEEP_ALL;
    say("keep", syscall(SYS_sched_setattr, 0, &attributes, 0)); say("is", sched_getscheduler(0));
    attributes.sched_flags = 0x100; say("bad flags", syscall(SYS_sched_setattr, 0, &attributes, 0));
    attributes.size = 20; say("size", syscall(SYS_sched_setattr, 0, &attributes, 0));
    say("null", syscall(SYS_sched_setattr, 0, NULL, 0));
    setpriority(PRIO_PROCESS, 0, 0); sched_setscheduler(0, SCHED_OTHER, &none);
}

#define get_io(which, who) syscall(SYS_ioprio_get, which, who)
#define set_io(which, who, value) syscall(SYS_ioprio_set, which, who, value)

static void transfers(void) {
    say("none", get_io(1, 0)); say("which", get_io(4, 0)); say("nothing", get_io(0, 0)); say("nobody", get_io(1, 4000000)); say("no user", get_io(3, 12345));
    say("set", set_io(1, 0, 2 << 13 | 3)); say("is", get_io(1, getpid())); say("idle", set_io(1, 0, 3 << 13 | 7)); say("is", get_io(1, 0));
    say("level of none", set_io(1, 0, 1)); say("class", set_io(1, 0, 4 << 13)); say("which", set_io(5, 0, 2 << 13)); say("nobody", set_io(1, 4000000, 2 << 13));
    CHILD("as nobody", say("inherited", get_io(1, 0)); nobody(); say("real time", set_io(1, 0, 1 << 13 | 3)); say("other", set_io(1, getppid(), 2 << 13 | 3));
          say("own", set_io(1, 0, 2 << 13 | 5)); say("is", get_io(1, 0)));
    say("of the group", get_io(2, 0)); say("off", set_io(1, 0, 0)); say("none", get_io(1, 0)); say("by nice", get_io(2, 0));
}

static void own_settings(void) {
    int value = 9;
    char name[16] = "";
    say("death signal", prctl(PR_GET_PDEATHSIG, &value)); say("none", value);
    say("set", prctl(PR_SET_PDEATHSIG, SIGUSR1)); prctl(PR_GET_PDEATHSIG, &value); say("is", value);
    say("bad", prctl(PR_SET_PDEATHSIG, 65));
    CHILD("not inherited", prctl(PR_GET_PDEATHSIG, &value); say("child", value));
    prctl(PR_SET_PDEATHSIG, 0);
    say("dumpable", prctl(PR_GET_DUMPABLE)); say("bad", prctl(PR_SET_DUMPABLE, 2));
    CHILD("other user", nobody(); say("dumpable", prctl(PR_GET_DUMPABLE)); say("set", prctl(PR_SET_DUMPABLE, 1)); say("dumpable", prctl(PR_GET_DUMPABLE)));
    say("timing", prctl(PR_GET_TIMING)); say("other", prctl(PR_SET_TIMING, 1));
    say("slack", prctl(PR_GET_TIMERSLACK)); say("set", prctl(PR_SET_TIMERSLACK, 70000)); say("is", prctl(PR_GET_TIMERSLACK));
    say("default", prctl(PR_SET_TIMERSLACK, 0));
    say("no new", prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0)); say("more", prctl(PR_GET_NO_NEW_PRIVS, 0, 1, 0, 0));
    say("set more", prctl(PR_SET_NO_NEW_PRIVS, 1, 1, 0, 0)); say("two", prctl(PR_SET_NO_NEW_PRIVS, 2, 0, 0, 0));
    CHILD("set", say("set", prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)); say("is", prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0)));
    say("huge", prctl(PR_GET_THP_DISABLE, 0, 0, 0, 0)); say("set", prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0));
    say("is", prctl(PR_GET_THP_DISABLE, 0, 0, 0, 0)); say("more", prctl(PR_GET_THP_DISABLE, 1, 0, 0, 0));
    say("tsc", prctl(PR_GET_TSC, &value)); say("is", value); say("nothing", prctl(9999, 0));
    say("name", prctl(PR_SET_NAME, "a name longer than that")); prctl(PR_GET_NAME, name); printf("%s\n", name);
    say("nowhere", prctl(PR_SET_NAME, NULL));
    say("personality", personality(0xffffffff)); say("set", personality(ADDR_NO_RANDOMIZE)); say("is", personality(0xffffffff));
    CHILD("inherited", say("child", personality(0xffffffff)));
    personality(0);
}

static void *thread_name(void *unused) {
    char name[16];
    prctl(PR_GET_NAME, name); printf("inherited %s\n", name);
    pthread_setname_np(pthread_self(), "other");
    prctl(PR_GET_NAME, name); printf("own %s\n", name);
    return NULL;
}

static void names(void) {
    char name[16];
    pthread_t thread;
    pthread_create(&thread, NULL, thread_name, NULL); pthread_join(thread, NULL);
    prctl(PR_GET_NAME, name); printf("first %s\n", name); fflush(stdout);
}

static volatile int got;
static void note(int signal) { got = signal; }

static void orphans(void) {
    int ends[2];
    pipe(ends);
    say("subreaper", prctl(PR_SET_CHILD_SUBREAPER, 1));
    int value = 0;
    prctl(PR_GET_CHILD_SUBREAPER, &value); say("is", value);
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        prctl(PR_GET_CHILD_SUBREAPER, &value); say("not inherited", value);
        pid_t middle = getpid();
        if (fork() == 0) {
            signal(SIGUSR2, note); prctl(PR_SET_PDEATHSIG, SIGUSR2); write(ends[1], "x", 1);
            while (!got) usleep(1000);
            while (getppid() == middle) usleep(1000);
            _exit(got);
        }
        char byte;
        read(ends[0], &byte, 1);
        _exit(3);
    }
    say("child", ended(child)); say("orphan", ended(-1)); say("no more", wait(NULL));
    prctl(PR_SET_CHILD_SUBREAPER, 0);
}

static struct rlimit limit(long soft, long hard) { struct rlimit made = {soft, hard}; return made; }
static void spin(void) { for (;;) {} }

static void limits(void) {
    struct rlimit now, wanted = limit(20, 30);
    say("files", setrlimit(RLIMIT_NOFILE, &wanted));
    getrlimit(RLIMIT_NOFILE, &now); say("soft", now.rlim_cur); say("hard", now.rlim_max);
    CHILD("full", int fd, last = 0; while ((fd = dup(1)) >= 0) last = fd; say("error", fd); say("last", last);
          say("dup2", dup2(1, 20)); say("dupfd", fcntl(1, F_DUPFD, 20)); say("pipe", pipe((int[2]){0, 0})));
    wanted = limit(31, 30); say("above", setrlimit(RLIMIT_NOFILE, &wanted)); say("nothing", setrlimit(77, &wanted));
    say("nowhere", setrlimit(RLIMIT_NOFILE, NULL)); say("nobody", prlimit(4000000, RLIMIT_NOFILE, NULL, &now));
    CHILD("as nobody", nobody(); wanted = limit(20, 40); say("raise", setrlimit(RLIMIT_NOFILE, &wanted));
          wanted = limit(30, 30); say("to the hard one", setrlimit(RLIMIT_NOFILE, &wanted));
          say("other", prlimit(getppid(), RLIMIT_NOFILE, NULL, &now)));
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) { pause(); _exit(0); }
    wanted = limit(5, 6); say("of the child", prlimit(child, RLIMIT_CORE, &wanted, &now)); say("of it", prlimit(child, RLIMIT_CORE, NULL, &now));
    say("is", now.rlim_cur); kill(child, SIGKILL); ended(child);
    CHILD("processes", nobody(); wanted = limit(0, 10); setrlimit(RLIMIT_NPROC, &wanted); say("fork", fork()));
    CHILD("time is up", wanted = limit(1, 5); setrlimit(RLIMIT_CPU, &wanted); spin());
    CHILD("time is over", signal(SIGXCPU, SIG_IGN); wanted = limit(1, 1); setrlimit(RLIMIT_CPU, &wanted); spin());
}

static void processor_timers(void) {
    struct itimerval soon = {{9223372036854, 0}, {0, 30000}}, now, never = {{0, 0}, {100000, 0}}, off = {{0, 0}, {0, 0}};
    got = 0;
    signal(SIGPROF, note); signal(SIGVTALRM, note);
    say("profile", setitimer(ITIMER_PROF, &soon, NULL));
    while (!got) {}
    say("signal", got); got = 0;
    say("off", setitimer(ITIMER_PROF, &off, NULL));
    soon.it_interval.tv_sec = 0; soon.it_interval.tv_usec = 10000;
    say("virtual", setitimer(ITIMER_VIRTUAL, &soon, NULL));
    for (int times = 0; times < 3; times += got != 0) { got = 0; while (!got) {} }
    say("signal", got);
    say("replace", setitimer(ITIMER_VIRTUAL, &never, &now)); say("interval", now.it_interval.tv_usec);
    getitimer(ITIMER_VIRTUAL, &now); say("left", now.it_value.tv_sec >= 99990); say("which", setitimer(3, &off, NULL));
    CHILD("not inherited", getitimer(ITIMER_VIRTUAL, &now); say("child", now.it_value.tv_sec));
    clockid_t clock, mine;
    struct timespec time, before;
    say("own clock", clock_getcpuclockid(0, &clock)); say("shown", clock_gettime(clock, &time));
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &before); say("goes on", before.tv_sec > 0 || before.tv_nsec > 10000000);
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) for (;;) {}
    say("of a child", clock_getcpuclockid(child, &clock));
    timer_t timer;
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1};
    struct itimerspec often = {{0, 10000000}, {0, 20000000}};
    got = 0; signal(SIGUSR1, note);
    say("timer", timer_create(clock, &event, &timer)); say("start", timer_settime(timer, 0, &often, NULL));
    while (!got) pause();
    say("signal", got); timer_gettime(timer, &often); say("interval", often.it_interval.tv_nsec); say("delete", timer_delete(timer));
    time.tv_sec = 0; time.tv_nsec = 20000000;
    say("sleep", clock_nanosleep(clock, 0, &time, NULL)); say("until", clock_nanosleep(clock, TIMER_ABSTIME, &time, NULL));
    kill(child, SIGKILL); ended(child);
    say("gone", clock_gettime(clock, &time)); say("nobody", clock_gettime(~4000000 << 3 | 2, &time));
    say("device", clock_gettime(-5, &time)); say("unknown", clock_gettime(99, &time));
    say("own thread", syscall(SYS_clock_nanosleep, CLOCK_THREAD_CPUTIME_ID, 0, &time, NULL));
    say("raw", syscall(SYS_clock_nanosleep, CLOCK_MONOTONIC_RAW, 0, &time, NULL));
    say("raw timer", timer_create(CLOCK_MONOTONIC_RAW, NULL, &timer)); say("of a thread", timer_create(CLOCK_THREAD_CPUTIME_ID, NULL, &timer));
    say("resolution", clock_getres(CLOCK_PROCESS_CPUTIME_ID, &time)); say("is", time.tv_nsec);
    pthread_getcpuclockid(pthread_self(), &mine); say("thread", clock_gettime(mine, &time));
}

static void ids(void) {
    CHILD("setreuid", say("set", setreuid(5, 6)); say("real", getuid()); say("effective", geteuid());
          say("swap", setreuid(6, 5)); say("real", getuid()); say("other", setreuid(7, -1)); say("saved", setreuid(-1, 6)));
    CHILD("setregid", say("set", setregid(5, 6)); say("real", getgid()); nobody(); say("other", setregid(7, -1)));
    CHILD("for files", say("user", syscall(SYS_setfsuid, -1)); nobody(); say("follows", syscall(SYS_setfsuid, 77)); say("refused", syscall(SYS_setfsuid, -1));
          say("group", syscall(SYS_setfsgid, 77)); say("refused", syscall(SYS_setfsgid, -1)));
    CHILD("saved follows", setreuid(5, 6); uid_t a, b, c; getresuid(&a, &b, &c); say("saved", c));
}

int main(void) {
    nice_values();
    policies();
    transfers();
    own_settings();
    names();
    orphans();
    processor_timers();
    ids();
    limits();
    return 0;
}
