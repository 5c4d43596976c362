/* What is in a process, and where its files are, is shown only to who may trace it (ptrace(2), "Ptrace access mode
   checking"): it is asked when a file is opened, or a link read or followed, and again where Linux reads with the rights of
   who reads. Others saw the maps, and walked through cwd into folders that they may not reach. */
#include "case.h"

static const char *const CLOSED[] = {"maps", "smaps", "smaps_rollup", "environ", "auxv", "mem", "pagemap", "io", "personality", "syscall", "fd", "fdinfo",
    "map_files", "ns", "cwd/", "root/", "exe", "clear_refs", "mountstats", "task/%d/maps", "task/%d/environ", "task/%d/fd", "timers"};
static const char *const OPEN[] = {"stat", "status", "statm", "cmdline", "comm", "limits", "cgroup", "mounts", "mountinfo", "oom_score_adj", "wchan", "sched", "task"};
static const char *const LINKS[] = {"exe", "cwd", "root", "fd/0", "ns/pid", "ns/mnt", "ns/user"};

static long try_open(pid_t process, const char *name)
{
    char inner[64], path[96];
    snprintf(inner, sizeof inner, name, process);
    snprintf(path, sizeof path, "/proc/%d/%s", process, inner);
    int file = open(path, O_RDONLY | O_NONBLOCK);
    if (file < 0) return -errno;
    close(file);
    return 0;
}

static long try_link(pid_t process, const char *name)
{
    char path[96], target[64];
    snprintf(path, sizeof path, "/proc/%d/%s", process, name);
    long length = readlink(path, target, sizeof target);
    return length < 0 ? -errno : 0;
}

static void is_closed(pid_t process, const char *whose)
{
    printf("ok  %s\n", whose);
    for (unsigned i = 0; i < sizeof CLOSED / sizeof *CLOSED; i++) CHECK(CLOSED[i], try_open(process, CLOSED[i]), -EACCES);
    for (unsigned i = 0; i < sizeof LINKS / sizeof *LINKS; i++) CHECK(LINKS[i], try_link(process, LINKS[i]), -EACCES);
    for (unsigned i = 0; i < sizeof OPEN / sizeof *OPEN; i++) CHECK(OPEN[i], try_open(process, OPEN[i]), 0);
}

static void is_open(pid_t process, const char *whose)
{
    printf("ok  %s\n", whose);
    for (unsigned i = 0; i < sizeof CLOSED / sizeof *CLOSED; i++)
        if (strcmp(CLOSED[i], "clear_refs") != 0) CHECK(CLOSED[i], try_open(process, CLOSED[i]), 0);
    for (unsigned i = 0; i < sizeof LINKS / sizeof *LINKS; i++) CHECK(LINKS[i], try_link(process, LINKS[i]), 0);
}

/* A process of a user; `dumpable` is what PR_SET_DUMPABLE gets, or -1 to leave it as setresuid(2) does. */
static pid_t sleeper(unsigned user, int dumpable)
{
    int ready[2];
    char byte;
    pipe(ready);
    pid_t child = fork();
    if (child == 0) {
        if (user != 0) become(user);
        if (dumpable >= 0) prctl(PR_SET_DUMPABLE, dumpable);
        write(ready[1], "x", 1);
        for (;;) pause();
    }
    read(ready[0], &byte, 1);
    return child;
}

static unsigned long field_of_stat(pid_t process, int number)
{
    char path[64], text[1024] = "";
    snprintf(path, sizeof path, "/proc/%d/stat", process);
    int file = open(path, O_RDONLY);
    read(file, text, sizeof text - 1);
    close(file);
    char *word = strtok(strrchr(text, ')') + 2, " ");
    for (int i = 3; word != NULL && i < number; i++) word = strtok(NULL, " ");
    return word == NULL ? 0 : strtoul(word, NULL, 10);
}

static void as_user(pid_t root, pid_t same, pid_t undumpable, pid_t other)
{
    char path[96];
    become(1000);
    prctl(PR_SET_DUMPABLE, 1);
    is_closed(root, "of the superuser");
    is_closed(other, "of another user");
    is_closed(undumpable, "of this user, but not to be dumped");
    is_open(same, "of this user");
    is_open(getpid(), "of itself");
    snprintf(path, sizeof path, "/proc/%d/cwd/open", root);
    CHECK("through cwd", RES(open(path, O_RDONLY)), -EACCES);
    CHECK("by name", RES(open("closed/inner/open", O_RDONLY)), -EACCES);
    CHECK("addresses of others", field_of_stat(root, 26), 1);
    CHECK("stack of others", field_of_stat(root, 28), 0);
    CHECK("own addresses", field_of_stat(getpid(), 26) != 0, 1);
    prctl(PR_SET_DUMPABLE, 0);
    CHECK("own fd", try_open(getpid(), "fd"), 0);
    CHECK("own maps", try_open(getpid(), "maps"), 0);
    CHECK("own exe", try_link(getpid(), "exe"), 0);
    CHECK("own environ, which the superuser owns", try_open(getpid(), "environ"), -EACCES);
}

static void after_the_ids_changed(pid_t root)
{
    char path[64], byte;
    snprintf(path, sizeof path, "/proc/%d/io", root);
    int io = open(path, O_RDONLY);
    snprintf(path, sizeof path, "/proc/%d/maps", root);
    int maps = open(path, O_RDONLY);
    snprintf(path, sizeof path, "/proc/%d/environ", root);
    int environment = open(path, O_RDONLY);
    become(1000);
    CHECK("io asks who reads", RES(read(io, &byte, 1)), -EACCES);
    CHECK("maps asked who opened", RES(read(maps, &byte, 1)), 1);
    CHECK("environ asked who opened", RES(read(environment, &byte, 1)) >= 0, 1);
}

static void after_exec_and_end(void)
{
    int go[2], running[2], status;
    char path[64], byte;
    pipe(go);
    pipe(running);
    pid_t child = fork();
    if (child == 0) {
        read(go[0], &byte, 1);
        dup2(running[1], 1);
        dup2(go[0], 0);
        execl("/proc/self/exe", "proc_access", "again", NULL);
        _exit(9);
    }
    snprintf(path, sizeof path, "/proc/%d/maps", child);
    int maps = open(path, O_RDONLY);
    snprintf(path, sizeof path, "/proc/%d/environ", child);
    int environment = open(path, O_RDONLY);
    snprintf(path, sizeof path, "/proc/%d/mem", child);
    int memory = open(path, O_RDONLY);
    snprintf(path, sizeof path, "/proc/%d/stat", child);
    int stat = open(path, O_RDONLY);
    snprintf(path, sizeof path, "/proc/%d", child);
    int folder = open(path, O_RDONLY | O_DIRECTORY);
    CHECK("maps before", RES(read(maps, &byte, 1)), 1);
    write(go[1], "x", 1);
    read(running[0], &byte, 1);
    CHECK("maps of the program before", RES(pread(maps, &byte, 1, 0)), 0);
    CHECK("environ of the program before", RES(pread(environment, &byte, 1, 0)), 0);
    CHECK("memory of the program before", RES(pread(memory, &byte, 1, (off_t)(uintptr_t)&after_exec_and_end)), 0);
    CHECK("stat goes on", RES(pread(stat, &byte, 1, 0)), 1);
    write(go[1], "x", 1);
    waitid(P_PID, child, &(siginfo_t){0}, WEXITED | WNOWAIT);
    CHECK("stat of a zombie", RES(pread(stat, &byte, 1, 0)), 1);
    CHECK("maps of a zombie", try_open(child, "maps"), 0);
    CHECK("environ of a zombie", try_open(child, "environ"), -ESRCH);
    CHECK("exe of a zombie", try_link(child, "exe"), -ENOENT);
    CHECK("mounts of a zombie", try_open(child, "mounts"), -EINVAL);
    waitpid(child, &status, 0);
    CHECK("stat of nobody", RES(pread(stat, &byte, 1, 0)), -ESRCH);
    CHECK("in the folder of nobody", RES(openat(folder, "limits", O_RDONLY)), -ESRCH);
    CHECK("entries of nobody", RES(syscall(SYS_getdents64, folder, path, sizeof path)), -ENOENT);
}

int main(int count, char **arguments)
{
    char byte;
    if (count > 1) { write(1, "x", 1); read(0, &byte, 1); return 0; }
    mkdir("closed", 0700);
    mkdir("closed/inner", 0755);
    close(open("closed/inner/open", O_CREAT | O_RDWR, 0644));
    chmod(".", 0755);
    pid_t same = sleeper(1000, 1), undumpable = sleeper(1000, -1), other = sleeper(1001, 1);
    pid_t root = fork();
    if (root == 0) { chdir("closed/inner"); for (;;) pause(); }
    usleep(50000);
    IN_CHILD(as_user(root, same, undumpable, other));
    IN_CHILD(after_the_ids_changed(root));
    is_open(same, "of a user, for the superuser");
    is_open(undumpable, "not to be dumped, for the superuser");
    after_exec_and_end();
    pid_t all[] = {same, undumpable, other, root};
    for (int i = 0; i < 4; i++) { kill(all[i], SIGKILL); waitpid(all[i], NULL, 0); }
    DONE();
}
