/* select(2) and ppoll(2) tell how much of their time is left, unless the process asked for timeouts that stay
   (personality(2), STICKY_TIMEOUTS). */
#include "case.h"
#include <sys/personality.h>

int main(void)
{
    struct timeval time = {0, 20000};
    struct timespec fine = {0, 20000000};
    CHECK("select", RES(syscall(SYS_select, 0, NULL, NULL, NULL, &time)), 0);
    CHECK("nothing left", time.tv_sec * 1000000 + time.tv_usec, 0);
    CHECK("ppoll", RES(syscall(SYS_ppoll, NULL, 0, &fine, NULL, 8)), 0);
    CHECK("nothing left of it", fine.tv_sec * 1000000000 + fine.tv_nsec, 0);
    personality(STICKY_TIMEOUTS);
    time.tv_usec = 20000;
    fine.tv_nsec = 20000000;
    CHECK("select with a timeout that stays", RES(syscall(SYS_select, 0, NULL, NULL, NULL, &time)), 0);
    CHECK("it stays", time.tv_sec * 1000000 + time.tv_usec, 20000);
    CHECK("ppoll with one", RES(syscall(SYS_ppoll, NULL, 0, &fine, NULL, 8)), 0);
    CHECK("that stays", fine.tv_sec * 1000000000 + fine.tv_nsec, 20000000);
    IN_CHILD(CHECK("a child has it, too", personality(0xFFFFFFFF), STICKY_TIMEOUTS));
    DONE();
}
