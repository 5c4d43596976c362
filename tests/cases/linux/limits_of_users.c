/* RLIMIT_SIGPENDING and RLIMIT_NPROC count what all processes of a real user have together: queued signals and timers,
   and threads with those that have ended but were not waited for. */
#include "case.h"

#define SOMEBODY 54321

static long queue(pid_t pid, int number)
{
    union sigval value = {.sival_int = 7};
    return RES(sigqueue(pid, number, value));
}
static void limit(int resource, unsigned long most)
{
    struct rlimit both = {most, most};
    CHECK("setrlimit", RES(setrlimit(resource, &both)), 0);
}

static void signals(void)
{
    sigset_t set;
    siginfo_t info;
    struct timespec none = {0};
    struct sigevent silent = {.sigev_notify = SIGEV_NONE};
    int timer, status, ends[2];
    char byte;
    become(SOMEBODY);
    limit(RLIMIT_SIGPENDING, 4);
    sigemptyset(&set);
    sigaddset(&set, SIGRTMIN);
    sigaddset(&set, SIGUSR1);
    sigaddset(&set, SIGUSR2);
    sigprocmask(SIG_BLOCK, &set, NULL);
    pipe(ends);
    pid_t child = fork();
    if (child == 0) { read(ends[0], &byte, 1); _exit(0); }
    for (int i = 0; i < 3; i++) CHECK("queue", queue(getpid(), SIGRTMIN), 0);
    CHECK("the last, for another process of the user", queue(child, SIGRTMIN), 0);
    CHECK("one too many", queue(getpid(), SIGRTMIN), -EAGAIN);
    CHECK("of another process as well", queue(child, SIGRTMIN), -EAGAIN);
    CHECK("tkill of a real-time signal", RES(syscall(SYS_tkill, gettid(), SIGRTMIN)), -EAGAIN);
    CHECK("timer", RES(syscall(SYS_timer_create, CLOCK_MONOTONIC, &silent, &timer)), -EAGAIN);
    CHECK("kill of a standard signal", RES(kill(getpid(), SIGUSR1)), 0);
    CHECK("queue a standard signal", queue(getpid(), SIGUSR2), 0);
    CHECK("it is taken", RES(sigtimedwait(&set, &info, &none)), SIGUSR1);
    CHECK("with what came", info.si_code, SI_USER);
    CHECK("sender", info.si_pid, getpid());
    CHECK("and the other", RES(sigtimedwait(&set, &info, &none)), SIGUSR2);
    CHECK("without", info.si_code, SI_USER);
    CHECK("value", info.si_value.sival_int, 0);
    CHECK("taken", RES(sigtimedwait(&set, &info, &none)), SIGRTMIN);
    CHECK("value", info.si_value.sival_int, 7);
    CHECK("now there is room", RES(syscall(SYS_timer_create, CLOCK_MONOTONIC, &silent, &timer)), 0);
    CHECK("for one", queue(getpid(), SIGRTMIN), -EAGAIN);
    CHECK("the end of the timer", RES(syscall(SYS_timer_delete, timer)), 0);
    CHECK("makes room", queue(getpid(), SIGRTMIN), 0);
    write(ends[1], "x", 1);
    waitpid(child, &status, 0);
    CHECK("so does the end of a process", queue(getpid(), SIGRTMIN), 0);
    CHECK("for what waited for it", queue(getpid(), SIGRTMIN), -EAGAIN);
}

static void ignored(void)
{
    sigset_t set;
    become(SOMEBODY);
    limit(RLIMIT_SIGPENDING, 2);
    sigemptyset(&set);
    sigaddset(&set, SIGRTMIN);
    sigprocmask(SIG_BLOCK, &set, NULL);
    for (int i = 0; i < 2; i++) queue(getpid(), SIGRTMIN);
    signal(SIGRTMIN, SIG_IGN);
    CHECK("what is ignored is dropped", queue(getpid(), SIGRTMIN), 0);
}

static void *wait_long(void *unused) { sleep(100); return NULL; }

static void threads(void)
{
    pthread_t thread;
    int status;
    become(SOMEBODY + 1);
    limit(RLIMIT_NPROC, 3);
    pid_t first = fork();
    if (first == 0) { pause(); _exit(0); }
    CHECK("a second", first > 0, 1);
    CHECK("a thread", pthread_create(&thread, NULL, wait_long, NULL), 0);
    CHECK("one too many", RES(fork()), -EAGAIN);
    CHECK("nor a thread", pthread_create(&thread, NULL, wait_long, NULL), EAGAIN);
    kill(first, SIGKILL);
    siginfo_t info;
    waitid(P_PID, first, &info, WEXITED | WNOWAIT);
    CHECK("a zombie counts", RES(fork()), -EAGAIN);
    waitpid(first, &status, 0);
    first = fork();
    if (first == 0) _exit(0);
    CHECK("until it is gone", first > 0, 1);
    waitpid(first, &status, 0);
}

/* A process may become one of a user who has too many, but not run a program then. */
static void too_many(void)
{
    int status;
    pid_t other = fork();
    if (other == 0) { become(SOMEBODY + 2); pause(); _exit(0); }
    usleep(100000);
    limit(RLIMIT_NPROC, 1);
    CHECK("setresuid", RES(setresuid(SOMEBODY + 2, SOMEBODY + 2, SOMEBODY + 2)), 0);
    CHECK("fork", RES(fork()), -EAGAIN);
    CHECK("execve", RES(execl("/proc/self/exe", "case", "nothing", NULL)), -EAGAIN);
}

static void free_of_it(void)
{
    limit(RLIMIT_NPROC, 1);
    pid_t child = fork();
    if (child == 0) _exit(0);
    CHECK("user 0 may", child > 0, 1);
    waitpid(child, NULL, 0);
}

int main(int count, char **arguments)
{
    if (count > 1) return 0;
    chmod("/", 0755);
    IN_CHILD(signals());
    IN_CHILD(ignored());
    IN_CHILD(threads());
    pid_t group = fork();
    if (group == 0) { setpgid(0, 0); too_many(); fflush(stdout); _exit(bad != 0); }
    int status;
    waitpid(group, &status, 0);
    bad += status != 0;
    kill(-group, SIGKILL);
    IN_CHILD(free_of_it());
    DONE();
}
