/* Signals of open files: who gets them (F_SETOWN, F_SETOWN_EX), which (F_SETSIG), what they tell, and when (O_ASYNC). */
#include "case.h"
#include <pty.h>

static volatile int count, last_signal;
static siginfo_t last;
static void note(int signal, siginfo_t *info, void *context) { count++; last_signal = signal; last = *info; }
static void handle(int signal) { struct sigaction action = {.sa_sigaction = note, .sa_flags = SA_SIGINFO | SA_RESTART}; sigaction(signal, &action, NULL); }
static int counted(void) { for (int wait = 0; count == 0 && wait < 20; wait++) usleep(1000); int was = count; count = 0; return was; }
static int ends[2];
static char bytes[65536];

static void owners(void)
{
    struct f_owner_ex owner = {7, 7};
    int end = ends[0];
    CHECK("nobody at first", fcntl(end, F_GETOWN), 0);
    CHECK("nobody at first, told so", RES(fcntl(end, F_GETOWN_EX, &owner)), 0);
    CHECK("number", owner.pid, 0);
    CHECK("a process", RES(fcntl(end, F_SETOWN, getpid())), 0);
    CHECK("it is", fcntl(end, F_GETOWN), getpid());
    fcntl(end, F_GETOWN_EX, &owner);
    CHECK("kind", owner.type, F_OWNER_PID);
    CHECK("nobody there", RES(fcntl(end, F_SETOWN, 4000000)), -ESRCH);
    CHECK("stays", fcntl(end, F_GETOWN), getpid());
    CHECK("no number", RES(fcntl(end, F_SETOWN, INT_MIN)), -EINVAL);
    CHECK("no group", RES(fcntl(end, F_SETOWN, -4000000)), -ESRCH);
    CHECK("a group", RES(fcntl(end, F_SETOWN, -getpgrp())), 0);
    CHECK("told", fcntl(end, F_GETOWN), -getpgrp());
    long raw = syscall(SYS_fcntl, end, F_GETOWN);
    CHECK("by the call itself", raw == -1 ? -errno : raw, -getpgrp());
    fcntl(end, F_GETOWN_EX, &owner);
    CHECK("kind of a group", owner.type, F_OWNER_PGRP);
    CHECK("number of a group", owner.pid, getpgrp());
    owner = (struct f_owner_ex){F_OWNER_TID, gettid()};
    CHECK("a thread", RES(fcntl(end, F_SETOWN_EX, &owner)), 0);
    owner = (struct f_owner_ex){9, 9};
    CHECK("is told", RES(fcntl(end, F_GETOWN_EX, &owner)), 0);
    CHECK("its number", owner.pid, gettid());
    CHECK("its kind", owner.type, F_OWNER_TID);
    owner.type = 3;
    CHECK("no kind", RES(fcntl(end, F_SETOWN_EX, &owner)), -EINVAL);
    owner = (struct f_owner_ex){F_OWNER_PGRP, 4000000};
    CHECK("nobody there", RES(fcntl(end, F_SETOWN_EX, &owner)), -ESRCH);
    CHECK("nowhere", RES(fcntl(end, F_SETOWN_EX, NULL)), -EFAULT);
    CHECK("to nowhere", RES(fcntl(end, F_GETOWN_EX, 1)), -EFAULT);
    CHECK("the other end has its own", fcntl(ends[1], F_GETOWN), 0);
    int other = dup(end);
    CHECK("not a copy", fcntl(other, F_GETOWN), gettid());
    close(other);
    int parts[2];
    pipe(parts);
    pid_t child = fork();
    if (child == 0) { close(parts[1]); read(parts[0], bytes, 1); _exit(0); }
    fcntl(end, F_SETOWN, child);
    CHECK("a child", fcntl(end, F_GETOWN), child);
    close(parts[0]); close(parts[1]);
    waitpid(child, NULL, 0);
    CHECK("which has ended", fcntl(end, F_GETOWN), 0);
    CHECK("nobody", RES(fcntl(end, F_SETOWN, 0)), 0);
    CHECK("it is nobody", fcntl(end, F_GETOWN), 0);
    CHECK("a signal", RES(fcntl(end, F_SETSIG, SIGRTMIN)), 0);
    CHECK("told", fcntl(end, F_GETSIG), SIGRTMIN);
    CHECK("no signal", RES(fcntl(end, F_SETSIG, 65)), -EINVAL);
    CHECK("nor this", RES(fcntl(end, F_SETSIG, -1)), -EINVAL);
    CHECK("the usual one", RES(fcntl(end, F_SETSIG, 0)), 0);
    int path = open("/tmp", O_PATH);
    CHECK("of a path", RES(fcntl(path, F_SETOWN, getpid())), -EBADF);
    CHECK("signal of a path", RES(fcntl(path, F_GETSIG)), -EBADF);
}

static void pipes(void)
{
    handle(SIGIO); handle(SIGRTMIN); handle(SIGUSR1); handle(SIGCHLD);
    fcntl(ends[0], F_SETOWN, getpid());
    write(ends[1], "x", 1);
    CHECK("nothing without O_ASYNC", count, 0);
    CHECK("O_ASYNC", RES(fcntl(ends[0], F_SETFL, O_ASYNC)), 0);
    CHECK("is told", fcntl(ends[0], F_GETFL) & O_ASYNC, O_ASYNC);
    write(ends[1], "x", 1);
    CHECK("SIGIO", counted(), 1);
    CHECK("from the kernel", last.si_code, SI_KERNEL);
    fcntl(ends[0], F_SETSIG, SIGRTMIN);
    write(ends[1], "x", 1);
    CHECK("each write tells", counted(), 1);
    CHECK("by the signal", last_signal, SIGRTMIN);
    CHECK("with a code", last.si_code, POLL_IN);
    CHECK("events", last.si_band, POLLIN | POLLRDNORM);
    CHECK("descriptor", last.si_fd, ends[0]);
    fcntl(ends[0], F_SETSIG, SIGUSR1);
    write(ends[1], "x", 1);
    CHECK("another signal", counted() && last_signal == SIGUSR1 && last.si_code == POLL_IN, 1);
    fcntl(ends[0], F_SETSIG, SIGCHLD);
    write(ends[1], "x", 1);
    CHECK("one with codes of its own", counted() && last_signal == SIGCHLD, 1);
    CHECK("code", last.si_code, SI_SIGIO);
    fcntl(ends[0], F_SETSIG, SIGIO);
    write(ends[1], "x", 1);
    CHECK("SIGIO with a code", counted() && last_signal == SIGIO && last.si_code == POLL_IN, 1);
    read(ends[0], bytes, 100);
    CHECK("reading does not tell readers", count, 0);
    fcntl(ends[1], F_SETOWN, getpid());
    fcntl(ends[1], F_SETSIG, SIGRTMIN);
    fcntl(ends[1], F_SETFL, O_ASYNC);
    fcntl(ends[0], F_SETFL, 0);
    CHECK("off", fcntl(ends[0], F_GETFL) & O_ASYNC, 0);
    write(ends[1], bytes, 65536);
    CHECK("no longer told", count, 0);
    read(ends[0], bytes, 65536);
    CHECK("room for the writer", counted(), 1);
    CHECK("code", last.si_code, POLL_OUT);
    CHECK("events", last.si_band, POLLOUT | POLLWRNORM | POLLWRBAND);
    CHECK("descriptor", last.si_fd, ends[1]);
    int on = 1;
    CHECK("FIOASYNC", RES(ioctl(ends[0], FIOASYNC, &on)), 0);
    write(ends[1], "x", 1);
    CHECK("is O_ASYNC", counted(), 1);
    CHECK("of a file", RES(ioctl(open("/proc/self/exe", O_RDONLY), FIOASYNC, &on)), -ENOTTY);
    int nowhere = open("/proc/self/exe", O_RDONLY);
    CHECK("O_ASYNC of a file", RES(fcntl(nowhere, F_SETFL, O_ASYNC)), 0);
    CHECK("is not kept", fcntl(nowhere, F_GETFL) & O_ASYNC, 0);
    fcntl(ends[1], F_SETFL, 0);
    int fd = ends[0];
    dup2(ends[0], 50);
    close(ends[0]);
    ends[0] = 50;
    write(ends[1], "x", 1);
    CHECK("a copy goes on", counted(), 1);
    CHECK("by the first descriptor", last.si_fd, fd);
    close(ends[1]);
    CHECK("the last writer is gone", counted(), 1);
    CHECK("code", last.si_code, POLL_IN);
    close(ends[0]);
    pipe(ends);
    fcntl(ends[0], F_SETOWN, getpid());
    fcntl(ends[0], F_SETFL, O_ASYNC);
    close(ends[0]);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGCHLD, SIG_DFL);
    write(ends[1], "x", 1);
    CHECK("nothing of what is closed", count, 0);
    close(ends[1]);
}

/* More real-time signals than may be queued: SIGIO says that some are missing. */
static void overflow(void)
{
    sigset_t blocked, before;
    struct rlimit few = {3, 3};
    struct timespec none = {0, 0};
    sigset_t real_time;
    sigset_t pending;
    int queued = 0;
    sigfillset(&blocked);
    sigprocmask(SIG_BLOCK, &blocked, &before);
    IN_CHILD({
        setrlimit(RLIMIT_SIGPENDING, &few);
        become(1234);
        pipe(ends);
        fcntl(ends[0], F_SETOWN, getpid());
        fcntl(ends[0], F_SETSIG, SIGRTMIN + 1);
        fcntl(ends[0], F_SETFL, O_ASYNC);
        for (int turn = 0; turn < 5; turn++) write(ends[1], "x", 1);
        sigemptyset(&real_time);
        sigaddset(&real_time, SIGRTMIN + 1);
        sigpending(&pending);
        CHECK("SIGIO instead", sigismember(&pending, SIGIO), 1);
        while (sigtimedwait(&real_time, NULL, &none) > 0) queued++;
        CHECK("queued", queued, 3);
    });
    sigprocmask(SIG_SETMASK, &before, NULL);
}

/* Who named the receiver may not send signals to others' processes. */
static void rights(void)
{
    pipe(ends);
    pid_t parent = getpid();
    IN_CHILD({
        become(1000);
        CHECK("of others", RES(fcntl(ends[0], F_SETOWN, parent)), 0);
        fcntl(ends[0], F_SETFL, O_ASYNC);
        write(ends[1], "x", 1);
    });
    CHECK("are not told", count, 0);
    fcntl(ends[0], F_SETOWN, getpid());
    write(ends[1], "x", 1);
    CHECK("but by themselves", counted(), 1);
    close(ends[0]); close(ends[1]);
}

static volatile pid_t took;
static void note_thread(int signal) { took = gettid(); }
static void *wait_for_it(void *told) { *(volatile pid_t *)told = gettid(); while (took == 0) usleep(1000); return NULL; }
static void threads(void)
{
    pthread_t thread;
    volatile pid_t id = 0;
    pipe(ends);
    signal(SIGUSR2, note_thread);
    pthread_create(&thread, NULL, wait_for_it, (void *)&id);
    while (id == 0) usleep(1000);
    struct f_owner_ex owner = {F_OWNER_TID, id};
    fcntl(ends[0], F_SETOWN_EX, &owner);
    fcntl(ends[0], F_SETSIG, SIGUSR2);
    fcntl(ends[0], F_SETFL, O_ASYNC);
    write(ends[1], "x", 1);
    pthread_join(thread, NULL);
    CHECK("the thread took it", took, id);
    CHECK("and is gone", fcntl(ends[0], F_GETOWN), 0);
    write(ends[1], "x", 1);
    close(ends[0]); close(ends[1]);
}

/* Other kinds of files. */
static void kinds(void)
{
    int master, slave, pair[2];
    handle(SIGUSR1);
    openpty(&master, &slave, NULL, NULL, NULL);
    count = 0;
    fcntl(slave, F_SETOWN, getpid()); fcntl(slave, F_SETSIG, SIGUSR1); fcntl(slave, F_SETFL, O_ASYNC);
    write(master, "line\n", 5);
    CHECK("a terminal", counted() > 0, 1);
    CHECK("code", last.si_code, POLL_IN);
    socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
    fcntl(pair[0], F_SETOWN, getpid()); fcntl(pair[0], F_SETSIG, SIGUSR1); fcntl(pair[0], F_SETFL, O_ASYNC);
    count = 0;
    write(pair[1], "x", 1);
    CHECK("a socket", counted(), 1);
    CHECK("code", last.si_code, POLL_IN);
    int owner = 0;
    CHECK("by the requests of sockets", RES(ioctl(pair[0], 0x8903, &owner)), 0);
    CHECK("receiver", owner, getpid());
    owner = -getpgrp();
    CHECK("set so", RES(ioctl(pair[0], 0x8901, &owner)), 0);
    CHECK("group", fcntl(pair[0], F_GETOWN) == -getpgrp(), 1);
    fcntl(pair[0], F_SETOWN, getpid());
    close(pair[1]);
    CHECK("its peer is gone", counted() > 0, 1);
    CHECK("code", last.si_code, POLL_HUP);
    CHECK("events", last.si_band, POLLHUP | POLLERR);
    int queue = inotify_init();
    fcntl(queue, F_SETOWN, getpid()); fcntl(queue, F_SETSIG, SIGUSR1); fcntl(queue, F_SETFL, O_ASYNC);
    char name[] = "/tmp/signalsXXXXXX";
    int file = mkstemp(name);
    inotify_add_watch(queue, name, IN_MODIFY);
    count = 0;
    write(file, "x", 1);
    CHECK("inotify", counted(), 1);
    unlink(name);
    CHECK("an eventfd does not tell", RES(ioctl(eventfd(0, 0), FIOASYNC, &owner)), -ENOTTY);
}

int main(void)
{
    pipe(ends);
    owners();
    pipes();
    overflow();
    rights();
    threads();
    kinds();
    DONE();
}
