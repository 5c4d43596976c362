/* Frames that do not fit their stack, and frames that rt_sigreturn cannot take: SIGSEGV, whose handler may have another
   stack and sees the registers of the frame. Flags that no frame changes stay as they are. */
#include "case.h"
#include <setjmp.h>

static volatile int faults, code;
static volatile greg_t fault_rip, fault_rbx;
static char *stack;

static void use(int number, void (*handler)(int, siginfo_t *, void *), int flags)
{
    struct sigaction action = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO | flags};
    sigaction(number, &action, NULL);
}

static void nothing(int number, siginfo_t *info, void *context) { }
static void on_fault(int number, siginfo_t *info, void *context)
{
    if (++faults > 5) { write(1, "BAD faults for ever\n", 20); _exit(1); }
    code = info->si_code;
    if (stack) mprotect(stack, 65536, PROT_READ | PROT_WRITE);
}

/* The alternate stack cannot be written to: that is a SIGSEGV, which is handled on the ordinary one. */
static void unwritable(void)
{
    struct sigaction now;
    stack = mmap(NULL, 65536, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    stack_t alternate = {.ss_sp = stack, .ss_size = 65536};
    sigaltstack(&alternate, NULL);
    use(SIGSEGV, on_fault, 0);
    use(SIGHUP, nothing, SA_ONSTACK | SA_RESETHAND);
    raise(SIGHUP);
    CHECK("handled as SIGSEGV", faults, 1);
    CHECK("code", code, SI_KERNEL);
    sigaction(SIGHUP, NULL, &now);
    CHECK("SA_RESETHAND all the same", now.sa_handler == SIG_DFL, 1);
    sigset_t set;
    sigprocmask(SIG_SETMASK, NULL, &set);
    CHECK("the mask is as it was", sigismember(&set, SIGHUP) || sigismember(&set, SIGSEGV), 0);
    stack = NULL;
}

static int end_of(void (*body)(void))
{
    int status;
    pid_t child = fork();
    if (child == 0) { signal(SIGALRM, SIG_DFL); alarm(20); body(); _exit(0); }
    waitpid(child, &status, 0);
    return WIFSIGNALED(status) ? WTERMSIG(status) : -1;
}

static void without_handler(void)
{
    stack_t alternate = {.ss_sp = mmap(NULL, 65536, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), .ss_size = 65536};
    sigaltstack(&alternate, NULL);
    use(SIGHUP, nothing, SA_ONSTACK);
    raise(SIGHUP);
}
static void handler_without_room(void)
{
    stack_t alternate = {.ss_sp = mmap(NULL, 65536, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), .ss_size = 65536};
    sigaltstack(&alternate, NULL);
    use(SIGSEGV, on_fault, SA_ONSTACK);
    use(SIGHUP, nothing, SA_ONSTACK);
    raise(SIGHUP);
}
static void blocked(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGSEGV);
    sigprocmask(SIG_BLOCK, &set, NULL);
    handler_without_room();
}

/* What the handler of SIGUSR1 puts into its frame, and what the handler of SIGSEGV then finds. */
static int what;
static sigjmp_buf out;
static void spoil(int number, siginfo_t *info, void *context)
{
    ucontext_t *frame = context;
    greg_t *registers = frame->uc_mcontext.gregs;
    registers[REG_RBX] = 0x1234567;
    switch (what) {
    case 0: memset((char *)frame->uc_mcontext.fpregs + 512 + 8, 0xff, 16); break;
    case 1: registers[REG_RIP] = 0x8000000000000000; break;
    case 2: registers[REG_RIP] = 0x7fffffffffff; break;
    case 3: registers[REG_CSGSFS] = registers[REG_CSGSFS] & 0xffffffffffff | 0x7000000000000; break;         /* SS */
    case 4: registers[REG_CSGSFS] = registers[REG_CSGSFS] & ~0xffffUL | 0x2b; break;                         /* CS: data */
    case 5: registers[REG_CSGSFS] = registers[REG_CSGSFS] & ~0xffffUL | 0x08; break;                         /* the kernel's */
    case 6: registers[REG_EFL] |= 0x3000; break;                                                             /* IOPL */
    case 7: frame->uc_mcontext.fpregs = (void *)8; break;
    }
}
static void see(int number, siginfo_t *info, void *context)
{
    faults++;
    code = info->si_code;
    fault_rip = ((ucontext_t *)context)->uc_mcontext.gregs[REG_RIP];
    fault_rbx = ((ucontext_t *)context)->uc_mcontext.gregs[REG_RBX];
    siglongjmp(out, 1);
}

static void spoilt(void)
{
    static const char *const names[] = {"header of the vector registers", "RIP that is none", "RIP beyond the end", "SS", "CS of data", "CS of the kernel", "IOPL", "no vector registers"};
    use(SIGUSR1, spoil, 0);
    use(SIGSEGV, see, 0);
    for (what = 0; what < 8; what++) {
        faults = 0;
        fault_rbx = 0;
        if (sigsetjmp(out, 1) == 0) raise(SIGUSR1);
        CHECK(names[what], faults, what != 6);
        if (what == 6) continue;
        CHECK("the registers are those of the frame", fault_rbx, 0x1234567);
        if (what == 1) CHECK("RIP too", fault_rip, 0x8000000000000000);
        if (what != 2) CHECK("code", code, SI_KERNEL);
    }
    unsigned long flags;
    asm volatile("pushfq; popq %0" : "=r"(flags));
    CHECK("IOPL stays 0", flags & 0x3000, 0);
}

/* A broken header, and a handler that returns: one SIGSEGV, then on as if the frame had been good. */
static void goes_on(void)
{
    use(SIGUSR1, spoil, 0);
    use(SIGSEGV, on_fault, 0);
    what = faults = 0;
    raise(SIGUSR1);
    CHECK("one fault, then past raise()", faults, 1);
}

static volatile int traps;
static void on_trap(int number) { traps++; }

/* NT with TF: each step is a SIGTRAP, and the handler and its return leave NT as it is. */
static void nested_task(void)
{
    unsigned long after;
    signal(SIGTRAP, on_trap);
    asm volatile("pushfq; orq $0x4100, (%%rsp); popfq; movl $39, %%eax; syscall; pushfq; popq %0; pushq %0;"
                 "andq $~0x4100, (%%rsp); popfq" : "=&r"(after) : : "rax", "rcx", "r11", "memory", "cc");
    CHECK("NT is kept", after >> 14 & 1, 1);
    CHECK("steps", traps >= 4, 1);
    asm volatile("pushfq; orq $0x40000, (%%rsp); popfq; movl $39, %%eax; syscall; pushfq; popq %0; pushq %0;"
                 "andq $~0x40000, (%%rsp); popfq" : "=&r"(after) : : "rax", "rcx", "r11", "memory", "cc");
    CHECK("AC is kept", after >> 18 & 1, 1);
}

int main(void)
{
    IN_CHILD(unwritable());
    CHECK("without a handler", end_of(without_handler), SIGSEGV);
    CHECK("a handler without room", end_of(handler_without_room), SIGSEGV);
    CHECK("SIGSEGV is blocked", end_of(blocked), SIGSEGV);
    IN_CHILD(spoilt());
    IN_CHILD(goes_on());
    IN_CHILD(nested_task());
    DONE();
}
