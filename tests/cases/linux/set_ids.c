/* A file that others change is not the same program any more: set-user-ID goes with every write, truncate and fallocate by another than
   user 0, set-group-ID too where the group may execute it or the writer is no member, and file capabilities whoever writes. */
#include "case.h"
#include <grp.h>
#include <sys/sendfile.h>
#include <sys/xattr.h>

static const char *const path = "file", *const source = "source";
static struct stat about;

static int mode_now(void) { stat(path, &about); return about.st_mode & 07777; }

static void make(int mode, int size)
{
    unlink(path);
    int file = open(path, O_CREAT | O_RDWR, 0666);
    write(file, "0123456789", size);
    fchown(file, 0, 2000);
    fchmod(file, mode);
    close(file);
}

static void do_write(void) { write(open(path, O_WRONLY), "x", 1); }
static void do_bad_write(void) { write(open(path, O_WRONLY), (void *)1, 1); }
static void do_pwrite(void) { pwrite(open(path, O_WRONLY), "x", 1, 0); }
static void do_writev(void) { struct iovec part = {"x", 1}; writev(open(path, O_WRONLY), &part, 1); }
static void do_truncate(void) { truncate(path, 3); }
static void do_truncate_to_itself(void) { stat(path, &about); truncate(path, about.st_size); }
static void do_ftruncate(void) { ftruncate(open(path, O_WRONLY), 3); }
static void do_open(void) { open(path, O_WRONLY | O_TRUNC); }
static void do_fallocate(void) { fallocate(open(path, O_WRONLY), 0, 0, 100); }
static void do_keep_size(void) { fallocate(open(path, O_WRONLY), FALLOC_FL_KEEP_SIZE, 0, 100); }
static void do_punch(void) { fallocate(open(path, O_WRONLY), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 100); }
static void do_sendfile(void) { sendfile(open(path, O_WRONLY), open(source, O_RDONLY), NULL, 3); }
static void do_copy(void) { copy_file_range(open(source, O_RDONLY), NULL, open(path, O_WRONLY), NULL, 3, 0); }

static void do_empty_write(void) { write(open(path, O_WRONLY), "x", 0); }
static void do_empty_writev(void) { struct iovec part = {"x", 0}; writev(open(path, O_WRONLY), &part, 1); }
static void do_read(void) { char byte; read(open(path, O_RDONLY), &byte, 1); }
static void do_map(void) { char *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, open(path, O_RDWR), 0); page[0] = 'x'; }
static void do_open_only(void) { open(path, O_WRONLY); }

static const struct { const char *name; void (*run)(void); int changes; } acts[] = {
    {"write", do_write, 1}, {"write of a bad address", do_bad_write, 1}, {"pwrite", do_pwrite, 1}, {"writev", do_writev, 1},
    {"truncate", do_truncate, 1}, {"truncate to its size", do_truncate_to_itself, 1}, {"ftruncate", do_ftruncate, 1}, {"O_TRUNC", do_open, 1},
    {"fallocate", do_fallocate, 1}, {"fallocate beyond", do_keep_size, 1}, {"hole", do_punch, 1}, {"sendfile", do_sendfile, 1},
    {"copy_file_range", do_copy, 1}, {"empty write", do_empty_write, 0}, {"empty writev", do_empty_writev, 0}, {"read", do_read, 0},
    {"shared mapping", do_map, 0}, {"open", do_open_only, 0},
};

static void act_as(unsigned user, unsigned group, void (*run)(void))
{
    fflush(stdout);
    if (fork() == 0) {
        setgroups(0, NULL);
        setresgid(group, group, group);
        setresuid(user, user, user);
        run();
        _exit(0);
    }
    wait(NULL);
}

static void check_act(const char *name, void (*run)(void), int changes)
{
    unsigned char capability[20] = {0, 0, 0, 2}, found[20];
    printf("%s:\n", name);
    make(06777, 5);
    act_as(1000, 1000, run);
    CHECK("by another", mode_now(), changes ? 0777 : 06777);
    make(06767, 5);
    act_as(1000, 1000, run);
    CHECK("not executed by the group", mode_now(), changes ? 0767 : 06767);
    make(06767, 5);
    act_as(1000, 2000, run);
    CHECK("by a member of that group", mode_now(), changes ? 02767 : 06767);
    make(06777, 5);
    act_as(0, 0, run);
    CHECK("by user 0", mode_now(), 06777);
    make(06777, 0);
    act_as(1000, 1000, run);
    CHECK("of an empty file", mode_now(), changes && run != do_map ? 0777 : 06777);
    make(0777, 5);
    CHECK("capability", RES(setxattr(path, "security.capability", capability, 20, 0)), 0);
    act_as(0, 0, run);
    CHECK("capability, by user 0", RES(getxattr(path, "security.capability", found, 20)), changes ? -ENODATA : 20);
}

static void check_modes(void)
{
    CHECK("same ids", RES(chown(path, 1000, 1001)), 0);
    CHECK("same group", RES(chown(path, -1, 1001)), 0);
    CHECK("own group", RES(chown(path, -1, 1000)), 0);
    CHECK("a group of others", RES(chown(path, -1, 1002)), -EPERM);
    CHECK("another owner", RES(chown(path, 1001, -1)), -EPERM);
    CHECK("set-group-ID of the own group", RES(chmod(path, 02777)), 0);
    CHECK("is there", mode_now(), 02777);
}

static void check_modes_of_others(void)
{
    CHECK("set-group-ID of another group", RES(chmod(path, 06777)), 0);
    CHECK("is not there", mode_now(), 04777);
}

static void check_made(void)
{
    umask(0);
    unlink(path);
    close(open(path, O_CREAT | O_WRONLY, 06770));
    CHECK("made in a set-group-ID directory of others", mode_now(), 04770);
    CHECK("its group", about.st_gid, 3000);
    unlink(path);
    close(open(path, O_CREAT | O_WRONLY, 02760));
    CHECK("not executable", mode_now(), 02760);
    unlink(path);
    mkdir(path, 0770);
    CHECK("directory", mode_now(), 02770);
    rmdir(path);
    mkfifo(path, 02770);
    CHECK("fifo", mode_now(), 0770);
    unlink(path);
    int file = open(".", O_TMPFILE | O_RDWR, 02770);
    fstat(file, &about);
    CHECK("without a name", about.st_mode & 07777, 0770);
}

int main(void)
{
    char folder[] = "/tmp/setidsXXXXXX";
    mkdtemp(folder);
    chmod(folder, 0777);
    chdir(folder);
    umask(0);
    write(open(source, O_CREAT | O_RDWR, 0666), "abcdef", 6);
    for (unsigned i = 0; i < sizeof acts / sizeof acts[0]; i++) check_act(acts[i].name, acts[i].run, acts[i].changes);

    make(06777, 1);
    CHECK("chown to nobody else", RES(chown(path, -1, -1)), 0);
    CHECK("takes both", mode_now(), 0777);
    make(06767, 1);
    chown(path, 5, 5);
    CHECK("set-group-ID that nobody executes, by user 0", mode_now(), 02767);
    unlink(path);
    mkfifo(path, 06777);
    chown(path, -1, -1);
    CHECK("fifo", mode_now(), 0777);
    unlink(path);
    mkdir(path, 0777);
    chmod(path, 06777);
    chown(path, 5, 5);
    CHECK("a directory keeps its bits", mode_now(), 06777);
    rmdir(path);

    make(0777, 1);
    chown(path, 1000, 1001);
    IN_CHILD({ setgroups(0, NULL); become(1000); check_modes(); });
    chown(path, 1000, 1001);
    IN_CHILD({ setgroups(0, NULL); become(1000); check_modes_of_others(); });
    unlink(path);
    chown(".", 0, 3000);
    chmod(".", 02777);
    IN_CHILD({ setgroups(0, NULL); become(1000); check_made(); });
    DONE();
}
