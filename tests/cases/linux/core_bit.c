/* The core bit of a status says that a core was written: for signals that dump, within the limit, where
   /proc/sys/kernel/core_pattern is not empty. */
#include "case.h"

static long core_of(int number, rlim_t limit)
{
    int status;
    pid_t child = fork();
    if (child == 0) {
        struct rlimit size = {limit, limit};
        chdir("/tmp");
        setrlimit(RLIMIT_CORE, &size);
        signal(number, SIG_DFL);
        raise(number);
        _exit(0);
    }
    waitpid(child, &status, 0);
    return WIFSIGNALED(status) && WTERMSIG(status) == number ? !!WCOREDUMP(status) : -1;
}

/* Whether cores become files: what begins with a bar is a program that gets them. */
static int is_written(void)
{
    char text[128] = "";
    int fd = open("/proc/sys/kernel/core_pattern", O_RDONLY);
    long length = read(fd, text, sizeof text - 1);
    close(fd);
    CHECK("core_pattern is one line", length > 0 && strchr(text, '\n') == text + length - 1, 1);
    return text[0] != '\n';
}

int main(void)
{
    static const int cores[] = {SIGQUIT, SIGILL, SIGTRAP, SIGABRT, SIGBUS, SIGFPE, SIGSEGV, SIGXCPU, SIGXFSZ, SIGSYS};
    static const int others[] = {SIGTERM, SIGKILL, SIGHUP, SIGPIPE, SIGALRM, SIGUSR1};
    int written = is_written();
    for (unsigned i = 0; i < sizeof cores / sizeof *cores; i++) {
        CHECK("a signal that dumps", core_of(cores[i], RLIM_INFINITY), written);
        CHECK("within a limit of nothing", core_of(cores[i], 0), 0);
    }
    for (unsigned i = 0; i < sizeof others / sizeof *others; i++)
        CHECK("a signal that does not dump", core_of(others[i], RLIM_INFINITY), 0);
    unlink("/tmp/core");
    DONE();
}
