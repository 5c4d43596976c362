/* adjtimex(2) and clock_adjtime(2) tell how the clock runs; others than CLOCK_REALTIME cannot be adjusted. */
#include "case.h"
#include <sys/timex.h>

int main(void)
{
    struct timex clock;
    struct timespec now;
    memset(&clock, 0x55, sizeof clock);
    clock.modes = 0;
    long state = RES(syscall(SYS_adjtimex, &clock));
    clock_gettime(CLOCK_REALTIME, &now);
    CHECK("state", state >= 0 && state <= TIME_ERROR, 1);
    CHECK("unsynchronised says so", (clock.status & STA_UNSYNC) != 0, state == TIME_ERROR);
    CHECK("time", clock.time.tv_sec >= now.tv_sec - 1 && clock.time.tv_sec <= now.tv_sec, 1);
    CHECK("microseconds, or nanoseconds", clock.time.tv_usec < (clock.status & STA_NANO ? 1000000000 : 1000000), 1);
    CHECK("tick", clock.tick >= 9000 && clock.tick <= 11000, 1);
    CHECK("tolerance", clock.tolerance, 32768000);
    CHECK("bad pointer", RES(syscall(SYS_adjtimex, NULL)), -EFAULT);
    clock.modes = ADJ_OFFSET_SS_READ;
    CHECK("what is left to adjust", RES(syscall(SYS_adjtimex, &clock)) >= 0, 1);
    clock.modes = 0;
    CHECK("CLOCK_REALTIME", RES(syscall(SYS_clock_adjtime, CLOCK_REALTIME, &clock)), state);
    for (int id = 1; id <= 12; id++) {
        printf("clock %d\n", id);
        CHECK("is no clock to adjust", RES(syscall(SYS_clock_adjtime, id, &clock)), id == 10 || id == 12 ? -EINVAL : -EOPNOTSUPP);
    }
    become(1000);
    clock.modes = ADJ_OFFSET;
    clock.offset = 0;
    CHECK("changed by anybody", RES(syscall(SYS_adjtimex, &clock)), -EPERM);
    DONE();
}
