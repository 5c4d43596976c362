/* The clocks as a C library reads them, by the vDSO where it can: prints the same on Linux and in a container. */
#define _GNU_SOURCE
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <sys/auxv.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static void say(const char *what, long value) { printf("%s %ld\n", what, value < 0 ? -(long)errno : value); fflush(stdout); }
static long nanoseconds(struct timespec *time) { return time->tv_sec * 1000000000 + time->tv_nsec; }

/* Whether what the library tells lies between what two calls of the kernel tell. */
static int is_between(int clock) {
    struct timespec before, now, after;
    syscall(SYS_clock_gettime, clock, &before);
    clock_gettime(clock, &now);
    syscall(SYS_clock_gettime, clock, &after);
    return nanoseconds(&before) <= nanoseconds(&now) && nanoseconds(&now) <= nanoseconds(&after);
}

int main(int count, char **arguments) {
    const unsigned char *image = (void *)getauxval(AT_SYSINFO_EHDR);
    struct timespec moment, before;
    if (count > 1) { /* how many nanoseconds a call takes, which in the emulator are instructions */
        clock_gettime(CLOCK_MONOTONIC, &before);
        for (int i = 0; i < 1000; i++) clock_gettime(CLOCK_MONOTONIC, &moment);
        clock_gettime(CLOCK_MONOTONIC, &moment);
        printf("%ld\n", (nanoseconds(&moment) - nanoseconds(&before)) / 1001);
        return 0;
    }
    say("image", image && image[0] == 0x7f && image[1] == 'E' && image[4] == 2); say("kind", image[16]); say("machine", image[18]);
    int clocks[] = {CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_MONOTONIC_RAW, CLOCK_BOOTTIME, CLOCK_TAI, CLOCK_PROCESS_CPUTIME_ID};
    for (int i = 0; i < 6; i++) say("between", is_between(clocks[i]));
    say("coarse", clock_gettime(CLOCK_REALTIME_COARSE, &moment)); say("coarse", clock_gettime(CLOCK_MONOTONIC_COARSE, &moment));
    say("unknown", clock_gettime(77, &moment)); say("negative", clock_gettime(-5, &moment));
    for (int i = 0, earlier = 0; i < 10000; i++) {
        clock_gettime(CLOCK_MONOTONIC, &before); clock_gettime(CLOCK_MONOTONIC, &moment);
        if (nanoseconds(&moment) < nanoseconds(&before)) say("went back", earlier++);
    }
    struct timeval day;
    struct timezone zone = {7, 7};
    say("gettimeofday", gettimeofday(&day, NULL)); say("zone", syscall(SYS_gettimeofday, NULL, &zone)); say("west", zone.tz_minuteswest);
    time_t seconds = 0, now = 0;
    now = time(&seconds); say("time", now == seconds && now - day.tv_sec <= 1);
    say("resolution", clock_getres(CLOCK_MONOTONIC, &moment)); say("is", moment.tv_nsec);
    unsigned cpu = 77, node = 77;
    say("getcpu", getcpu(&cpu, &node)); say("node", node);
    return 0;
}
