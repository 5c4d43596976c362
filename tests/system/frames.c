/* Signal frames: vector registers, alternate stacks and what is told of faults. The same on Linux and in a container. */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

enum { SOFTWARE = 464, HEADER = 512, UPPER = 576 };
enum { KEEP, CHANGE, NO_MAGIC, NO_FEATURE, BAD_CONTROL, BAD_HEADER, NO_STATE, NOT_ALIGNED };

static int action_of_handler;
static uint64_t flags_seen, magic_seen, sizes_seen, upper_seen, control_seen;
static char copies[4096] __attribute__((aligned(64)));

static void clobber(void)
{
    __asm__ volatile("vpcmpeqd %%xmm0, %%xmm0, %%xmm0\nvinsertf128 $1, %%xmm0, %%ymm0, %%ymm0\nvmovaps %%ymm0, %%ymm1\n"
                     "vmovaps %%ymm0, %%ymm5\nvmovaps %%ymm0, %%ymm15" ::: "xmm0", "xmm1", "xmm5", "xmm15");
}

static void handle(int signal, siginfo_t *info, void *raw)
{
    ucontext_t *context = raw;
    char *state = (char *)context->uc_mcontext.fpregs;
    uint32_t *software = (uint32_t *)(state + SOFTWARE);
    uint64_t first[4];
    uint32_t control;
    __asm__ volatile("vmovups %%ymm5, %0\nstmxcsr %1" : "=m"(first), "=m"(control));
    control_seen = control | first[0] | first[3];
    flags_seen = context->uc_flags;
    magic_seen = software[0] == 0x46505853 && *(uint32_t *)(state + software[4]) == 0x46505845;
    sizes_seen = software[1] == software[4] + 4 && (software[2] & 7) == 7 && (uintptr_t)state % 64 == 0;
    upper_seen = *(uint64_t *)(state + UPPER + 16 * 5 + 8);
    clobber();
    switch (action_of_handler) {
    case CHANGE: *(uint64_t *)(state + UPPER + 16 * 5 + 8) = 77; *(uint64_t *)(state + 160 + 16 * 5) = 78; break;
    case NO_MAGIC: *(uint32_t *)(state + software[4]) = 0; break;
    case NO_FEATURE: software[2] &= ~4u; break;
    case BAD_CONTROL: *(uint32_t *)(state + 24) |= 1u << 20; break;
    case BAD_HEADER: *(uint64_t *)(state + HEADER + 16) = 1; break;
    case NO_STATE: context->uc_mcontext.fpregs = NULL; break;
    case NOT_ALIGNED: memcpy(copies + 8, state, 1024); context->uc_mcontext.fpregs = (void *)(copies + 8); break;
    }
}

/* Fill registers, send oneself a signal, and look at them after its handler, without any other code in between. */
static void round_trip(const char *what, int action)
{
    uint64_t before[4] = {11, 12, 13, 14}, after[3][4];
    uint32_t rounding = 0x3f80, control;
    action_of_handler = action;
    __asm__ volatile("ldmxcsr %[rounding]\nvmovups %[before], %%ymm5\nvmovups %[before], %%ymm15\n"
                     "vmovups %[before], %%ymm0\nsyscall\n"
                     "vmovups %%ymm0, %[a]\nvmovups %%ymm5, %[b]\nvmovups %%ymm15, %[c]\nstmxcsr %[control]"
                     : [a] "=m"(after[0]), [b] "=m"(after[1]), [c] "=m"(after[2]), [control] "=m"(control)
                     : "a"(SYS_kill), "D"(getpid()), "S"(SIGUSR1), [before] "m"(before), [rounding] "m"(rounding)
                     : "rcx", "r11", "memory", "xmm0", "xmm5", "xmm15");
    printf("%s: control %x", what, control);
    for (int i = 0; i < 3; i++) printf("  %lu %lu %lu %lu", after[i][0], after[i][1], after[i][2], after[i][3]);
    printf("\n  flags %lu magic %lu sizes %lu upper %lu in the handler %lx\n", flags_seen, magic_seen, sizes_seen,
           upper_seen, control_seen);
}

static void in_child(const char *what, int action)
{
    pid_t child = fork();
    int status;
    if (child == 0) { round_trip(what, action); _exit(0); }
    waitpid(child, &status, 0);
    printf("%s: ended by %d\n", what, WTERMSIG(status));
}

static char stack[65536] __attribute__((aligned(64)));
static char other[65536] __attribute__((aligned(64)));
static void tell_stack(const char *what)
{
    stack_t now;
    memset(&now, 0, sizeof now);
    sigaltstack(NULL, &now);
    printf("%s: which %d flags %x size %zu\n", what, now.ss_sp == stack ? 1 : now.ss_sp == other ? 2 : now.ss_sp ? 3 : 0, now.ss_flags, now.ss_size);
}

/* Volatile: the handler is another flow of control. */
static volatile int set_other;
static void on_stack(int signal, siginfo_t *info, void *raw)
{
    ucontext_t *context = raw;
    char here;
    int inside = &here >= stack && &here < stack + sizeof stack;
    printf("handler: on the stack %d, uc_stack which %d flags %x size %zu\n", inside, context->uc_stack.ss_sp == stack, context->uc_stack.ss_flags, context->uc_stack.ss_size);
    tell_stack("within");
    stack_t wanted = {.ss_sp = other, .ss_size = sizeof other};
    errno = 0;
    int result = sigaltstack(&wanted, NULL);
    printf("change within %d %d\n", result, errno);
    if (set_other) context->uc_stack = wanted;
}

static void alternate(void)
{
    struct sigaction action = {.sa_sigaction = on_stack, .sa_flags = SA_SIGINFO | SA_ONSTACK};
    sigaction(SIGUSR2, &action, NULL);
    tell_stack("at first");
    raise(SIGUSR2);
    stack_t wanted = {.ss_flags = SS_DISABLE};
    sigaltstack(&wanted, NULL);
    int flags[] = {0, SS_ONSTACK, 1 << 31, (1 << 31) | SS_ONSTACK, (1 << 31) | SS_DISABLE, 4, (1 << 31) | 4, 3};
    for (int i = 0; i < 8; i++) {
        wanted = (stack_t){.ss_sp = stack, .ss_size = sizeof stack, .ss_flags = flags[i]};
        errno = 0;
        int result = sigaltstack(&wanted, NULL);
        printf("flags %x: %d %d\n", flags[i], result, errno);
        tell_stack("set");
        raise(SIGUSR2);
        tell_stack("after");
    }
    wanted = (stack_t){.ss_sp = stack, .ss_size = sizeof stack};
    sigaltstack(&wanted, NULL);
    set_other = 1;
    raise(SIGUSR2);
    tell_stack("set by the handler");
    if (fork() == 0) { tell_stack("of a child"); _exit(0); }
    wait(NULL);
    wanted = (stack_t){.ss_sp = (void *)-4096, .ss_size = 8192};
    errno = 0;
    int result = sigaltstack(&wanted, NULL);
    printf("nowhere %d %d\n", result, errno);
    wanted = (stack_t){.ss_sp = stack, .ss_size = 2047};
    errno = 0;
    result = sigaltstack(&wanted, NULL);
    printf("small %d %d\n", result, errno);
    wanted = (stack_t){.ss_flags = SS_DISABLE};
    sigaltstack(&wanted, NULL);
}

static char *page;
static void tell_fault(int signal, siginfo_t *info, void *raw)
{
    ucontext_t *context = raw;
    greg_t *registers = context->uc_mcontext.gregs;
    uintptr_t address = (uintptr_t)info->si_addr;
    printf("signal %d code %d trap %lld error %llx", signal, info->si_code, registers[REG_TRAPNO], registers[REG_ERR]);
    printf(" at %s", address == registers[REG_RIP] ? "the instruction" : address == (uintptr_t)page ? "the page" : address == 0 ? "0" : "another");
    if (registers[REG_TRAPNO] == 14) printf(" cr2 %d", registers[REG_CR2] == address);
    printf("\n");
    _exit(0);
}

static int zero;
static void fail(int how)
{
    uint16_t word;
    switch (how) {
    case 0: *(volatile char *)NULL = 1; break;
    case 1: page = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0); *(volatile char *)page = 1; break;
    case 2: page = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0); (void)*page; *(volatile char *)page = 1; break;
    case 3: page = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0); *(volatile char *)page; break;
    case 4: __asm__ volatile("ud2"); break;
    case 5: __asm__ volatile("divl %0" :: "r"(zero), "a"(1), "d"(0)); break;
    case 6: __asm__ volatile("int3"); break;
    case 7: __asm__ volatile("hlt"); break;
    case 8: *(volatile char *)0x8000000000000000 = 1; break;
    case 9: page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0); *page = (char)0xc3; ((void (*)(void))page)(); break;
    case 10: __asm__ volatile("pushfq\norq $0x100, (%%rsp)\npopfq\nnop\nnop" ::: "memory"); break;
    case 11: word = 0x37b; __asm__ volatile("fldcw %0\nfldz\nfld1\nfdivp\nfwait" : "+m"(word)); break;
    case 12: word = 0x37e; __asm__ volatile("fldcw %0\nfldz\nfldz\nfdivp\nfwait" : "+m"(word)); break;
    case 13: __asm__ volatile("int $0x4"); break;
    }
    printf("no fault\n");
}

int main(void)
{
    setvbuf(stdout, NULL, _IONBF, 0);
    struct sigaction action = {.sa_sigaction = handle, .sa_flags = SA_SIGINFO};
    sigaction(SIGUSR1, &action, NULL);
    round_trip("kept", KEEP);
    round_trip("changed", CHANGE);
    round_trip("without magic", NO_MAGIC);
    round_trip("without feature", NO_FEATURE);
    round_trip("without state", NO_STATE);
    in_child("control", BAD_CONTROL);
    in_child("header", BAD_HEADER);
    in_child("alignment", NOT_ALIGNED);
    round_trip("kept", KEEP);
    alternate();
    struct sigaction faults = {.sa_sigaction = tell_fault, .sa_flags = SA_SIGINFO};
    int signals[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP};
    for (int i = 0; i < 5; i++) sigaction(signals[i], &faults, NULL);
    for (int how = 0; how < 14; how++) {
        int status;
        pid_t child = fork();
        if (child == 0) { printf("fault %d: ", how); fail(how); _exit(1); }
        waitpid(child, &status, 0);
        if (status) printf("fault %d: status %x\n", how, status);
    }
    return 0;
}
