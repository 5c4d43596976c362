/* What /proc tells a process of itself: prints the same on Linux and in a container. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

static void say(const char *what, long value) { printf("%s %ld\n", what, value < 0 ? -(long)errno : value); fflush(stdout); }
static char text[200000];
static long read_all(const char *path) {
    int fd = open(path, O_RDONLY);
    long length = 0, got;
    if (fd < 0) return -1;
    while ((got = read(fd, text + length, sizeof text - 1 - length)) > 0) length += got;
    close(fd);
    text[length] = 0;
    return length;
}
/* The lines that begin with a word. */
static void show(const char *path, const char *word) {
    read_all(path);
    for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) if (strncmp(line, word, strlen(word)) == 0) puts(line);
}

static void limits(void) {
    struct rlimit files = {20, 30}, core = {5, 6}, time = {100, RLIM_INFINITY}, nice = {0, 0};
    setrlimit(RLIMIT_NOFILE, &files); setrlimit(RLIMIT_CORE, &core); setrlimit(RLIMIT_CPU, &time); setrlimit(RLIMIT_NICE, &nice);
    show("/proc/self/limits", "Limit"); show("/proc/self/limits", "Max open"); show("/proc/self/limits", "Max core");
    show("/proc/self/limits", "Max cpu"); show("/proc/self/limits", "Max nice"); show("/proc/self/limits", "Max file s");
}

static void start(void) {
    long length = read_all("/proc/self/environ");
    for (long i = 0; i < length; i++) if (!text[i]) text[i] = ' ';
    printf("environ %s\n", text);
    unsigned long *pair, seen = 0;
    read_all("/proc/self/auxv");
    for (pair = (unsigned long *)text; pair[0]; pair += 2) seen += pair[0] <= 33 && pair[1] == getauxval(pair[0]);
    say("auxv", seen > 14); say("page size", getauxval(AT_PAGESZ)); say("vdso", getauxval(AT_SYSINFO_EHDR) != 0);
}

static volatile long thread_id;
static volatile int done;
static void *wait_for_name(void *unused) { thread_id = syscall(SYS_gettid); while (!done) usleep(1000); return NULL; }

static void names(void) {
    char path[60];
    pthread_t thread;
    pthread_create(&thread, NULL, wait_for_name, NULL);
    while (!thread_id) usleep(1000);
    sprintf(path, "/proc/self/task/%ld/comm", thread_id);
    int fd = open(path, O_WRONLY | O_TRUNC);
    say("write", write(fd, "worker of many words\n", 21)); close(fd);
    read_all(path); printf("thread %s", text);
    read_all("/proc/self/comm"); printf("process %s", text);
    sprintf(path, "/proc/self/task/%ld/stat", thread_id);
    read_all(path); *(strrchr(text, ')') + 1) = 0; printf("stat %s\n", strchr(text, '('));
    done = 1; pthread_join(thread, NULL);
    fd = open("/proc/1/comm", O_WRONLY); say("another", getpid() == 1 ? (errno = EINVAL, -1) : write(fd, "x", 1)); close(fd);
    prctl(PR_SET_NAME, "renamed"); read_all("/proc/self/comm"); printf("process %s", text);
}

static void memory(void) {
    char *area = mmap(NULL, 10 * 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) + 4096, start[30];
    mprotect(area, 8 * 4096, PROT_READ | PROT_WRITE);
    area[0] = area[4096] = area[3 * 4096] = 1;
    sprintf(start, "%lx-", (unsigned long)area);
    read_all("/proc/self/smaps");
    char *line = strtok(strstr(text, start), "\n");
    const char *wanted[] = {"Size:", "KernelPageSize:", "Rss:", "Private_Dirty:", "Private_Clean:", "Shared_Dirty:", "Anonymous:", "Swap:"};
    while ((line = strtok(NULL, "\n")) && strncmp(line, "VmFlags", 7) != 0)
        for (int j = 0; j < 8; j++) if (strncmp(line, wanted[j], strlen(wanted[j])) == 0) puts(line);
    read_all("/proc/self/smaps_rollup"); say("rollup", strstr(text, "[rollup]") != NULL); say("rss", atoi(strstr(text, "Rss:") + 4) > 12);
    long fields = 1;
    read_all("/proc/self/statm");
    for (char *c = text; *c; c++) fields += *c == ' ';
    say("statm", fields); say("resident", atoi(strchr(text, ' ')) > 3);
    long size, resident, shared, code, none, data;
    sscanf(text, "%ld %ld %ld %ld %ld %ld", &size, &resident, &shared, &code, &none, &data);
    say("shared", shared > 5 && shared < resident); say("code", code > 50 && code < size); say("data", data > 8 && data < size);
}

static void handler(int signal) {}

static void status(void) {
    sigset_t set;
    gid_t groups[] = {7, 100};
    long plain[4] = {0};
    /* A make(1) that uses posix_spawn leaves 32 and 33 ignored, which sigaction(3) does not touch. */
    for (int number = 1; number < 65; number++) syscall(SYS_rt_sigaction, number, plain, NULL, 8);
    sigemptyset(&set); sigaddset(&set, SIGUSR1); sigaddset(&set, SIGRTMIN);
    sigprocmask(SIG_BLOCK, &set, NULL);
    signal(SIGUSR2, SIG_IGN); signal(SIGTERM, handler);
    kill(getpid(), SIGUSR1); syscall(SYS_tkill, getpid(), SIGRTMIN);
    setgroups(2, groups);
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    const char *words[] = {"Name", "Umask", "TracerPid", "Uid", "Gid", "Groups", "Threads", "SigPnd", "ShdPnd", "SigBlk", "SigIgn", "SigCgt", "NoNewPrivs"};
    for (int i = 0; i < 13; i++) show("/proc/self/status", words[i]);
    personality(ADDR_NO_RANDOMIZE); show("/proc/self/personality", "0");
    show("/proc/self/oom_score_adj", "");
}

static void numbers(void) {
    char first[60];
    say("uuid", read_all("/proc/sys/kernel/random/uuid")); strcpy(first, text); say("version", text[14]); say("dash", text[8]);
    read_all("/proc/sys/kernel/random/uuid"); say("another", strcmp(first, text) != 0);
    read_all("/proc/sys/kernel/random/boot_id"); strcpy(first, text);
    read_all("/proc/sys/kernel/random/boot_id"); say("the same", strcmp(first, text) == 0);
    show("/proc/sys/kernel/ostype", ""); show("/proc/sys/kernel/random/entropy_avail", "");
}

int main(int count, char **arguments) {
    if (count == 1) {
        char *environment[] = {"A=1", "B=two words", NULL}, *again[] = {arguments[0], "again", NULL};
        setuid(0);
        execve("/proc/self/exe", again, environment);
        return 1;
    }
    start();
    limits();
    names();
    memory();
    status();
    numbers();
    return 0;
}
