/* Odd vectors of execve(2): a null argv is an empty one, and gives argc 1 and ""; a null envp is empty; argv[0] may be "". */
#include "case.h"

static long run(char *const *argv, char *const *envp)
{
    int state;
    pid_t child = fork();
    if (child == 0) {
        syscall(SYS_execve, "/proc/self/exe", argv, envp);
        _exit(1);
    }
    waitpid(child, &state, 0);
    return WEXITSTATUS(state);
}

int main(int argc, char **argv)
{
    if (argc >= 1 && argv[0][0] == 0) return 40 + argc + (environ[0] != NULL ? 10 : 0);
    char *empty[] = {NULL}, *named[] = {"", "x", NULL}, *environment[] = {"A=1", NULL};
    CHECK("null vectors", run(NULL, NULL), 41);
    CHECK("an empty argv", run(empty, environment), 51);
    CHECK("an empty name", run(named, environment), 52);
    CHECK("a bad envp", RES(syscall(SYS_execve, "/proc/self/exe", named, 1L)), -EFAULT);
    CHECK("an envp that cannot end", RES(syscall(SYS_execve, "/proc/self/exe", named, -8L)), -EFAULT);
    CHECK("an empty path", RES(syscall(SYS_execve, "", named, environment)), -ENOENT);
    CHECK("a directory", RES(syscall(SYS_execve, "/", named, environment)), -EACCES);
    CHECK("a bad path", RES(syscall(SYS_execve, 1L, named, environment)), -EFAULT);
    DONE();
}
