/* What processes do to each other, and what nobody may do: prints the same on Linux and in a container. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/membarrier.h>
#include <linux/sched.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void say(const char *what, long value) { printf("%s %ld\n", what, value < 0 ? -(long)errno : value); fflush(stdout); }
static int ended(pid_t child) { int status; waitpid(child, &status, __WALL); return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status); }
#define CHILD(what, ...) do { fflush(stdout); pid_t made = fork(); if (made == 0) { __VA_ARGS__; fflush(stdout); _exit(0); } say(what, ended(made)); } while (0)
static int nobody(void) { return setresgid(65534, 65534, 65534) || setresuid(65534, 65534, 65534); }
static pid_t sleeper(void) { fflush(stdout); pid_t child = fork(); if (child == 0) for (;;) pause(); return child; }

/* Microseconds; a tick of Linux falls to either kind, whatever the program did. */
static long used(struct rusage *usage) {
    return (usage->ru_utime.tv_sec + usage->ru_stime.tv_sec) * 1000000L + usage->ru_utime.tv_usec + usage->ru_stime.tv_usec;
}

static void waiting(void) {
    siginfo_t info;
    struct rusage usage;
    memset(&info, 0x55, sizeof info);
    pid_t child = sleeper();
    say("none yet", syscall(SYS_waitid, P_PID, child, &info, WEXITED | WNOHANG, NULL));
    say("zero", info.si_pid + info.si_signo + info.si_status); say("padding", ((unsigned char *)&info)[12] * 256 + ((unsigned char *)&info)[100]);
    kill(child, SIGSTOP);
    say("stopped", waitid(P_PID, child, &info, WSTOPPED | WNOWAIT)); say("code", info.si_code); say("status", info.si_status);
    say("again", waitid(P_ALL, 0, &info, WSTOPPED)); say("once", waitid(P_ALL, 0, &info, WSTOPPED | WNOHANG)); say("pid", info.si_pid);
    kill(child, SIGCONT);
    say("continued", waitid(P_PGID, 0, &info, WCONTINUED)); say("code", info.si_code);
    kill(child, SIGKILL);
    say("left", waitid(P_PID, child, &info, WEXITED | WNOWAIT)); say("code", info.si_code);
    say("reaped", syscall(SYS_waitid, P_PID, child, &info, WEXITED, &usage)); say("status", info.si_status);
    say("gone", waitid(P_PID, child, &info, WEXITED)); say("bad kind", waitid(9, 0, &info, WEXITED)); say("no pid", waitid(P_PID, 0, &info, WEXITED));
    say("nothing wanted", waitid(P_ALL, 0, &info, WNOHANG)); say("lowest", waitpid(-2147483647 - 1, NULL, 0)); say("none", wait4(-1, NULL, 0, NULL));
    struct clone_args arguments = {.exit_signal = 0};
    fflush(stdout);
    child = syscall(SYS_clone3, &arguments, sizeof arguments);
    if (child == 0) _exit(4);
    say("without a signal", waitpid(child, NULL, 0)); say("clone", waitpid(child, NULL, __WCLONE) == child);
    fflush(stdout);
    child = fork();
    if (child == 0) { fork() == 0 ? ({ while (clock() < CLOCKS_PER_SEC / 20); _exit(0); }) : (void)wait(NULL); _exit(0); }
    say("with its children", wait4(child, NULL, 0, &usage) == child); say("time", used(&usage) > 20000);
    getrusage(RUSAGE_CHILDREN, &usage); say("of all", used(&usage) > 20000);
}

static void handle(int signal, siginfo_t *info, void *context) { char line[60]; write(1, line, sprintf(line, "got %d code %d value %d\n", signal, info->si_code, info->si_value.sival_int)); }

static void descriptors(void) {
    siginfo_t info;
    pid_t child = sleeper();
    int fd = syscall(SYS_pidfd_open, child, 0), patient = syscall(SYS_pidfd_open, child, O_NONBLOCK);
    say("open", fd > 2); say("nonblocking", fcntl(patient, F_GETFL) & O_NONBLOCK); say("flags", syscall(SYS_pidfd_open, child, 1));
    say("nobody", syscall(SYS_pidfd_open, 4000000, 0)); say("negative", syscall(SYS_pidfd_open, -1, 0));
    say("not yet", waitid(P_PIDFD, patient, &info, WEXITED)); say("not asked", waitid(P_PIDFD, fd, &info, WEXITED | WNOHANG));
    int self = syscall(SYS_pidfd_open, getpid(), 0);
    struct sigaction action = {.sa_sigaction = handle, .sa_flags = SA_SIGINFO};
    sigaction(SIGUSR1, &action, NULL);
    memset(&info, 0, sizeof info);
    info.si_signo = SIGUSR1; info.si_code = SI_QUEUE; info.si_value.sival_int = 42;
    say("send", syscall(SYS_pidfd_send_signal, self, SIGUSR1, &info, 0)); say("other signal", syscall(SYS_pidfd_send_signal, self, SIGUSR2, &info, 0));
    info.si_code = SI_USER;
    say("as a user to myself", syscall(SYS_pidfd_send_signal, self, SIGUSR1, &info, 0)); say("to another", syscall(SYS_pidfd_send_signal, fd, SIGUSR1, &info, 0));
    say("flags", syscall(SYS_pidfd_send_signal, fd, 0, NULL, 77)); say("file", syscall(SYS_pidfd_send_signal, 1, 0, NULL, 0));
    say("signal", syscall(SYS_pidfd_send_signal, fd, 65, NULL, 0)); say("only ask", syscall(SYS_pidfd_send_signal, fd, 0, NULL, 0));
    int pair[2];
    pipe(pair);
    write(pair[1], "hello", 5);
    int taken = syscall(SYS_pidfd_getfd, self, pair[0], 0);
    char text[6] = "";
    say("taken", taken > pair[1]); say("read", read(taken, text, 5)); printf("%s\n", text); say("close-on-exec", fcntl(taken, F_GETFD));
    say("none", syscall(SYS_pidfd_getfd, self, 900, 0)); say("flags", syscall(SYS_pidfd_getfd, self, 0, 1)); say("file", syscall(SYS_pidfd_getfd, 1, 0, 0));
    CHILD("as nobody", nobody(); say("get", syscall(SYS_pidfd_getfd, fd, 1, 0)));
    kill(child, SIGKILL);
    say("wait", waitid(P_PIDFD, fd, &info, WEXITED)); say("status", info.si_status);
    say("gone", syscall(SYS_pidfd_send_signal, fd, 0, NULL, 0)); say("taken from nobody", syscall(SYS_pidfd_getfd, fd, 0, 0));
}

static long vm(int write, pid_t pid, void *mine, size_t length, void *theirs, size_t other) {
    struct iovec here[2] = {{mine, length / 2}, {(char *)mine + length / 2, length - length / 2}}, there = {theirs, other};
    return (write ? process_vm_writev : process_vm_readv)(pid, here, 2, &there, 1, 0);
}

static void memory(void) {
    char *area = mmap(NULL, 3 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), buffer[9000];
    strcpy(area + 4090, "across a page");
    mprotect(area + 2 * 4096, 4096, PROT_READ);
    pid_t child = sleeper();
    say("read", vm(0, child, buffer, 14, area + 4090, 14)); printf("%s\n", buffer);
    say("write", vm(1, child, "another text!", 14, area + 4090, 14)); say("still", area[4090]);
    say("back", vm(0, child, buffer, 100, area + 4090, 14)); printf("%s\n", buffer);
    say("write over read-only", vm(1, child, buffer, 5000, area + 4096, 5000)); say("read-only", vm(1, child, buffer, 5, area + 2 * 4096, 5));
    say("beyond", vm(0, child, buffer, 9000, area + 4096, 9000) >= 8192); say("nowhere", vm(0, child, buffer, 10, (void *)16, 10));
    say("bad buffer", vm(0, child, (void *)16, 10, area, 10)); say("nothing", vm(0, child, buffer, 0, area, 10)); say("no source", vm(0, child, buffer, 10, area, 0));
    say("flags", syscall(SYS_process_vm_readv, child, NULL, 0, NULL, 0, 1)); say("nobody", vm(0, 4000000, buffer, 10, area, 10));
    CHILD("as nobody", nobody(); say("read", vm(0, child, buffer, 10, area, 10)); say("of itself", vm(0, getpid(), buffer, 10, area, 10)));
    kill(child, SIGKILL); ended(child);
}

static void kill_lender(int signal) {
    int ends[2], status;
    pid_t borrower;
    pipe(ends);
    fflush(stdout);
    pid_t lender = fork();
    if (lender == 0) {
        if (vfork() == 0) { pid_t self = syscall(SYS_getpid); write(ends[1], &self, sizeof self); for (;;) syscall(SYS_pause); }
        _exit(1);
    }
    read(ends[0], &borrower, sizeof borrower);
    kill(lender, SIGCHLD);
    usleep(20000);
    say("waits", waitpid(lender, NULL, WNOHANG)); kill(lender, signal);
    say("killed", waitpid(lender, &status, 0) == lender); say("by", WTERMSIG(status));
    say("borrower lives", kill(borrower, 0)); say("end", kill(borrower, SIGKILL));
}

static pid_t far(int distance) { return getpid() < 30000 ? getpid() + distance : getpid() - distance; } /* below pid_max */

static void chosen_numbers(void) {
    pid_t number = far(1000), two[2] = {number, number};
    struct clone_args arguments = {.exit_signal = SIGCHLD, .set_tid = (uintptr_t)&number, .set_tid_size = 1};
    fflush(stdout);
    long child;
    while ((child = syscall(SYS_clone3, &arguments, sizeof arguments)) < 0 && errno == EEXIST) number++;
    if (child == 0) _exit(getpid() == number ? 5 : 6);
    say("chosen", child == number); say("knows", ended(child));
    number = getpid();
    say("in use", syscall(SYS_clone3, &arguments, sizeof arguments));
    number = -3; say("negative", syscall(SYS_clone3, &arguments, sizeof arguments));
    number = 0; say("zero", syscall(SYS_clone3, &arguments, sizeof arguments));
    arguments.set_tid_size = 0; say("no size", syscall(SYS_clone3, &arguments, sizeof arguments));
    arguments.set_tid_size = 33; say("too many", syscall(SYS_clone3, &arguments, sizeof arguments));
    arguments.set_tid_size = 1;
    CHILD("as nobody", nobody(); number = far(1500); say("clone", syscall(SYS_clone3, &arguments, sizeof arguments)));
    CHILD("more follow", for (int i = 0; i < 20; i++) if (ended(fork() ?: (_exit(0), 0)) != 0) say("lost", i));
}

static long barrier(int command, int flags) { return syscall(SYS_membarrier, command, flags, 0); }

static void barriers(void) {
    say("query", (barrier(MEMBARRIER_CMD_QUERY, 0) & 0x7f) == 0x7f); say("flags", barrier(MEMBARRIER_CMD_QUERY, 2)); say("unknown", barrier(3, 0));
    say("unregistered", barrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0)); say("register", barrier(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0));
    say("private", barrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0)); say("core", barrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED_SYNC_CORE, 0));
    say("global", barrier(MEMBARRIER_CMD_GLOBAL, 0)); say("expedited", barrier(MEMBARRIER_CMD_GLOBAL_EXPEDITED, 0));
}

static void refused(void) {
    struct timeval time = {0, 0}, odd = {0, 2000000};
    CHILD("as nobody", nobody(); say("settimeofday", settimeofday(&time, NULL));
          say("odd", settimeofday(&odd, NULL)); say("syslog", syscall(SYS_syslog, 5, NULL, 0)); say("vhangup", syscall(SYS_vhangup));
          say("swapon", syscall(SYS_swapon, "/nothing", 0)); say("swapoff", syscall(SYS_swapoff, "/nothing"));
          say("clock", syscall(SYS_clock_settime, CLOCK_REALTIME, &time)));
}

static volatile long turns;
static void *count_turns(void *unused) { for (;;) { turns++; usleep(1000); } }

static long run_at(int directory, const char *path, int flags) {
    char *arguments[] = {"program", "again", NULL}, *environment[] = {NULL};
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) { syscall(SYS_execveat, directory, path, arguments, environment, flags); _exit(errno); }
    return ended(child);
}

static void programs(void) {
    pthread_t thread;
    pthread_create(&thread, NULL, count_turns, NULL);
    say("no program", execl("/nothing/there", "x", NULL)); say("not executable", execl("/proc/self/maps", "x", NULL));
    long before = turns;
    usleep(50000);
    say("the thread goes on", turns > before);
    char path[200], *name;
    path[readlink("/proc/self/exe", path, sizeof path - 1)] = 0;
    int file = open(path, O_RDONLY), folder;
    name = strrchr(path, '/'); *name++ = 0;
    folder = open(*path ? path : "/", O_PATH);
    say("by descriptor", run_at(file, "", AT_EMPTY_PATH)); say("in a folder", run_at(folder, name, 0)); say("by path", run_at(-1, "/proc/self/exe", 0));
    say("no such", run_at(folder, "nothing", 0)); say("empty", run_at(file, "", 0)); say("a folder", run_at(folder, "", AT_EMPTY_PATH));
    say("closed", run_at(900, "x", 0)); say("flags", run_at(folder, name, 1)); say("link", run_at(-1, "/proc/self/exe", AT_SYMLINK_NOFOLLOW));
    say("here", run_at(AT_FDCWD, "", AT_EMPTY_PATH));
}

int main(int count, char **arguments) {
    if (count == 2) return 33;
    waiting();
    descriptors();
    memory();
    kill_lender(SIGKILL);
    kill_lender(SIGTERM);
    chosen_numbers();
    barriers();
    refused();
    programs();
    return 0;
}
