/* waitid(2) and wait4(2): what can be waited for and how often, WNOWAIT, groups, usage, and what becomes of children
   whose parent ignores SIGCHLD. */
#include "case.h"

static pid_t child(int code)
{
    pid_t made = fork();
    if (made) return made;
    for (volatile int i = 0; i < 20000000; i++) ;
    _exit(code);
}

static void ended(void)
{
    siginfo_t info;
    struct rusage usage;
    int status;
    pid_t pid = child(7);
    memset(&info, 0x55, sizeof info);
    memset(&usage, 0xff, sizeof usage);
    CHECK("nothing yet", RES(waitid(P_PID, pid, &info, WEXITED | WNOHANG)), 0);
    CHECK("si_pid", info.si_pid, 0);
    CHECK("si_signo", info.si_signo, 0);
    CHECK("WNOWAIT", RES(waitid(P_ALL, 0, &info, WEXITED | WNOWAIT)), 0);
    CHECK("code", info.si_code, CLD_EXITED);
    CHECK("status", info.si_status, 7);
    CHECK("pid", info.si_pid, pid);
    CHECK("signo", info.si_signo, SIGCHLD);
    CHECK("again, by group", RES(waitid(P_PGID, 0, &info, WEXITED | WNOWAIT)), 0);
    CHECK("with usage", wait4(pid, &status, 0, &usage), pid);
    CHECK("it took time", usage.ru_utime.tv_sec * 1000000 + usage.ru_utime.tv_usec > 0, 1);
    CHECK("and memory", usage.ru_maxrss > 100, 1);
    CHECK("it is gone", RES(waitid(P_PID, pid, &info, WEXITED)), -ECHILD);
    CHECK("no state asked for", RES(waitid(P_ALL, 0, &info, WNOHANG)), -EINVAL);
    CHECK("an option that there is not", RES(wait4(-1, &status, 0x40, NULL)), -EINVAL);
    CHECK("WNOWAIT is none of wait4", RES(wait4(-1, &status, WNOWAIT, NULL)), -EINVAL);
    CHECK("INT_MIN", RES(wait4(INT_MIN, &status, 0, NULL)), -ESRCH);
    CHECK("no kind", RES(waitid(9, 1, &info, WEXITED)), -EINVAL);
}

static void stopped(void)
{
    siginfo_t info;
    int status;
    pid_t pid = fork();
    if (pid == 0) for (;;) pause();
    kill(pid, SIGSTOP);
    CHECK("stopped", RES(waitid(P_PID, pid, &info, WSTOPPED)), 0);
    CHECK("code", info.si_code, CLD_STOPPED);
    CHECK("status", info.si_status, SIGSTOP);
    info.si_pid = 9;
    CHECK("told once", (waitid(P_PID, pid, &info, WSTOPPED | WNOHANG), info.si_pid), 0);
    kill(pid, SIGCONT);
    CHECK("continued", RES(waitpid(pid, &status, WCONTINUED)), pid);
    CHECK("status", WIFCONTINUED(status) != 0, 1);
    kill(pid, SIGKILL);
    CHECK("killed", RES(waitid(P_PID, pid, &info, WEXITED)), 0);
    CHECK("code", info.si_code, CLD_KILLED);
    CHECK("status", info.si_status, SIGKILL);
}

static void ignored(void)
{
    struct sigaction no_zombies = {.sa_handler = SIG_DFL, .sa_flags = SA_NOCLDWAIT};
    struct rusage usage;
    int status;
    signal(SIGCHLD, SIG_IGN);
    long begin = milliseconds();
    pid_t pid = fork();
    if (pid == 0) { usleep(200000); _exit(1); }
    CHECK("waits, then ECHILD", RES(wait(&status)), -ECHILD);
    CHECK("waited for the end", milliseconds() - begin >= 190, 1);
    pid = fork();
    if (pid == 0) _exit(1);
    usleep(200000);
    CHECK("no zombie", RES(kill(pid, 0)), -ESRCH);
    sigaction(SIGCHLD, &no_zombies, NULL);
    pid = fork();
    if (pid == 0) _exit(1);
    usleep(200000);
    CHECK("SA_NOCLDWAIT: no zombie", RES(kill(pid, 0)), -ESRCH);
    getrusage(RUSAGE_CHILDREN, &usage);
    CHECK("only those that were waited for are counted", usage.ru_utime.tv_sec < 5, 1);
}

int main(void)
{
    ended();
    stopped();
    ignored();
    DONE();
}
