/* A file that is open to be written cannot be run, and one that runs cannot be opened to be written or cut off (ETXTBSY). */
#include "case.h"

static void copy_program(const char *name)
{
    char buffer[4096];
    int from = open("/proc/self/exe", O_RDONLY), to = open(name, O_CREAT | O_WRONLY | O_TRUNC, 0755);
    for (long size; (size = read(from, buffer, sizeof buffer)) > 0;) write(to, buffer, size);
    close(to);
    close(from);
}

/* The result of running a program: its status, or minus the errno. */
static int run(const char *name, char *argument)
{
    int state;
    if (fork() == 0) { execl(name, name, argument, NULL); _exit(100 + errno); }
    wait(&state);
    return WEXITSTATUS(state) >= 100 ? 100 - WEXITSTATUS(state) : WEXITSTATUS(state);
}

int main(int argc, char **argv)
{
    char folder[] = "/tmp/busyXXXXXX", place[256];
    int ends[2], state;
    if (argc > 1 && strcmp(argv[1], "wait") == 0) { write(1, "r", 1); pause(); }
    if (argc > 1) return 7;
    mkdtemp(folder);
    chdir(folder);
    copy_program("program");
    CHECK("run", run("./program", "x"), 7);
    int writer = open("program", O_RDWR), other = open("program", O_WRONLY);
    CHECK("while it is open to be written", run("./program", "x"), -ETXTBSY);
    close(other);
    CHECK("by one more", run("./program", "x"), -ETXTBSY);
    dup2(writer, 100);
    close(writer);
    CHECK("by a copy of the descriptor", run("./program", "x"), -ETXTBSY);
    close(100);
    int reader = open("program", O_RDONLY), name = open("program", O_PATH);
    CHECK("open to be read", run("./program", "x"), 7);

    int script = open("script", O_CREAT | O_WRONLY, 0755);
    dprintf(script, "#!%s/program\n", getcwd(place, sizeof place));
    CHECK("a script that is written", run("./script", NULL), -ETXTBSY);
    close(script);
    CHECK("a script", run("./script", NULL), 7);
    writer = open("program", O_WRONLY);
    CHECK("whose interpreter is written", run("./script", NULL), -ETXTBSY);
    close(writer);

    char byte;
    pipe(ends);
    pid_t child = fork();
    if (child == 0) { dup2(ends[1], 1); execl("./program", "program", "wait", NULL); _exit(99); }
    read(ends[0], &byte, 1);
    CHECK("it runs: to write", RES(open("program", O_WRONLY)), -ETXTBSY);
    CHECK("to read and write", RES(open("program", O_RDWR)), -ETXTBSY);
    CHECK("to cut it off", RES(open("program", O_RDONLY | O_TRUNC)), -ETXTBSY);
    CHECK("truncate", RES(truncate("program", 0)), -ETXTBSY);
    CHECK("to read", open("program", O_RDONLY) >= 0, 1);
    CHECK("by the name in /proc", (sprintf(place, "/proc/%d/exe", child), RES(open(place, O_WRONLY))), -ETXTBSY);
    struct stat about;
    stat("program", &about);
    CHECK("it is as it was", about.st_size > 1000, 1);
    CHECK("one more", run("./program", "x"), 7);
    CHECK("still", RES(open("program", O_WRONLY)), -ETXTBSY);
    CHECK("rename", RES(rename("program", "elsewhere")), 0);
    CHECK("by another name", RES(open("elsewhere", O_WRONLY)), -ETXTBSY);
    CHECK("remove", RES(unlink("elsewhere")), 0);
    kill(child, SIGKILL);
    waitpid(child, &state, 0);

    copy_program("program");
    child = fork();
    if (child == 0) { dup2(ends[1], 1); execl("./program", "program", "wait", NULL); _exit(99); }
    read(ends[0], &byte, 1);
    CHECK("runs", RES(open("program", O_WRONLY)), -ETXTBSY);
    kill(child, SIGKILL);
    waitpid(child, &state, 0);
    CHECK("runs no longer", open("program", O_WRONLY) >= 0, 1);
    CHECK("oneself", RES(open("/proc/self/exe", O_WRONLY)), -ETXTBSY);
    DONE();
}
