/* Far returns, far jumps and IRET in user mode, to segments that there are and others: nothing comes of it, as on a
   processor, or a signal, as of an emulator that takes the stack for the kernel's; never a loop.
   The segments are where Linux has them. */
#include "case.h"

struct far { unsigned offset; unsigned short selector; } __attribute__((packed));
#define FAR_RETURN(selector) asm volatile("pushq $" #selector "; leaq 1f(%%rip), %%rax; pushq %%rax; lretq; 1:" : : : "rax", "memory")
#define IRET(code, data) asm volatile("movq %%rsp, %%rcx; pushq $" #data "; pushq %%rcx; pushfq; pushq $" #code "; leaq 1f(%%rip), %%rax; pushq %%rax; iretq; 1:" : : : "rax", "rcx", "memory")

static void transfer(int which)
{
    switch (which) {
    case 0: FAR_RETURN(0x8); break;
    case 1: IRET(0x8, 0x10); break;
    case 2: IRET(0x33, 0x2b); break;
    case 3: FAR_RETURN(0x23); break;
    case 4: FAR_RETURN(0x2b); break;
    case 5: FAR_RETURN(0x33); break;
    case 6: FAR_RETURN(0); break;
    case 7: asm volatile("sysenter" : : : "memory"); break;
    case 8: {   /* the last page that there may be, with a SYSCALL at its end */
        char *page = mmap((void *)0x7fffffffe000, 4096, 7, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
        if (page == MAP_FAILED) break;
        memset(page, 0x90, 4096);
        memcpy(page + 4094, "\x0f\x05", 2);
        asm volatile("movl $39, %%eax; jmp *%0" : : "r"(page + 4090) : "rax", "rcx", "r11");
        break;
    }
    case 9: {   /* 32-bit code that would make a system call, or end in an illegal instruction */
        unsigned char *code = mmap(NULL, 4096, 7, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
        if (code == MAP_FAILED) break;
        memcpy(code, "\x0f\x05\x0f\x0b", 4);
        struct far *target = mmap(NULL, 4096, 3, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        *target = (struct far){(unsigned)(unsigned long)code, 0x23};
        asm volatile("ljmpl *%0" : : "m"(*target) : "rax", "rcx", "r11", "memory");
        break;
    }
    case 10: asm volatile("int $0x80" : : "a"(20) : "memory"); break;
    }
    _exit(0);
}

int main(void)
{
    unsigned cs, ss, rights = 0, data = 0;
    unsigned char valid, valid_data;
    asm("mov %%cs, %0; mov %%ss, %1" : "=r"(cs), "=r"(ss));
    asm("lar %2, %0; setz %1" : "+r"(rights), "=r"(valid) : "r"(0x23));
    asm("lar %2, %0; setz %1" : "+r"(data), "=r"(valid_data) : "r"(0x2b));
    CHECK("CS", cs, 0x33);
    CHECK("SS", ss, 0x2b);
    CHECK("0x23 is a segment of 32-bit code", valid && rights >> 22 & 1 && rights >> 11 & 1, 1);
    CHECK("0x2b is one of data", valid_data && !(data >> 11 & 1) && data >> 9 & 1, 1);
    for (int which = 0; which <= 10; which++) {
        int status;
        pid_t child = fork();
        if (child == 0) { alarm(20); transfer(which); }
        waitpid(child, &status, 0);
        int ended = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
        printf("transfer %d: signal %d\n", which, ended);
        CHECK("nothing, or a fault", ended == 0 || ended == SIGSEGV || ended == SIGBUS || ended == SIGILL, 1);
    }
    DONE();
}
