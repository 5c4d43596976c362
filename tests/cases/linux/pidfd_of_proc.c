/* A descriptor of the directory /proc/PID is as good as a pidfd for pidfd_send_signal(2); other files are not. */
#include "case.h"

static volatile int taken;
static void take(int number) { taken++; }

int main(void)
{
    char path[64];
    int status;
    signal(SIGUSR1, take);
    int self = open("/proc/self", O_RDONLY | O_DIRECTORY);
    CHECK("signal 0", RES(syscall(SYS_pidfd_send_signal, self, 0, NULL, 0)), 0);
    CHECK("SIGUSR1", RES(syscall(SYS_pidfd_send_signal, self, SIGUSR1, NULL, 0)), 0);
    CHECK("came", taken, 1);
    CHECK("flags", RES(syscall(SYS_pidfd_send_signal, self, 0, NULL, 64)), -EINVAL);
    CHECK("no signal", RES(syscall(SYS_pidfd_send_signal, self, 65, NULL, 0)), -EINVAL);
    CHECK("a file of it", RES(syscall(SYS_pidfd_send_signal, open("/proc/self/status", O_RDONLY), 0, NULL, 0)), -EBADF);
    CHECK("a directory in it", RES(syscall(SYS_pidfd_send_signal, open("/proc/self/fd", O_RDONLY), 0, NULL, 0)), -EBADF);
    CHECK("another directory", RES(syscall(SYS_pidfd_send_signal, open("/", O_RDONLY), 0, NULL, 0)), -EBADF);
    CHECK("only a path", RES(syscall(SYS_pidfd_send_signal, open("/proc/self", O_PATH), 0, NULL, 0)), -EBADF);
    CHECK("waitid", RES(waitid(P_PIDFD, self, NULL, WEXITED | WNOHANG)), -EBADF);
    pid_t child = fork();
    if (child == 0) { pause(); _exit(0); }
    sprintf(path, "/proc/%d", child);
    int other = open(path, O_RDONLY | O_DIRECTORY);
    CHECK("another process", RES(syscall(SYS_pidfd_send_signal, other, SIGTERM, NULL, 0)), 0);
    waitpid(child, &status, 0);
    CHECK("ended", WTERMSIG(status), SIGTERM);
    CHECK("is no more", RES(syscall(SYS_pidfd_send_signal, other, 0, NULL, 0)), -ESRCH);
    DONE();
}
