/* What all cases use: CHECK prints "ok" or "BAD" with what was seen and what is right; DONE ends main. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

static int bad;
#define CHECK(what, got, want) do { long got_ = (long)(got), want_ = (long)(want); \
    printf("%s %s: %ld, right %ld\n", got_ == want_ ? "ok " : "BAD", what, got_, want_); bad += got_ != want_; } while (0)
/* The same, where only what is BAD is worth a line. */
#define CHECK_QUIETLY(got, want) do { long got_ = (long)(got), want_ = (long)(want); \
    if (got_ != want_) { printf("BAD %s: %ld, right %ld\n", #got, got_, want_); bad++; } } while (0)
/* The result of a call, or minus the errno. */
#define RES(call) ({ long result_ = (long)(call); result_ < 0 ? -errno : result_; })
#define DONE() do { fflush(stdout); return bad != 0; } while (0)
/* Run a block in a child; what is BAD there counts here. */
#define IN_CHILD(block) do { int state_; pid_t child_ = fork(); if (child_ == 0) { bad = 0; block; fflush(stdout); _exit(bad != 0); } \
    waitpid(child_, &state_, 0); bad += state_ != 0; if (WIFSIGNALED(state_)) printf("BAD child ended by signal %d\n", WTERMSIG(state_)); } while (0)

__attribute__((constructor)) static void print_by_lines(void) { setvbuf(stdout, NULL, _IOLBF, 0); }
__attribute__((unused)) static long milliseconds(void)
{
    struct timespec moment;
    clock_gettime(CLOCK_MONOTONIC, &moment);
    return moment.tv_sec * 1000 + moment.tv_nsec / 1000000;
}
__attribute__((unused)) static void become(unsigned id) { setresgid(id, id, id); setresuid(id, id, id); }
