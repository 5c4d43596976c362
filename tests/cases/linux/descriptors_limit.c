/* RLIMIT_NOFILE: user 0 may lower its hard limit and raise it again, up to 1,048,576 descriptors (fs.nr_open).
   host: no, because the Linux of the tests may have no CAP_SYS_RESOURCE */
#include "case.h"

int main(void)
{
    struct rlimit first;
    getrlimit(RLIMIT_NOFILE, &first);
    CHECK("soft limit at first", first.rlim_cur, 1024);
    CHECK("hard limit at first", first.rlim_max, 1048576);
    struct rlimit low = {10032, 10032}, high = {1048576, 1048576}, more = {1048576, RLIM_INFINITY};
    CHECK("both to 10032", RES(setrlimit(RLIMIT_NOFILE, &low)), 0);
    CHECK("dup to 10000", RES(fcntl(0, F_DUPFD, 10000)), 10000);
    CHECK("dup beyond", RES(fcntl(0, F_DUPFD, 10032)), -EINVAL);
    CHECK("the last", RES(dup2(0, 10031)), 10031);
    CHECK("one more", RES(dup2(0, 10032)), -EBADF);
    CHECK("raised by user 0", RES(setrlimit(RLIMIT_NOFILE, &high)), 0);
    CHECK("the highest", RES(dup2(0, 1048575)), 1048575);
    CHECK("close it", RES(close(1048575)), 0);
    CHECK("too many", RES(setrlimit(RLIMIT_NOFILE, &more)), -EPERM);
    CHECK("soft above hard", ({ struct rlimit odd = {11, 10}; RES(setrlimit(RLIMIT_NOFILE, &odd)); }), -EINVAL);
    become(1000);
    CHECK("lowered by another", ({ struct rlimit less = {100, 200}; RES(setrlimit(RLIMIT_NOFILE, &less)); }), 0);
    CHECK("not raised by another", ({ struct rlimit again = {100, 201}; RES(setrlimit(RLIMIT_NOFILE, &again)); }), -EPERM);
    CHECK("what is open stays open", RES(fcntl(10000, F_GETFD)), 0);
    CHECK("the lowest is still found", RES(dup(0)) < 100, 1);
    DONE();
}
