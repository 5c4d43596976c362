/* What was used (getrusage(2), times(2), wait4(2), proc(5)): bounds that hold on Linux and in a container. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/times.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { PAGES = 2048 };

static long microseconds(struct timeval value) { return value.tv_sec * 1000000 + value.tv_usec; }
static void check(const char *what, int is_so) { printf("%s %s\n", what, is_so ? "yes" : "NO"); }
static struct rusage now(int who) { struct rusage usage; memset(&usage, 0xff, sizeof usage); getrusage(who, &usage); return usage; }
static long elapsed(struct timespec *since)
{
    struct timespec moment;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &moment);
    return (moment.tv_sec - since->tv_sec) * 1000000 + (moment.tv_nsec - since->tv_nsec) / 1000;
}

static void compute(long duration)
{
    struct timespec start;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &start);
    while (elapsed(&start) < duration)
        for (volatile int i = 0; i < 200000; i++) {}
}

static void call(long duration)
{
    struct timespec start;
    static char buffer[1 << 18];
    int zero = open("/dev/zero", O_RDONLY);
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &start);
    while (elapsed(&start) < duration)
        for (int i = 0; i < 20; i++) read(zero, buffer, sizeof buffer);
    close(zero);
}

static void touch_pages(void)
{
    char *area = mmap(NULL, PAGES * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    madvise(area, PAGES * 4096, MADV_NOHUGEPAGE);
    for (int i = 0; i < PAGES; i++) area[i * 4096] = 1;
    munmap(area, PAGES * 4096);
}

static unsigned long field(const char *name)
{
    char line[200];
    unsigned long value = -1;
    FILE *file = fopen("/proc/self/status", "r");
    while (fgets(line, sizeof line, file))
        if (strncmp(line, name, strlen(name)) == 0) value = strtoul(line + strlen(name), NULL, 10);
    fclose(file);
    return value;
}

int main(void)
{
    setvbuf(stdout, NULL, _IONBF, 0);
    struct rusage before = now(RUSAGE_SELF), after;
    compute(200000);
    after = now(RUSAGE_SELF);
    long user = microseconds(after.ru_utime) - microseconds(before.ru_utime);
    long kernel = microseconds(after.ru_stime) - microseconds(before.ru_stime);
    check("computing is time in the program", user > 150000 && kernel < 50000);
    before = after;
    call(400000);
    after = now(RUSAGE_SELF);
    user = microseconds(after.ru_utime) - microseconds(before.ru_utime);
    kernel = microseconds(after.ru_stime) - microseconds(before.ru_stime);
    check("calling is time in the kernel", kernel > 150000 && user + kernel > 390000);
    before = after;
    touch_pages();
    after = now(RUSAGE_SELF);
    check("a fault a page", after.ru_minflt - before.ru_minflt >= PAGES && after.ru_minflt - before.ru_minflt < PAGES + 50);
    check("no disk", after.ru_majflt == before.ru_majflt && after.ru_inblock == before.ru_inblock && after.ru_nswap == 0);
    check("the most memory", after.ru_maxrss >= PAGES * 4);
    check("of it VmHWM", field("VmHWM:") >= PAGES * 4 && field("VmHWM:") < PAGES * 4 + 20000 && field("VmRSS:") < PAGES * 4);
    before = now(RUSAGE_SELF);
    for (int i = 0; i < 20; i++) { struct timespec pause = {0, 1000000}; nanosleep(&pause, NULL); }
    after = now(RUSAGE_SELF);
    check("it waited", after.ru_nvcsw - before.ru_nvcsw >= 20 && after.ru_nvcsw - before.ru_nvcsw < 60);
    check("so says its thread", now(RUSAGE_THREAD).ru_nvcsw == now(RUSAGE_SELF).ru_nvcsw && field("voluntary_ctxt_switches:") >= 20);
    pid_t busy = fork();
    if (busy == 0) { cpu_set_t one; CPU_ZERO(&one); CPU_SET(0, &one); sched_setaffinity(0, sizeof one, &one); compute(100000); _exit(0); }
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(0, &one);
    sched_setaffinity(0, sizeof one, &one);
    before = now(RUSAGE_SELF);
    compute(100000);
    after = now(RUSAGE_SELF);
    check("it was interrupted", after.ru_nivcsw > before.ru_nivcsw);
    struct rusage child, children = now(RUSAGE_CHILDREN);
    check("no children yet", microseconds(children.ru_utime) == 0 && children.ru_maxrss == 0 && children.ru_minflt == 0);
    wait4(busy, NULL, 0, &child);
    check("the time of the child", microseconds(child.ru_utime) > 50000 && microseconds(child.ru_utime) + microseconds(child.ru_stime) < 400000);
    pid_t large = fork();
    if (large == 0) { if (fork() == 0) { touch_pages(); touch_pages(); _exit(0); } wait(NULL); call(60000); _exit(0); }
    wait4(large, NULL, 0, &child);
    check("of a child and its child", child.ru_minflt >= 2 * PAGES && child.ru_maxrss >= PAGES * 4 && child.ru_maxrss < PAGES * 4 + 20000 && microseconds(child.ru_stime) > 10000);
    children = now(RUSAGE_CHILDREN);
    check("of all children", children.ru_minflt > child.ru_minflt && children.ru_maxrss >= child.ru_maxrss
          && microseconds(children.ru_utime) >= microseconds(child.ru_utime) + 50000 && microseconds(children.ru_stime) >= microseconds(child.ru_stime));
    struct tms ticks;
    times(&ticks);
    after = now(RUSAGE_SELF);
    check("times", labs(ticks.tms_utime * 10000 - microseconds(after.ru_utime)) < 40000 && labs(ticks.tms_stime * 10000 - microseconds(after.ru_stime)) < 40000);
    check("times of children", labs(ticks.tms_cutime * 10000 - microseconds(children.ru_utime)) < 40000 && labs(ticks.tms_cstime * 10000 - microseconds(children.ru_stime)) < 40000);
    unsigned long faults, of_children, time_user, time_kernel;
    FILE *stat = fopen("/proc/self/stat", "r");
    fscanf(stat, "%*d %*s %*c %*d %*d %*d %*d %*d %*u %lu %lu %*u %*u %lu %lu", &faults, &of_children, &time_user, &time_kernel);
    fclose(stat);
    check("stat", faults >= after.ru_minflt && faults < after.ru_minflt + 50 && of_children == children.ru_minflt
          && labs((long)time_user * 10000 - microseconds(after.ru_utime)) < 40000 && labs((long)time_kernel * 10000 - microseconds(after.ru_stime)) < 40000);
    long last_user = 0, last_kernel = 0, went_back = 0;
    for (int i = 0; i < 2000; i++) {
        if (i % 500 == 0) compute(10000); else getppid();
        after = now(RUSAGE_SELF);
        went_back += microseconds(after.ru_utime) < last_user || microseconds(after.ru_stime) < last_kernel;
        last_user = microseconds(after.ru_utime);
        last_kernel = microseconds(after.ru_stime);
    }
    check("time never goes back", went_back == 0);
    struct rusage kept = now(RUSAGE_SELF);
    check("an unknown sort", syscall(SYS_getrusage, 2, &kept) < 0 && syscall(SYS_getrusage, 0, NULL) < 0);
    return 0;
}
