/* process_vm_readv(2) and process_vm_writev(2): what is read and written, how much counts before an error, and who may. */
#include "case.h"

#define PAGE 4096L
#define READ_WRITE (PROT_READ | PROT_WRITE)

static long transfer(int writes, pid_t pid, struct iovec *mine, long count, struct iovec *theirs, long other_count, long flags)
{
    return RES(syscall(writes ? SYS_process_vm_writev : SYS_process_vm_readv, pid, mine, count, theirs, other_count, flags));
}

static long copy(int writes, pid_t pid, void *mine, size_t size, void *theirs, size_t other_size)
{
    struct iovec here = {mine, size}, there = {theirs, other_size};
    return transfer(writes, pid, &here, 1, &there, 1, 0);
}

static char *memory(long pages)
{
    return mmap(NULL, pages * PAGE, READ_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

static void *wait_for_end(void *pid)
{
    *(volatile pid_t *)pid = syscall(SYS_gettid);
    pause();
    return NULL;
}

static void check_transfers(void)
{
    static volatile pid_t thread_id;
    pthread_t thread;
    char *ours = memory(4), *theirs = memory(4), text[32] = {0};
    strcpy(theirs + PAGE - 3, "across");
    pid_t child = fork();
    if (child == 0) {
        pause();
        _exit(0);
    }
    strcpy(theirs + PAGE - 3, "mine");
    CHECK("read", copy(0, child, text, 7, theirs + PAGE - 3, 7), 7);
    CHECK("what was read", strcmp(text, "across"), 0);
    CHECK("write", copy(1, child, "other", 6, theirs + PAGE - 3, 6), 6);
    CHECK("read again", copy(0, child, text, 32, theirs + PAGE - 3, 6), 6);
    CHECK("what was written", strcmp(text, "other"), 0);
    CHECK("the caller's own", strcmp(theirs + PAGE - 3, "mine"), 0);
    munmap(ours + 2 * PAGE, PAGE);
    CHECK("up to where the caller's ends", copy(0, child, ours + PAGE + 100, 2 * PAGE, theirs, 2 * PAGE), PAGE - 100);
    CHECK("nothing of the caller's", copy(0, child, ours + 2 * PAGE, PAGE, theirs, PAGE), -EFAULT);
    mprotect(theirs + PAGE, PAGE, PROT_NONE);
    CHECK("up to where the other's ends", copy(0, getpid(), ours, 2 * PAGE, theirs + 100, 2 * PAGE), PAGE - 100);
    CHECK("nothing of the other's", copy(0, getpid(), ours, PAGE, theirs + PAGE, PAGE), -EFAULT);
    mprotect(theirs + PAGE, PAGE, PROT_READ);
    CHECK("write to what may only be read", copy(1, getpid(), ours, PAGE, theirs + PAGE, PAGE), -EFAULT);
    pthread_create(&thread, NULL, wait_for_end, (void *)&thread_id);
    while (thread_id == 0) usleep(1000);
    CHECK("by the number of a thread", copy(0, thread_id, text, 5, theirs + PAGE - 3, 5), 5);
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    CHECK("of a process that is gone", copy(0, child, text, 1, theirs, 1), -ESRCH);
}

static void check_numbers(void)
{
    char *ours = memory(1);
    struct iovec one = {ours, 8}, none = {ours, 0}, large[2] = {{ours, LONG_MAX}, {ours, LONG_MAX}}, negative = {ours, -1L};
    pid_t me = getpid();
    CHECK("flags", transfer(0, me, &one, 1, &one, 1, 1), -EINVAL);
    CHECK("nothing here, nobody there", transfer(0, -5, &none, 1, &one, 1, 0), 0);
    CHECK("nothing there", transfer(0, -5, &one, 1, &none, 1, 0), 0);
    CHECK("no parts", transfer(0, -5, &one, 0, NULL, 0, 0), 0);
    CHECK("too many parts", transfer(0, me, &one, 1025, &one, 1, 0), -EINVAL);
    CHECK("too many parts there", transfer(0, me, &one, 1, &one, 1025, 0), -EINVAL);
    CHECK("parts that cannot be read", transfer(0, me, (void *)1, 1, &one, 1, 0), -EFAULT);
    CHECK("parts there that cannot be read", transfer(0, me, &one, 1, (void *)-16L, 1, 0), -EFAULT);
    CHECK("a negative length", transfer(0, me, &negative, 1, &one, 1, 0), -EINVAL);
    CHECK("a negative length there", transfer(0, me, &one, 1, &negative, 1, 0), -EINVAL);
    CHECK("a length up to the end of numbers there", transfer(0, me, &one, 1, large, 2, 0), 8);
    CHECK("no such process", transfer(0, 0x3fffff, &one, 1, &one, 1, 0), -ESRCH);
    CHECK("a negative process", transfer(0, -1, &one, 1, &one, 1, 0), -ESRCH);
}

static void check_rights(void)
{
    char text[8] = "secret", *room = memory(1);
    pid_t other = fork();
    if (other == 0) {
        become(1001);
        prctl(PR_SET_DUMPABLE, 1);
        pause();
        _exit(0);
    }
    usleep(100000);
    CHECK("the superuser", copy(0, other, room, 6, text, 6), 6);
    IN_CHILD({
        become(1000);
        CHECK("another user", copy(0, other, room, 6, text, 6), -EPERM);
        CHECK("another user writes", copy(1, other, room, 6, text, 6), -EPERM);
        CHECK("the superuser's", copy(0, getppid(), room, 6, text, 6), -EPERM);
        CHECK("the caller's own", copy(0, getpid(), room, 6, text, 6), 6);
    });
    IN_CHILD({
        become(1001);
        CHECK("the same user", copy(0, other, room, 6, text, 6), 6);
    });
    IN_CHILD({
        setresgid(1000, 1000, 1000);
        setresuid(1001, 1001, 1001);
        CHECK("the same user of another group", copy(0, other, room, 6, text, 6), -EPERM);
    });
    kill(other, SIGKILL);
    waitpid(other, NULL, 0);
    pid_t hidden = fork();
    if (hidden == 0) {
        become(1001);
        pause();
        _exit(0);
    }
    usleep(100000);
    IN_CHILD({
        become(1001);
        CHECK("a process that may not be dumped", copy(0, hidden, room, 6, text, 6), -EPERM);
    });
    kill(hidden, SIGKILL);
    waitpid(hidden, NULL, 0);
}

int main(void)
{
    IN_CHILD(check_transfers());
    check_numbers();
    check_rights();
    DONE();
}
