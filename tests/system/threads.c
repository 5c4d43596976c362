/* Threads, their locks and futexes, as man pages have them: prints the same on Linux and in a container. */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/futex.h>
#include <linux/sched.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void say(const char *what, long value) { printf("%s %ld\n", what, value < 0 ? -(long)errno : value); fflush(stdout); }
static long futex(uint32_t *word, int op, uint32_t value, void *timeout, uint32_t *second, uint32_t third) {
    return syscall(SYS_futex, word, op, value, timeout, second, third);
}

static void new_processes(void) {
    struct clone_args arguments = {.exit_signal = SIGCHLD};
    long child = syscall(SYS_clone3, &arguments, sizeof arguments);
    if (child == 0) _exit(7);
    int status, pidfd = -1;
    say("clone3", waitpid(child, &status, 0) == child);
    say("status", WEXITSTATUS(status));
    arguments.flags = CLONE_PIDFD | CLONE_CLEAR_SIGHAND;
    arguments.pidfd = (uintptr_t)&pidfd;
    child = syscall(SYS_clone3, &arguments, sizeof arguments);
    if (child == 0) { pause(); _exit(1); }
    say("pidfd", pidfd > 2);
    say("signal", syscall(SYS_pidfd_send_signal, pidfd, SIGTERM, NULL, 0));
    struct pollfd record = {.fd = pidfd, .events = POLLIN};
    say("poll", poll(&record, 1, 5000));
    say("wait", waitpid(child, &status, 0) == child);
    say("killed by", WTERMSIG(status));
    arguments.flags = CLONE_THREAD;
    say("thread alone", syscall(SYS_clone3, &arguments, sizeof arguments));
    arguments.flags = 1;
    say("signal in flags", syscall(SYS_clone3, &arguments, sizeof arguments));
    arguments.flags = 0;
    say("small", syscall(SYS_clone3, &arguments, 56));
    arguments.stack = 4096;
    say("stack of nothing", syscall(SYS_clone3, &arguments, sizeof arguments));
}

static pthread_mutex_t *lock;
static void *die_holding(void *unused) { pthread_mutex_lock(lock); return NULL; }

static void robust_locks(void) {
    lock = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    pthread_mutexattr_t kind;
    pthread_mutexattr_init(&kind);
    pthread_mutexattr_setrobust(&kind, PTHREAD_MUTEX_ROBUST);
    pthread_mutexattr_setpshared(&kind, PTHREAD_PROCESS_SHARED);
    pthread_mutex_init(lock, &kind);
    pthread_t thread;
    pthread_create(&thread, NULL, die_holding, NULL);
    pthread_join(thread, NULL);
    say("owner died", pthread_mutex_lock(lock));
    say("consistent", pthread_mutex_consistent(lock));
    say("unlock", pthread_mutex_unlock(lock));
    pid_t child = fork();
    if (child == 0) { pthread_mutex_lock(lock); usleep(50000); _exit(0); }
    usleep(20000);
    say("waited for owner", pthread_mutex_lock(lock));
    waitpid(child, NULL, 0);
}

static void between_processes(void) {
    uint32_t *word = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    pid_t child = fork();
    if (child == 0) _exit(futex(word, FUTEX_WAIT, 0, NULL, NULL, 0) != 0);
    long woken = 0;
    while (woken == 0) { usleep(5000); woken = futex(word, FUTEX_WAKE, 1, NULL, NULL, 0); }
    int status;
    waitpid(child, &status, 0);
    say("woken", woken);
    say("child", status);
}

static uint32_t words[2];
static void *wait_for_word(void *word) { return (void *)futex(word, FUTEX_WAIT_PRIVATE, 0, NULL, NULL, 0); }

static void operations(void) {
    pthread_t threads[4];
    for (int i = 0; i < 4; i++) pthread_create(&threads[i], NULL, wait_for_word, &words[0]);
    usleep(100000);
    say("compare", futex(&words[0], FUTEX_CMP_REQUEUE_PRIVATE, 1, (void *)2, &words[1], 5));
    say("requeue", futex(&words[0], FUTEX_CMP_REQUEUE_PRIVATE, 1, (void *)2, &words[1], 0));
    say("wake op", futex(&words[0], FUTEX_WAKE_OP_PRIVATE, 9, (void *)9, &words[1],
                         FUTEX_OP(FUTEX_OP_ADD, 5, FUTEX_OP_CMP_EQ, 0)));
    for (int i = 0; i < 4; i++) pthread_join(threads[i], NULL);
    say("word", words[1]);
    futex(&words[0], FUTEX_WAKE_OP_PRIVATE, 0, 0, &words[1], FUTEX_OP(FUTEX_OP_SET, -3, FUTEX_OP_CMP_LT, -1));
    say("set", (int)words[1] == -3);
    say("operation", futex(&words[0], FUTEX_WAKE_OP_PRIVATE, 0, 0, &words[1], FUTEX_OP(6, 0, 0, 0)));
    struct timespec soon = {0, 1000000};
    say("again", futex(&words[0], FUTEX_WAIT, 1, NULL, NULL, 0));
    say("timeout", futex(&words[0], FUTEX_WAIT, 0, &soon, NULL, 0));
    say("past", futex(&words[0], FUTEX_WAIT_BITSET, 0, &soon, NULL, 1));
    say("no bits", futex(&words[0], FUTEX_WAIT_BITSET, 0, NULL, NULL, 0));
    say("odd", futex((uint32_t *)((char *)words + 1), FUTEX_WAIT, 0, NULL, NULL, 0));
    say("nowhere", futex((uint32_t *)64, FUTEX_WAKE, 1, NULL, NULL, 0));
    say("unknown", futex(&words[0], 40, 0, NULL, NULL, 0));
    say("wall clock", futex(&words[0], FUTEX_WAKE | FUTEX_CLOCK_REALTIME, 0, NULL, NULL, 0));
    void *head;
    size_t length = 0;
    say("robust list", syscall(SYS_get_robust_list, 0, &head, &length));
    say("length", length);
    say("no thread", syscall(SYS_get_robust_list, 4000000, &head, &length));
    say("bad length", syscall(SYS_set_robust_list, head, 8));
}

int main(void) {
    new_processes();
    robust_locks();
    between_processes();
    operations();
    return 0;
}
