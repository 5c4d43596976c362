/* fork(2) with the stack pointer in a page that the child does not get (MADV_DONTFORK) or gets empty (MADV_WIPEONFORK):
   the parent keeps its page, and none that it gave back stays mapped.
   arguments: 10 | 18 */
#include "container.h"

static long fork_on(char *stack)
{
    long result;
    __asm__ volatile("mov %%rsp, %%rbx\n mov %1, %%rsp\n mov $57, %%eax\n syscall\n test %%rax, %%rax\n jnz 1f\n mov $60, %%eax\n xor %%edi, %%edi\n syscall\n"
                     "1: mov %%rbx, %%rsp" : "=&a"(result) : "r"(stack) : "rbx", "rcx", "r11", "rdi", "memory");
    return result;
}

static int fill(void)
{
    char *memory = mmap(NULL, 64 << 12, 3, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), byte;
    memset(memory, 'S', 64 << 12);
    write(4, "r", 1);
    read(5, &byte, 1);
    return 0;
}

int main(int argc, char **argv)
{
    if (strcmp(argv[1], "fill") == 0) return fill();
    int ready[2], go[2], state;
    pipe(ready);
    pipe(go);
    int container = create_container("/", 0, 0);
    char *area = mmap((void *)0x10000000, 1 << 20, 3, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0), *page = area + 4096, byte;
    memset(area, 'A', 8192);
    madvise(page, 4096, atoi(argv[1]));
    memset(page, 'B', 4096);
    pid_t child = fork_on(page + 2048);
    CHECK("fork", child > 0, 1);
    waitpid(child, &state, 0);
    char *command[] = {argv[0], "fill", NULL};
    struct fd_pair pairs[] = {{0, 0}, {1, 1}, {2, 2}, {ready[1], 4}, {go[0], 5}};
    CHECK("run", run_in_container(container, command, pairs, 5) >= 0, 1);
    read(ready[0], &byte, 1);
    long others = 0;
    for (int i = 0; i < 4096; i++) others += page[i] != 'B' && page[i] != 0 && !(i >= 2000 && i < 2064);
    CHECK("bytes that are not ours", others, 0);
    CHECK("destroy", destroy_container(container), 0);
    DONE();
}
