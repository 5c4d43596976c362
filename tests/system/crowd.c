/* Threads and processes that get in each other's way on several processors; prints the same on Linux and in a container. */
#define _GNU_SOURCE
#include <immintrin.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define THREADS 6
#define MOVES 400
#define ROUNDS 300

static void say(const char *what, long value) { printf("%s %ld\n", what, value); fflush(stdout); }
static void nap(void) { nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL); }

/* Registers: each thread keeps values of its own in all of them while it is sent from processor to processor. */
struct registers { unsigned char vectors[16][32]; unsigned control; };

static void keep_through_call(struct registers *before, struct registers *after, unsigned long *mask) {
    asm volatile("ldmxcsr 512(%0)\n"
#define LOAD(n) "vmovdqu " #n "*32(%0), %%ymm" #n "\n"
#define STORE(n) "vmovdqu %%ymm" #n ", " #n "*32(%1)\n"
        LOAD(0) LOAD(1) LOAD(2) LOAD(3) LOAD(4) LOAD(5) LOAD(6) LOAD(7)
        LOAD(8) LOAD(9) LOAD(10) LOAD(11) LOAD(12) LOAD(13) LOAD(14) LOAD(15)
        "mov $203, %%eax\n xor %%edi, %%edi\n mov $8, %%esi\n mov %2, %%rdx\n syscall\n" /* sched_setaffinity */
        "mov $500, %%ecx\n 1: pause\n dec %%ecx\n jnz 1b\n"
        STORE(0) STORE(1) STORE(2) STORE(3) STORE(4) STORE(5) STORE(6) STORE(7)
        STORE(8) STORE(9) STORE(10) STORE(11) STORE(12) STORE(13) STORE(14) STORE(15)
        "stmxcsr 512(%1)\n"
        : : "r"(before), "r"(after), "r"(mask)
        : "rax", "rcx", "rdx", "rsi", "rdi", "r11", "memory",
          "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7",
          "xmm8", "xmm9", "xmm10", "xmm11", "xmm12", "xmm13", "xmm14", "xmm15");
}

static cpu_set_t allowed;

static void *migrate(void *argument) {
    unsigned seed = (unsigned)(long)argument + 1;
    long wrong = 0, strayed = 0;
    int processor = 0;
    for (int move = 0; move < MOVES; move++) {
        struct registers before, after;
        for (int byte = 0; byte < sizeof before.vectors; byte++) before.vectors[0][byte] = rand_r(&seed);
        before.control = 0x1f80 | (rand_r(&seed) & 3) << 13; /* MXCSR: the rounding of this thread */
        do processor = (processor + 1) % CPU_SETSIZE; while (!CPU_ISSET(processor, &allowed));
        unsigned long mask = 1ul << processor;
        keep_through_call(&before, &after, &mask);
        wrong += memcmp(before.vectors, after.vectors, sizeof before.vectors) != 0 || before.control != after.control;
        strayed += sched_getcpu() != processor;
    }
    return (void *)(wrong * 1000000 + strayed);
}

static void registers(void) {
    pthread_t threads[THREADS];
    void *result;
    long wrong = 0;
    sched_getaffinity(0, sizeof allowed, &allowed);
    for (long number = 0; number < THREADS; number++) pthread_create(&threads[number], NULL, migrate, (void *)number);
    for (int number = 0; number < THREADS; number++) { pthread_join(threads[number], &result); wrong += (long)result; }
    say("registers lost", wrong);
}

/* Signals of a process: the thread that was woken for one ends, or blocks it; another one has to take it. */
static volatile int handled;
static void count(int signal) { __atomic_fetch_add(&handled, 1, __ATOMIC_SEQ_CST); }

static int comes_to(int wanted) {
    for (int look = 0; look < 3000 && handled < wanted; look++) nap();
    return handled >= wanted;
}

static void *wait_and_exit(void *unused) { _exit(comes_to(1) ? 0 : 1); }

static void taker_that_ends(void) {
    int lost = 0;
    for (int round = 0; round < ROUNDS / 3; round++) {
        int ready[2], status;
        pipe(ready);
        pid_t child = fork();
        if (child == 0) {
            pthread_t other;
            pthread_create(&other, NULL, wait_and_exit, NULL);
            write(ready[1], "", 1);
            for (volatile int spin = round * 37 % 500; spin > 0; spin--);
            syscall(SYS_exit, 0);
        }
        char byte;
        read(ready[0], &byte, 1);
        kill(child, SIGUSR1);
        waitpid(child, &status, 0);
        lost += status != 0;
        close(ready[0]);
        close(ready[1]);
    }
    say("signals lost by threads that end", lost);
}

static volatile int sent;
static void *sender(void *unused) {
    for (int round = 1; round <= ROUNDS; round++) {
        while (sent != -round) sched_yield();
        for (volatile int spin = round * 13 % 300; spin > 0; spin--);
        kill(getpid(), SIGUSR1);
        sent = round;
    }
    return NULL;
}

static void taker_that_blocks(void) {
    sigset_t set;
    pthread_t thread;
    int lost = 0;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    handled = 0;
    sent = 0;
    pthread_create(&thread, NULL, sender, NULL);
    for (int round = 1; round <= ROUNDS && lost == 0; round++) {
        sigprocmask(SIG_UNBLOCK, &set, NULL);
        sent = -round;
        for (volatile int spin = round * 29 % 700; spin > 0; spin--);
        sigprocmask(SIG_BLOCK, &set, NULL);
        while (sent != round) sched_yield();
        lost += !comes_to(round);
    }
    say("signals lost by threads that block them", lost);
}

/* execve(2) ends the other threads, wherever they are. */
static void *spin_for_ever(void *unused) { for (;;) if (rand() & 64) getppid(); }
static void *sleep_for_ever(void *unused) { for (;;) pause(); }

static void execute(char *self) {
    int failed = 0, status;
    for (int round = 0; round < 24; round += 3) {
        for (int number = 0; number < 3; number++) {
            if (fork() == 0) {
                pthread_t thread;
                for (int count = 0; count < 4; count++)
                    pthread_create(&thread, NULL, count & 1 ? spin_for_ever : sleep_for_ever, NULL);
                execl(self, self, "7", NULL);
                _exit(1);
            }
        }
        for (int number = 0; number < 3; number++) { wait(&status); failed += WEXITSTATUS(status) != 7; }
    }
    say("programs not executed", failed);
}

int main(int count_of_arguments, char **arguments) {
    if (count_of_arguments > 1) return atoi(arguments[1]);
    signal(SIGUSR1, count);
    if (__builtin_cpu_supports("avx")) registers(); else say("registers lost", 0);
    taker_that_ends();
    taker_that_blocks();
    execute(arguments[0]);
    return 0;
}
