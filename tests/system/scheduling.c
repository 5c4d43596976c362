/* Policies, processors and resident pages: prints the same on Linux and in a container. */
#define _GNU_SOURCE
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static void say(const char *what, long value) { printf("%s %ld\n", what, value < 0 ? -(long)errno : value); }

int main(void) {
    setvbuf(stdout, NULL, _IONBF, 0);
    struct sched_param param = {5};
    say("policy", sched_getscheduler(0));
    say("nobody", sched_getscheduler(4000000));
    say("negative", sched_getscheduler(-1));
    say("param", sched_getparam(0, &param)); say("priority", param.sched_priority);
    say("other", sched_setscheduler(0, SCHED_OTHER, &param));
    param.sched_priority = 3;
    say("too high", sched_setscheduler(0, SCHED_OTHER, &param)); say("bad", sched_setscheduler(0, 99, &param));
    say("setparam", sched_setparam(0, &param));
    say("highest", sched_get_priority_max(SCHED_FIFO)); say("lowest", sched_get_priority_min(SCHED_RR));
    say("of other", sched_get_priority_max(SCHED_OTHER)); say("of none", sched_get_priority_max(77));
    cpu_set_t set;
    CPU_ZERO(&set);
    say("no processor", sched_setaffinity(0, sizeof set, &set));
    CPU_SET(0, &set);
    say("first processor", sched_setaffinity(0, sizeof set, &set));
    CPU_ZERO(&set);
    say("short", syscall(SYS_sched_getaffinity, 0, 4, &set)); say("odd", syscall(SYS_sched_getaffinity, 0, 12, &set));
    say("of nobody", sched_getaffinity(4000000, sizeof set, &set)); say("of -1", sched_getaffinity(-1, sizeof set, &set));
    say("for nobody", sched_setaffinity(4000000, sizeof set, &set)); say("no bytes", sched_setaffinity(0, 0, &set));
    say("nowhere", syscall(SYS_sched_setaffinity, 0, 8, 16)); say("to nowhere", syscall(SYS_sched_getaffinity, 0, 64, 16));
    say("affinity", sched_getaffinity(0, sizeof set, &set));
    printf("%d %d\n", CPU_COUNT(&set), CPU_ISSET(0, &set));
    if (fork() == 0) {
        say("of a child", sched_getaffinity(0, sizeof set, &set));
        printf("%d %d\n", CPU_COUNT(&set), CPU_ISSET(0, &set));
        _exit(0);
    }
    wait(NULL);
    unsigned here = 9, node = 9;
    say("getcpu", syscall(SYS_getcpu, &here, &node, NULL)); printf("%u\n", node);
    say("getcpu of nothing", syscall(SYS_getcpu, NULL, NULL, NULL));
    char *memory = mmap(NULL, 4 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    unsigned char there[4] = {9, 9, 9, 9};
    memory[4096] = 1;
    munmap(memory + 3 * 4096, 4096);
    say("mincore", mincore(memory, 3 * 4096, there));
    printf("%d%d%d%d\n", there[0] & 1, there[1] & 1, there[2] & 1, there[3]);
    say("odd", mincore(memory + 1, 4096, there)); say("hole", mincore(memory, 4 * 4096, there));
    return 0;
}
