/* What clone(2) lets two processes share, with their memory or without: directories and umask (CLONE_FS), descriptors
   (CLONE_FILES), signal handlers (CLONE_SIGHAND); it stays shared when either ends, and execve(2) ends some of it. */
#include "case.h"

static char stack[65536] __attribute__((aligned(16)));
static int tell[2];
static char path[PATH_MAX];

static int end_of(pid_t child) { int status; waitpid(child, &status, __WALL); return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status); }
static pid_t make(int (*body)(void *), int flags) { return clone(body, stack + sizeof stack, flags, NULL); }
static const char *here(void) { return getcwd(path, sizeof path); }

static int move(void *unused) { umask(077); return chdir("/proc"); }
static int move_later(void *unused) { char byte; read(tell[0], &byte, 1); return strcmp(here(), "/proc") || umask(0) != 011; }
static int run(void *unused) { execl("/proc/self/exe", "case", "move", NULL); return 1; }

static void directories(void)
{
    chdir("/");
    umask(022);
    CHECK("child", end_of(make(move, CLONE_FS | SIGCHLD)), 0);
    CHECK("directory", strcmp(here(), "/proc"), 0);
    CHECK("umask", umask(022), 077);
    chdir("/");
    CHECK("child of its own", end_of(make(move, SIGCHLD)), 0);
    CHECK("directory", strcmp(here(), "/"), 0);
    CHECK("umask", umask(022), 022);
    CHECK("a program of a child", end_of(make(run, CLONE_FS | SIGCHLD)), 0);
    CHECK("directory", strcmp(here(), "/proc"), 0);
    chdir("/");
    pid_t child = make(move_later, CLONE_FS | SIGCHLD);
    chdir("/proc");
    umask(011);
    write(tell[1], "x", 1);
    CHECK("a child sees it, too", end_of(child), 0);
    CHECK("umask", umask(022), 0);
    pid_t middle = fork();
    if (middle == 0) {
        if (make(move_later, CLONE_FS | SIGCHLD) < 0) _exit(1);
        chdir("/proc");
        umask(011);
        _exit(0);
    }
    CHECK("who shared it ends", end_of(middle), 0);
    write(tell[1], "x", 1);
}

static void on_signal(int number) { }
static int handle(void *unused)
{
    struct sigaction action = {.sa_handler = on_signal}, seen;
    sigaction(SIGUSR1, NULL, &seen);
    if (seen.sa_handler != SIG_IGN) return 1;
    sigaction(SIGUSR1, &action, NULL);
    return 0;
}
static int run_other(void *unused) { execl("/proc/self/exe", "case", "nothing", NULL); return 1; }
static void *handler_of(int number) { struct sigaction seen; sigaction(number, NULL, &seen); return seen.sa_handler; }

static void handlers(void)
{
    signal(SIGUSR1, SIG_IGN);
    CHECK("without memory", RES(make(handle, CLONE_SIGHAND | SIGCHLD)), -EINVAL);
    CHECK("child", end_of(make(handle, CLONE_VM | CLONE_SIGHAND | SIGCHLD)), 0);
    CHECK("its handler is here", handler_of(SIGUSR1) == on_signal, 1);
    signal(SIGUSR1, SIG_IGN);
    CHECK("child of its own", end_of(make(handle, CLONE_VM | SIGCHLD)), 0);
    CHECK("its handler is not", handler_of(SIGUSR1) == SIG_IGN, 1);
    signal(SIGUSR1, on_signal);
    CHECK("a program", end_of(make(run_other, CLONE_VM | CLONE_VFORK | CLONE_SIGHAND | SIGCHLD)), 0);
    CHECK("leaves the handlers", handler_of(SIGUSR1) == on_signal, 1);
    CHECK("child", end_of(make(handle, CLONE_VM | CLONE_SIGHAND | SIGCHLD)), 1);
    pid_t child = fork();
    if (child == 0) _exit(handler_of(SIGUSR1) == on_signal ? 0 : 1);
    CHECK("fork copies", end_of(child), 0);
}

static int close_it(void *file) { return close(*(int *)file); }
static int open_one(void *unused) { return dup2(0, 50) != 50; }

static void files(void)
{
    int file = dup(0);
    CHECK("child", end_of(clone(close_it, stack + sizeof stack, CLONE_FILES | SIGCHLD, &file)), 0);
    CHECK("closed here", RES(fcntl(file, F_GETFD)), -EBADF);
    CHECK("child", end_of(make(open_one, CLONE_FILES | SIGCHLD)), 0);
    CHECK("opened here", RES(close(50)), 0);
    CHECK("child of its own", end_of(make(open_one, SIGCHLD)), 0);
    CHECK("not here", RES(close(50)), -EBADF);
}

static void refused(void)
{
    CHECK("a thread without handlers", RES(make(handle, CLONE_THREAD | CLONE_VM)), -EINVAL);
    CHECK("handlers without memory", RES(make(handle, CLONE_SIGHAND)), -EINVAL);
    struct { uint64_t flags, pidfd, child, parent, signal, stack, size, tls; } arguments = {.flags = CLONE_FS};
    CHECK("clone3 with a signal beyond 64", (arguments.signal = 65, RES(syscall(435, &arguments, sizeof arguments))), -EINVAL);
    CHECK("clone3 with a byte of the signal in flags", (arguments.signal = 0, arguments.flags = 17, RES(syscall(435, &arguments, sizeof arguments))), -EINVAL);
    CHECK("clone3 with a stack without size", (arguments.flags = 0, arguments.stack = (uint64_t)stack, RES(syscall(435, &arguments, sizeof arguments))), -EINVAL);
    CHECK("clone3 with a size without stack", (arguments.stack = 0, arguments.size = 4096, RES(syscall(435, &arguments, sizeof arguments))), -EINVAL);
    CHECK("clone3 that is too small", (arguments.size = 0, RES(syscall(435, &arguments, 56))), -EINVAL);
    CHECK("clear and share handlers", (arguments.flags = CLONE_VM | CLONE_SIGHAND | 0x100000000, RES(syscall(435, &arguments, sizeof arguments))), -EINVAL);
}

int main(int count, char **arguments)
{
    if (count > 1) return strcmp(arguments[1], "move") ? 0 : chdir("/proc");
    pipe(tell);
    directories();
    handlers();
    files();
    refused();
    DONE();
}
