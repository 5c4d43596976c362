/* System V shared memory: keys and ids, attaching and what counts it, removal, rights, and what is told of it. */
#include "case.h"
#include <sys/ipc.h>
#include <sys/shm.h>

#define KEY 0x5ca1ab1e
#define PAGE 4096L
#define FAILED ((void *)-1)
#define STAT_ANY 15
#define DEST 01000
#define LOCKED 02000

static struct shmid_ds state;

static int attached(int id)
{
    return shmctl(id, IPC_STAT, &state) < 0 ? -errno : (int)state.shm_nattch;
}

static long attach(int id, void *address, int flags)
{
    void *place = shmat(id, address, flags);
    return place == FAILED ? -errno : 0;
}

/* The signal that ends a child that writes to an address; 0: none does. */
static int signal_of_write(volatile char *place)
{
    int status;
    pid_t child = fork();
    if (child == 0) {
        *place = 1;
        _exit(0);
    }
    waitpid(child, &status, 0);
    return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

static void keys(void)
{
    CHECK("no such key", RES(shmget(KEY, PAGE, 0)), -ENOENT);
    CHECK("no size", RES(shmget(KEY, 0, IPC_CREAT | 0600)), -EINVAL);
    CHECK("no size without a key", RES(shmget(IPC_PRIVATE, 0, 0600)), -EINVAL);
    CHECK("a size beyond all", RES(shmget(IPC_PRIVATE, -1UL, 0600)), -EINVAL);
    CHECK("more than there is", RES(shmget(IPC_PRIVATE, 1UL << 50, 0600)), -ENOMEM);
    int id = shmget(KEY, 3 * PAGE - 5, IPC_CREAT | IPC_EXCL | 0640);
    CHECK("made", id >= 0, 1);
    CHECK("found", RES(shmget(KEY, 0, 0)), id);
    CHECK("found with a smaller size", RES(shmget(KEY, PAGE, IPC_CREAT | 0777)), id);
    CHECK("too small", RES(shmget(KEY, 3 * PAGE - 4, 0)), -EINVAL);
    CHECK("there already", RES(shmget(KEY, PAGE, IPC_CREAT | IPC_EXCL)), -EEXIST);
    CHECK("IPC_EXCL alone", RES(shmget(KEY, PAGE, IPC_EXCL)), id);
    CHECK("stat", RES(shmctl(id, IPC_STAT, &state)), 0);
    CHECK("key", state.shm_perm.__key, KEY);
    CHECK("mode", state.shm_perm.mode, 0640);
    CHECK("size as given", state.shm_segsz, 3 * PAGE - 5);
    CHECK("creator", state.shm_cpid, getpid());
    CHECK("nobody attached it", state.shm_lpid, 0);
    CHECK("count", state.shm_nattch, 0);
    CHECK("never attached", state.shm_atime, 0);
    CHECK("never detached", state.shm_dtime, 0);
    CHECK("made just now", labs(state.shm_ctime - time(NULL)) < 3, 1);
    CHECK("user", state.shm_perm.uid, getuid());
    CHECK("creator's group", state.shm_perm.cgid, getgid());
    int other = shmget(IPC_PRIVATE, PAGE, 0600);
    CHECK("private ones differ", shmget(IPC_PRIVATE, PAGE, 0600) != other, 1);
    CHECK("remove", RES(shmctl(id, IPC_RMID, NULL)), 0);
    CHECK("gone", RES(shmctl(id, IPC_STAT, &state)), -EINVAL);
    CHECK("the key is free", RES(shmget(KEY, PAGE, 0)), -ENOENT);
    int again = shmget(KEY, PAGE, IPC_CREAT | 0600);
    CHECK("another id", again != id, 1);
    int reused = 0;
    for (int round = 0; round < 70; round++) {
        int next = shmget(IPC_PRIVATE, PAGE, 0600);
        reused += next % 32768 == id % 32768 && next != id;
        shmctl(next, IPC_RMID, NULL);
    }
    CHECK("its index is used again", reused >= 1, 1);
    CHECK("the old id means nothing", attach(id, NULL, 0), -EINVAL);
    shmctl(again, IPC_RMID, NULL);
    shmctl(other, IPC_RMID, NULL);
    CHECK("an id that is none", RES(shmctl(-1, IPC_STAT, &state)), -EINVAL);
    CHECK("attach it", attach(-1, NULL, 0), -EINVAL);
}

static void sharing(void)
{
    int id = shmget(IPC_PRIVATE, 2 * PAGE + 1, 0600);
    char *place = shmat(id, NULL, 0);
    CHECK("attached", place != FAILED, 1);
    CHECK("zeros", place[0] | place[3 * PAGE - 1], 0);
    CHECK("count", attached(id), 1);
    CHECK("by this process", state.shm_lpid, getpid());
    CHECK("just now", labs(state.shm_atime - time(NULL)) < 3, 1);
    char *twin = shmat(id, NULL, SHM_RDONLY);
    CHECK("twice", attached(id), 2);
    strcpy(place + PAGE, "shared");
    CHECK("the same bytes", strcmp(twin + PAGE, "shared"), 0);
    CHECK("read only", signal_of_write(twin), SIGSEGV);
    CHECK("the child's are not counted any more", attached(id), 2);
    int ready[2], go[2];
    pipe(ready);
    pipe(go);
    pid_t child = fork();
    if (child == 0) {
        char byte;
        strcpy(place, "from the child");
        write(ready[1], "x", 1);
        read(go[0], &byte, 1);
        _exit(0);
    }
    char byte;
    read(ready[0], &byte, 1);
    CHECK("both of the child's", attached(id), 4);
    CHECK("attached by the parent", state.shm_lpid, getpid());
    CHECK("written by the child", strcmp(twin, "from the child"), 0);
    write(go[1], "x", 1);
    waitpid(child, NULL, 0);
    CHECK("exit detaches", attached(id), 2);
    CHECK("by the child", state.shm_lpid, child);
    child = fork();
    if (child == 0) {
        execl("/proc/self/exe", "case", "wait", NULL);
        _exit(1);
    }
    waitpid(child, NULL, 0);
    CHECK("execve detaches", attached(id), 2);
    CHECK("detach", RES(shmdt(twin)), 0);
    CHECK("once", RES(shmdt(twin)), -EINVAL);
    CHECK("count", attached(id), 1);
    CHECK("when", labs(state.shm_dtime - time(NULL)) < 3, 1);
    CHECK("not a segment", RES(shmdt(&id)), -EINVAL);
    CHECK("not its beginning", RES(shmdt(place + PAGE)), -EINVAL);
    CHECK("not a page", RES(shmdt(place + 1)), -EINVAL);
    CHECK("remove it though it is attached", RES(shmctl(id, IPC_RMID, NULL)), 0);
    CHECK("still there", attached(id), 1);
    CHECK("to be destroyed", state.shm_perm.mode, 0600 | DEST);
    CHECK("its bytes", strcmp(place, "from the child"), 0);
    twin = shmat(id, NULL, 0);
    CHECK("attached by its id", twin != FAILED, 1);
    CHECK("remove it again", RES(shmctl(id, IPC_RMID, NULL)), 0);
    shmdt(place);
    CHECK("count", attached(id), 1);
    shmdt(twin);
    CHECK("gone with the last", attached(id), -EINVAL);
}

static void places(void)
{
    int id = shmget(IPC_PRIVATE, 2 * PAGE, 0600);
    char *room = mmap(NULL, 8 * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    munmap(room, 8 * PAGE);
    CHECK("there", shmat(id, room, 0) == room, 1);
    CHECK("not a page", attach(id, room + 4 * PAGE + 8, 0), -EINVAL);
    CHECK("rounded", shmat(id, room + 4 * PAGE + 8, SHM_RND) == room + 4 * PAGE, 1);
    CHECK("taken", attach(id, room + PAGE, 0), -EINVAL);
    CHECK("from below", attach(id, room + 3 * PAGE, 0), -EINVAL);
    CHECK("count", attached(id), 2);
    room[0] = 'a';
    CHECK("over another", shmat(id, room + PAGE, SHM_REMAP) == room + PAGE, 1);
    CHECK("the first page again", room[PAGE], 'a');
    CHECK("replaced in part", attached(id), 3);
    CHECK("what is left of the first", RES(shmdt(room)), 0);
    CHECK("count", attached(id), 2);
    CHECK("anywhere, over what is there", attach(id, NULL, SHM_REMAP), -EINVAL);
    CHECK("beyond all addresses", attach(id, (void *)(1UL << 62), 0), -ENOMEM);
    CHECK("at the very end", attach(id, (void *)-PAGE, 0), -EINVAL);
    shmdt(room + PAGE);
    shmdt(room + 4 * PAGE);
    CHECK("none", attached(id), 0);

    shmat(id, room, 0);
    CHECK("protect a page", RES(mprotect(room + PAGE, PAGE, PROT_READ)), 0);
    CHECK("which makes two", attached(id), 2);
    CHECK("detach both", RES(shmdt(room)), 0);
    CHECK("none", attached(id), 0);
    shmat(id, room, 0);
    munmap(room, PAGE);
    CHECK("half of it", attached(id), 1);
    CHECK("the other half", RES(shmdt(room)), 0);
    CHECK("none", attached(id), 0);
    shmat(id, room, 0);
    room[PAGE] = 'b';
    char *moved = mremap(room + PAGE, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, room + 5 * PAGE);
    CHECK("moved", moved == room + 5 * PAGE, 1);
    CHECK("with its content", moved[0], 'b');
    CHECK("the place that it would begin at", RES(shmdt(room + 4 * PAGE)), 0);
    CHECK("the rest", RES(shmdt(room)), 0);
    CHECK("none", attached(id), 0);
    shmctl(id, IPC_RMID, NULL);

    id = shmget(IPC_PRIVATE, PAGE, 0700);
    char *code = shmat(id, NULL, SHM_EXEC);
    code[0] = (char)0xc3;
    ((void (*)(void))code)();
    CHECK("run", attached(id), 1);
    shmdt(code);
    shmctl(id, IPC_RMID, NULL);
}

static void rights(void)
{
    int id = shmget(KEY, PAGE, IPC_CREAT | 0640);
    int open_to_all = shmget(IPC_PRIVATE, PAGE, 0604);
    IN_CHILD({
        become(1000);
        CHECK("find", RES(shmget(KEY, 0, 0)), id);
        CHECK("find to read", RES(shmget(KEY, 0, 0400)), -EACCES);
        CHECK("find to write, too", RES(shmget(KEY, 0, 0666)), -EACCES);
        CHECK("find what is too small", RES(shmget(KEY, 2 * PAGE, 0666)), -EINVAL);
        CHECK("attach", attach(id, NULL, SHM_RDONLY), -EACCES);
        CHECK("stat", RES(shmctl(id, IPC_STAT, &state)), -EACCES);
        CHECK("stat by index", RES(shmctl(id % 32768, SHM_STAT, &state)), -EACCES);
        CHECK("stat in any case", RES(shmctl(id % 32768, STAT_ANY, &state)), id);
        CHECK("remove", RES(shmctl(id, IPC_RMID, NULL)), -EPERM);
        CHECK("set nothing", RES(shmctl(id, IPC_SET, NULL)), -EFAULT);
        CHECK("set", RES(shmctl(id, IPC_SET, &state)), -EPERM);
        CHECK("lock", RES(shmctl(id, SHM_LOCK, NULL)), -EPERM);
        CHECK("read what all may", attach(open_to_all, NULL, SHM_RDONLY), 0);
        CHECK("write it", attach(open_to_all, NULL, 0), -EACCES);
        CHECK("run it", attach(open_to_all, NULL, SHM_RDONLY | SHM_EXEC), -EACCES);
    });
    shmctl(id, IPC_STAT, &state);
    state.shm_perm.uid = 1000;
    state.shm_perm.gid = -1;
    CHECK("a group that is none", RES(shmctl(id, IPC_SET, &state)), -EINVAL);
    state.shm_perm.gid = 2000;
    state.shm_perm.mode = 07444;
    state.shm_segsz = 7;
    CHECK("set", RES(shmctl(id, IPC_SET, &state)), 0);
    shmctl(id, IPC_STAT, &state);
    CHECK("user", state.shm_perm.uid, 1000);
    CHECK("group", state.shm_perm.gid, 2000);
    CHECK("the creator stays", state.shm_perm.cuid, 0);
    CHECK("mode", state.shm_perm.mode, 0444);
    CHECK("size", state.shm_segsz, PAGE);
    IN_CHILD({
        become(1000);
        CHECK("its owner reads", attach(id, NULL, SHM_RDONLY), 0);
        CHECK("and does not write", attach(id, NULL, 0), -EACCES);
        CHECK("but locks", RES(shmctl(id, SHM_LOCK, NULL)), 0);
        CHECK("and removes", RES(shmctl(id, IPC_RMID, NULL)), 0);
    });
    CHECK("gone", RES(shmctl(id, IPC_STAT, &state)), -EINVAL);
    shmctl(open_to_all, IPC_RMID, NULL);
}

static void telling(void)
{
    int id = shmget(KEY, 5 * PAGE, IPC_CREAT | 0600);
    struct shminfo limits;
    int highest = shmctl(0, IPC_INFO, (void *)&limits);
    CHECK("the highest index", highest >= id % 32768, 1);
    CHECK("the largest", limits.shmmax, 18446744073692774399UL);
    CHECK("the smallest", limits.shmmin, 1);
    CHECK("how many", limits.shmmni, 4096);
    CHECK("pages", limits.shmall, 18446744073692774399UL);
    struct shm_info totals;
    CHECK("totals", RES(shmctl(0, SHM_INFO, (void *)&totals)), highest);
    CHECK("used", totals.used_ids >= 1, 1);
    CHECK("pages", totals.shm_tot >= 5, 1);
    CHECK("by index", RES(shmctl(id % 32768, SHM_STAT, &state)), id);
    CHECK("key", state.shm_perm.__key, KEY);
    CHECK("an index that is free", RES(shmctl(32767, SHM_STAT, &state)), -EINVAL);
    CHECK("to nowhere", RES(shmctl(id, IPC_STAT, NULL)), -EFAULT);
    CHECK("limits to nowhere", RES(shmctl(0, IPC_INFO, NULL)), -EFAULT);
    CHECK("an unknown command", RES(shmctl(id, 77, &state)), -EINVAL);
    CHECK("lock", RES(shmctl(id, SHM_LOCK, NULL)), 0);
    shmctl(id, IPC_STAT, &state);
    CHECK("locked", state.shm_perm.mode, 0600 | LOCKED);
    shmctl(id, SHM_UNLOCK, NULL);

    char *place = shmat(id, NULL, 0);
    place[0] = place[PAGE] = 1;
    char line[512], right[512], seen[512] = "";
    FILE *list = fopen("/proc/sysvipc/shm", "r");
    fgets(line, sizeof line, list);
    CHECK("header", strcmp(line, "       key      shmid perms                  size  cpid  lpid nattch   uid   gid  cuid  cgid"
                                 "      atime      dtime      ctime                   rss                  swap\n"), 0);
    while (fgets(line, sizeof line, list))
        if (atoi(line) == KEY)
            strcpy(seen, line);
    fclose(list);
    shmctl(id, IPC_STAT, &state);
    snprintf(right, sizeof right, "%10d %10d  %4o %21lu %5u %5u  %5lu %5u %5u %5u %5u %10lu %10lu %10lu %21lu %21lu\n",
             KEY, id, 0600, 5 * PAGE, getpid(), getpid(), 1UL, 0, 0, 0, 0, state.shm_atime, 0UL, state.shm_ctime, 2 * PAGE, 0UL);
    CHECK("line", strcmp(seen, right), 0);
    FILE *maps = fopen("/proc/self/maps", "r");
    int found = 0;
    while (fgets(line, sizeof line, maps))
        if (strtoul(line, NULL, 16) == (unsigned long)place) {
            char flags[8], device[16], text[64];
            unsigned long offset, inode;
            sscanf(line, "%*x-%*x %7s %lx %15s %lu %63[^\n]", flags, &offset, device, &inode, text);
            CHECK("rights", strcmp(flags, "rw-s"), 0);
            CHECK("inode", inode, id);
            CHECK("name", strcmp(text, "/SYSV5ca1ab1e (deleted)"), 0);
            found = 1;
        }
    fclose(maps);
    CHECK("in maps", found, 1);
    shmctl(id, IPC_RMID, NULL);
    shmdt(place);
    id = shmget(0x80000001, PAGE, IPC_CREAT | 0600);
    list = fopen("/proc/sysvipc/shm", "r");
    found = 0;
    while (fgets(line, sizeof line, list))
        found += strncmp(line, "-2147483647 ", 12) == 0;
    CHECK("a negative key", found, 1);
    fclose(list);
    shmctl(id, IPC_RMID, NULL);
}

int main(int count, char **arguments)
{
    if (count > 1)
        return 0;
    keys();
    sharing();
    places();
    rights();
    telling();
    DONE();
}
