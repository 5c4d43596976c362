/* Stopped and continued children, and orphaned groups, as job control uses them; prints what it saw, the same as on
   Linux. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

static volatile int children_changed;

static void count_child(int signal) { children_changed++; }

static void tell(const char *what, int status)
{
    if (WIFSTOPPED(status))
        printf("%s: stopped by %d\n", what, WSTOPSIG(status));
    else if (WIFCONTINUED(status))
        printf("%s: continued\n", what);
    else if (WIFSIGNALED(status))
        printf("%s: killed by %d\n", what, WTERMSIG(status));
    else
        printf("%s: exited with %d\n", what, WEXITSTATUS(status));
}

static pid_t sleeper(void)
{
    pid_t child = fork();
    if (child == 0)
        for (;;)
            pause();
    return child;
}

static void stop_and_continue(int signal)
{
    int status = 0;
    siginfo_t info;
    pid_t child = sleeper();
    kill(child, signal);
    waitid(P_PID, child, &info, WSTOPPED | WNOWAIT);
    printf("waitid: code %d status %d\n", info.si_code, info.si_status);
    printf("%d\n", waitpid(child, &status, WUNTRACED) == child);
    tell("wait", status);
    printf("again: %d\n", waitpid(child, &status, WUNTRACED | WCONTINUED | WNOHANG));
    kill(child, SIGCONT);
    waitid(P_PID, child, &info, WCONTINUED | WNOWAIT);
    printf("waitid: code %d status %d\n", info.si_code, info.si_status);
    waitpid(child, &status, WCONTINUED);
    tell("wait", status);
    kill(child, SIGSTOP);
    waitpid(child, &status, WUNTRACED);
    kill(child, SIGTERM);
    printf("stopped ones do not die: %d\n", waitpid(child, &status, WNOHANG));
    kill(child, SIGCONT);
    waitpid(child, &status, 0);
    tell("then", status);
    child = sleeper();
    kill(child, SIGSTOP);
    waitpid(child, &status, WUNTRACED);
    kill(child, SIGKILL);
    waitpid(child, &status, 0);
    tell("stopped", status);
}

static void count_signals(int flags)
{
    struct sigaction action = {.sa_handler = count_child, .sa_flags = flags | SA_RESTART};
    int status;
    pid_t child;
    sigaction(SIGCHLD, &action, NULL);
    children_changed = 0;
    child = sleeper();
    kill(child, SIGSTOP);
    waitpid(child, &status, WUNTRACED);
    kill(child, SIGCONT);
    waitpid(child, &status, WCONTINUED);
    printf("flags %d: %d\n", flags, children_changed > 0);
    kill(child, SIGKILL);
    waitpid(child, &status, 0);
    signal(SIGCHLD, SIG_DFL);
}

/* A stopped group loses the only parent that could continue it: SIGHUP and SIGCONT. */
static void orphan(void)
{
    int told[2], ready[2];
    char byte;
    pipe(told);
    pipe(ready);
    if (fork() == 0) {
        pid_t grandchild;
        setsid();
        grandchild = fork();
        if (grandchild == 0) {
            setpgid(0, 0);
            signal(SIGHUP, SIG_DFL);
            write(ready[1], "r", 1);
            close(ready[1]);
            raise(SIGTSTP);
            for (;;)
                pause();
        }
        close(told[1]);
        close(ready[1]);
        waitpid(grandchild, NULL, WUNTRACED);
        _exit(0);
    }
    close(told[1]);
    close(ready[1]);
    read(ready[0], &byte, 1);
    printf("the orphan is gone: %d\n", (int)read(told[0], &byte, 1));
    wait(NULL);
}

/* In an orphaned group SIGTSTP does nothing. */
static void orphaned_stop(void)
{
    int status;
    pid_t child = fork();
    if (child == 0) {
        setsid();
        raise(SIGTSTP);
        _exit(3);
    }
    waitpid(child, &status, WUNTRACED);
    tell("SIGTSTP in an orphaned group", status);
}

static void tell_result(const char *what, int result)
{
    printf("%s: %s\n", what, result < 0 ? strerror(errno) : "done");
}

static void controlling(void)
{
    int master = open("/dev/ptmx", O_RDWR | O_NOCTTY), status, zero = 0, slave, ready[2];
    char byte;
    pid_t child;
    ioctl(master, TIOCSPTLCK, &zero);
    slave = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY);
    pipe(ready);
    child = fork();
    if (child == 0) {
        tell_result("not a leader", ioctl(slave, TIOCSCTTY, 0));
        setsid();
        tell_result("no terminal yet", open("/dev/tty", O_RDWR));
        tell_result("leader", ioctl(slave, TIOCSCTTY, 0));
        tell_result("now", open("/dev/tty", O_RDWR));
        printf("foreground: %d\n", tcgetpgrp(slave) == getpid());
        tell_result("no such group", tcsetpgrp(slave, 30000));
        tell_result("another session", tcsetpgrp(slave, getppid()));
        signal(SIGINT, SIG_DFL);
        write(ready[1], "r", 1);
        for (;;)
            pause();
    }
    read(ready[0], &byte, 1);
    tell_result("of another session", tcgetpgrp(slave));
    write(master, "\003", 1);
    waitpid(child, &status, 0);
    tell("ctrl-C", status);
}

/* A child's group is its parent's to choose until it runs another program. */
static void group_after_exec(void)
{
    int told[2], status;
    char byte;
    pid_t child;
    pipe2(told, O_CLOEXEC);
    child = fork();
    if (child == 0) {
        execl("/bin/busybox", "busybox", "sleep", "100", NULL);
        _exit(1);
    }
    close(told[1]);
    read(told[0], &byte, 1);
    tell_result("setpgid after exec", setpgid(child, child));
    kill(child, SIGKILL);
    waitpid(child, &status, 0);
}

int main(void)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    stop_and_continue(SIGSTOP);
    count_signals(0);
    count_signals(SA_NOCLDSTOP);
    orphaned_stop();
    controlling();
    group_after_exec();
    orphan();
    return 0;
}
