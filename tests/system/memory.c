/* What mmap(2), mprotect(2), munmap(2), mremap(2), madvise(2), brk(2) and fork(2) do to memory, one line a subject:
   test_memory.py compares what this prints in a container with what it prints on Linux. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGE 4096
#define KERNEL ((char *)0xffff800000000000)
#define NOT_CANONICAL ((char *)0x800000000000)
#define PRIVATE (MAP_PRIVATE | MAP_ANONYMOUS)
#define READ_WRITE (PROT_READ | PROT_WRITE)

/* Print a call and whether it failed; print an expression and its value. */
#define CALL(x) do { long result = (long)(x); printf("%s: %s\n", #x, result == -1 ? strerrorname_np(errno) : "ok"); } while (0)
#define VALUE(x) printf("%s: %ld\n", #x, (long)(x))

static void load(char *p) { volatile char c = *p; (void)c; }
static void store(char *p) { *(volatile char *)p = 1; }
static void jump(char *p) { ((void (*)(void))p)(); }

/* The wait status of a child that does something with an address. */
static int in_child(void (*act)(char *), char *p)
{
    int status;
    pid_t child = fork();
    if (child == 0) {
        act(p);
        _exit(0);
    }
    waitpid(child, &status, 0);
    return status;
}

static void write_apart(char *p)
{
    p[0] = 9;
    _exit(p[0] == 9 && p[PAGE] == 7 ? 5 : 6);
}

static void write_shared(char *p)
{
    p[0] = 42;
    p[PAGE] = 43;
}

static void protections(char *a)
{
    int ends[2];
    VALUE(in_child(write_apart, a));
    VALUE(a[0]);
    CALL(mprotect(a, PAGE, PROT_READ));
    VALUE(in_child(store, a));
    VALUE(in_child(load, a));
    CALL(mprotect(a, PAGE, PROT_NONE));
    VALUE(in_child(load, a));
    pipe(ends);
    CALL(write(ends[1], a, 10));
    CALL(mprotect(a, PAGE, READ_WRITE));
    VALUE(in_child(load, a));
    VALUE(a[5]);
    a[3 * PAGE] = (char)0xc3;
    VALUE(in_child(jump, a + 3 * PAGE));
    CALL(mprotect(a + 3 * PAGE, PAGE, PROT_READ | PROT_EXEC));
    VALUE(in_child(jump, a + 3 * PAGE));
    CALL(munmap(a + 4 * PAGE, PAGE));
    VALUE(in_child(load, a + 4 * PAGE));
    VALUE(in_child(load, a + 5 * PAGE));
}

static void refusals(char *a)
{
    CALL(mprotect(a, 16 * PAGE, PROT_READ));
    CALL(munmap(a + 1, PAGE));
    CALL(mmap(a + 1, PAGE, PROT_READ, MAP_FIXED | PRIVATE, -1, 0));
    CALL(mmap(0, 0, PROT_READ, PRIVATE, -1, 0));
    CALL(mmap(0, 1ul << 50, PROT_READ, PRIVATE, -1, 0));
    CALL(mmap(a, PAGE, PROT_READ, MAP_FIXED_NOREPLACE | PRIVATE, -1, 0));
    CALL(madvise(a, 16 * PAGE, MADV_DONTNEED));
    CALL(write(1, KERNEL, 5));
    CALL(pipe((int *)8));
    VALUE(in_child(load, (char *)8));
    VALUE(in_child(load, KERNEL));
    VALUE(in_child(load, NOT_CANONICAL));
}

static void files(void)
{
    char text[6] = {0};
    int file = open("/tmp/mapped", O_CREAT | O_RDWR | O_TRUNC, 0600);
    CALL(ftruncate(file, 2 * PAGE + 100));
    CALL(pwrite(file, "hello", 5, PAGE));
    char *shared = mmap(0, 4 * PAGE, READ_WRITE, MAP_SHARED, file, 0);
    char *own = mmap(0, 4 * PAGE, READ_WRITE, MAP_PRIVATE, file, 0);
    printf("before: %.5s %.5s\n", shared + PAGE, own + PAGE);
    own[PAGE] = 'J';
    shared[PAGE + 1] = 'E';
    CALL(pread(file, text, 5, PAGE));
    printf("after: %s %.5s %.5s\n", text, shared + PAGE, own + PAGE);
    VALUE(in_child(store, shared + 2 * PAGE + 200));
    VALUE(in_child(load, shared + 3 * PAGE));
    close(file);
    file = open("/tmp/mapped", O_RDONLY);
    CALL(mmap(0, PAGE, READ_WRITE, MAP_SHARED, file, 0));
    CALL(mmap(0, PAGE, READ_WRITE, MAP_PRIVATE, file, 0));
    CALL(mmap(0, PAGE, PROT_READ, MAP_PRIVATE, file, 1));
    unlink("/tmp/mapped");
}

static void sizes(void)
{
    char *huge = mmap(0, 64ul << 30, PROT_NONE, PRIVATE | MAP_NORESERVE, -1, 0);
    CALL(huge);
    CALL(munmap(huge, 64ul << 30));
    char *r = mmap(0, 4 * PAGE, READ_WRITE, PRIVATE, -1, 0);
    r[0] = 3;
    r[4 * PAGE - 1] = 4;
    r = mremap(r, 4 * PAGE, 100 * PAGE, MREMAP_MAYMOVE);
    VALUE(r[0] + 10 * r[4 * PAGE - 1] + r[50 * PAGE]);
    CALL(mremap(r, 100 * PAGE, PAGE, 0));
    VALUE(in_child(load, r + PAGE));
    CALL(madvise(r, PAGE, MADV_DONTNEED));
    VALUE(r[0]);
    char *end = sbrk(0);
    VALUE((char *)sbrk(3 * PAGE) == end);
    end[3 * PAGE - 1] = 2;
    sbrk(-2 * PAGE);
    VALUE(in_child(load, end + 2 * PAGE));
    char stack[1 << 20];
    memset(stack, 1, sizeof stack);
    VALUE(stack[12345]);
}

int main(void)
{
    setvbuf(stdout, 0, _IOLBF, 0);
    char *a = mmap(0, 16 * PAGE, READ_WRITE, PRIVATE, -1, 0);
    memset(a, 7, 16 * PAGE);
    protections(a);
    refusals(a);
    char *both = mmap(0, 2 * PAGE, READ_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    VALUE(in_child(write_shared, both));
    VALUE(both[0] + both[PAGE]);
    files();
    sizes();
    return 0;
}
