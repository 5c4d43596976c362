/* Sessions and groups, vfork, posix_spawn, and what becomes of the other threads at execve. */
#include "case.h"
#include <spawn.h>

extern char **environ;
static volatile int hung_up, continued;
static void take(int number) { if (number == SIGHUP) hung_up = 1; else continued = 1; }
static int tell[2];

static int end_of(pid_t child) { int status; waitpid(child, &status, 0); return WEXITSTATUS(status); }
#define IN_FORK(expression) ({ pid_t made_ = fork(); if (made_ == 0) _exit(-(expression)); -end_of(made_); })

/* What a spawned program finds. */
static int found(void)
{
    sigset_t mask;
    struct sigaction action;
    sigprocmask(SIG_SETMASK, NULL, &mask);
    sigaction(SIGPIPE, NULL, &action);
    return (getpgrp() == getpid()) + 2 * sigismember(&mask, SIGUSR1) + 4 * (action.sa_handler == SIG_DFL) + 8 * (fcntl(40, F_GETFD) >= 0) + 16 * (getsid(0) == getpid());
}

/* A session whose leader leaves a stopped group behind. */
static void leave_orphans(void)
{
    int status;
    char byte;
    setsid();
    pid_t child = fork();
    if (child == 0) {
        setpgid(0, 0);
        signal(SIGHUP, take);
        signal(SIGCONT, take);
        write(tell[1], "r", 1);
        raise(SIGSTOP);
        for (int i = 0; i < 300 && !(hung_up && continued); i++) usleep(10000);
        byte = hung_up + 2 * continued;
        write(tell[1], &byte, 1);
        _exit(0);
    }
    read(tell[0], &byte, 1);
    waitpid(child, &status, WUNTRACED);
    _exit(0);
}

static void groups(void)
{
    char byte = 0;
    struct pollfd record = {tell[0], POLLIN};
    pid_t child = fork();
    if (child == 0) leave_orphans();
    end_of(child);
    if (poll(&record, 1, 5000) > 0) read(tell[0], &byte, 1);
    CHECK("an orphaned group that is stopped gets SIGHUP and SIGCONT", byte, 3);
    CHECK("setpgid of the leader of a session", IN_FORK((setsid(), RES(setpgid(0, 0)))), -EPERM);
    CHECK("setsid of the leader of a group", IN_FORK((setpgid(0, 0), RES(setsid()))), -EPERM);
    CHECK("a group elsewhere", IN_FORK(RES(setpgid(0, 99999))), -EPERM);
    child = fork();
    if (child == 0) { execl("/bin/sleep", "sleep", "5", NULL); _exit(1); }
    usleep(400000);
    CHECK("setpgid after exec", RES(setpgid(child, child)), -EACCES);
    kill(child, SIGKILL);
    end_of(child);
    CHECK("getpgid of nobody", RES(getpgid(99999)), -ESRCH);
    CHECK("a negative group", RES(setpgid(0, -1)), -EINVAL);
}

static void spawns(void)
{
    volatile int shared = 0;
    pid_t child = vfork();
    if (child == 0) { shared = 5; usleep(100000); shared = 6; _exit(3); }
    CHECK("vfork waits and shares", shared, 6);
    CHECK("status", end_of(child), 3);
    child = vfork();
    if (child == 0) { execl("/no/such", "x", NULL); _exit(errno); }
    CHECK("vfork, and no program", end_of(child), ENOENT);
    posix_spawnattr_t attributes;
    posix_spawn_file_actions_t files;
    sigset_t mask, defaults;
    char *arguments[] = {"case", "found", NULL};
    sigemptyset(&mask);
    sigaddset(&mask, SIGUSR1);
    sigemptyset(&defaults);
    sigaddset(&defaults, SIGPIPE);
    posix_spawnattr_init(&attributes);
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_adddup2(&files, 1, 40);
    posix_spawnattr_setsigmask(&attributes, &mask);
    posix_spawnattr_setsigdefault(&attributes, &defaults);
    posix_spawnattr_setpgroup(&attributes, 0);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    signal(SIGPIPE, SIG_IGN);
    CHECK("posix_spawn", posix_spawn(&child, "/proc/self/exe", &files, &attributes, arguments, environ), 0);
    CHECK("group, mask, default, file", end_of(child), 15);
    CHECK("posix_spawn of nothing", posix_spawn(&child, "/no/such", NULL, NULL, arguments, environ), ENOENT);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSID);
    posix_spawn(&child, "/proc/self/exe", &files, &attributes, arguments, environ);
    CHECK("session", end_of(child) & 16, 16);
}

static void *sleep_long(void *unused) { sleep(100); return NULL; }
static void *run(void *unused) { execl("/bin/sh", "sh", "-c", "exit 8", NULL); return NULL; }
static void *end_later(void *unused) { usleep(100000); _exit(7); }

static void threads(void)
{
    pthread_t thread;
    pid_t child = fork();
    if (child == 0) { pthread_create(&thread, NULL, sleep_long, NULL); execl("/bin/sh", "sh", "-c", "exit 9", NULL); _exit(1); }
    CHECK("exec ends the others", end_of(child), 9);
    child = fork();
    if (child == 0) { pthread_create(&thread, NULL, run, NULL); pause(); }
    CHECK("exec of the second is the process", end_of(child), 8);
    child = fork();
    if (child == 0) { pthread_create(&thread, NULL, end_later, NULL); pthread_exit(NULL); }
    CHECK("the first may end first", end_of(child), 7);
}

int main(int count, char **arguments)
{
    if (count > 1) return found();
    pipe(tell);
    groups();
    spawns();
    threads();
    DONE();
}
