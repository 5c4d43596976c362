/* Descriptors beyond 1024 are found, copied, closed and marked like others, by select(2), too, and making many of them
   is not slow. */
#include "case.h"
#include <sys/select.h>

#define MANY 15000

int main(void)
{
    struct rlimit limit, raised;
    int ends[2], status;
    char byte;
    getrlimit(RLIMIT_NOFILE, &limit);
    raised = (struct rlimit){MANY + 100, limit.rlim_max};
    CHECK("raise", RES(setrlimit(RLIMIT_NOFILE, &raised)), 0);
    pipe(ends);
    long begin = milliseconds();
    int made = 0, last = -1, next;
    while (made < MANY && (next = dup(ends[0])) >= 0) { CHECK_QUIETLY(next > last, 1); last = next; made++; }
    CHECK("made", made, MANY);
    CHECK("close one of them", RES(close(7777)), 0);
    CHECK("the lowest is taken again", RES(dup(0)), 7777);
    CHECK("the lowest from one on", RES(fcntl(0, F_DUPFD, 5000)), last + 1);
    CHECK("close", RES(close(last + 1)), 0);
    CHECK("poll of a high one", ({ struct pollfd one = {last, POLLIN}; RES(poll(&one, 1, 0)); }), 0);
    write(ends[1], "xyz", 3);
    CHECK("it can be read", ({ struct pollfd one = {last, POLLIN}; RES(poll(&one, 1, 0)); }), 1);
    static fd_set sets[MANY / FD_SETSIZE + 2];
    memset(sets, 0, sizeof sets);
    ((unsigned long *)sets)[last / 64] |= 1UL << last % 64;
    struct timeval none = {0};
    CHECK("select of a high one", RES(select(last + 1, sets, NULL, NULL, &none)), 1);
    CHECK("its bit", ((unsigned long *)sets)[last / 64] >> last % 64 & 1, 1);
    memset(sets, 0, sizeof sets);
    ((unsigned long *)sets)[(last + 5) / 64] |= 1UL << (last + 5) % 64;
    CHECK("select of one that is not open", RES(select(last + 6, sets, NULL, NULL, &none)), -EBADF);
    fcntl(last, F_SETFD, FD_CLOEXEC);
    pid_t child = fork();
    if (child == 0) _exit(read(last, &byte, 1) == 1 && byte == 'x' && fcntl(last, F_GETFD) == FD_CLOEXEC && fcntl(9999, F_GETFD) == 0 ? 0 : 1);
    waitpid(child, &status, 0);
    CHECK("a child has them", status, 0);
    CHECK("close a range", RES(syscall(SYS_close_range, 100, 12000, 0)), 0);
    CHECK("the first of it", RES(fcntl(100, F_GETFD)), -EBADF);
    CHECK("the last of it", RES(fcntl(12000, F_GETFD)), -EBADF);
    CHECK("behind it", RES(fcntl(12001, F_GETFD)), 0);
    CHECK("mark a range", RES(syscall(SYS_close_range, 12000, ~0U, 4)), 0);
    CHECK("marked", RES(fcntl(12001, F_GETFD)), FD_CLOEXEC);
    CHECK("the lowest again", RES(dup(0)), 100);
    CHECK("in a short time", milliseconds() - begin < 5000, 1);
    getrlimit(RLIMIT_NOFILE, &limit);
    CHECK("limit", limit.rlim_cur, MANY + 100);
    DONE();
}
