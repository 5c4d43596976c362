/* What a descriptor permits holds for what it maps, later as well: a file opened for reading only is never written to by a
   shared mapping, nor a memory file that is sealed; and mappings that may become writable keep F_SEAL_WRITE away. */
#include "case.h"

#define PAGE 4096
#define READ_WRITE (PROT_READ | PROT_WRITE)

static char *map_shared(int fd, int protection)
{
    return mmap(NULL, PAGE, protection, MAP_SHARED, fd, 0);
}

static long map_result(int fd, int protection, int flags)
{
    return RES(mmap(NULL, PAGE, protection, flags, fd, 0) == MAP_FAILED ? -1 : 0);
}

static int sealable(void)
{
    int fd = memfd_create("sealed", MFD_ALLOW_SEALING);
    ftruncate(fd, PAGE);
    return fd;
}

static void check_files(void)
{
    char text[4] = {0};
    int fd = open("rights", O_RDWR | O_CREAT | O_TRUNC, 0644);
    chmod(".", 0755);
    write(fd, "abc", 3);
    fchmod(fd, 0644);
    int read_only = open("rights", O_RDONLY), write_only = open("rights", O_WRONLY);
    CHECK("shared mapping to write, opened to read", map_result(read_only, READ_WRITE, MAP_SHARED), -EACCES);
    CHECK("any mapping, opened to write", map_result(write_only, PROT_WRITE, MAP_SHARED), -EACCES);
    CHECK("private mapping, opened to write", map_result(write_only, PROT_READ, MAP_PRIVATE), -EACCES);
    CHECK("private mapping to write, opened to read", map_result(read_only, READ_WRITE, MAP_PRIVATE), 0);
    char *shown = map_shared(read_only, PROT_READ);
    CHECK("mprotect", RES(mprotect(shown, PAGE, READ_WRITE)), -EACCES);
    CHECK("mprotect to write only", RES(mprotect(shown, PAGE, PROT_WRITE)), -EACCES);
    CHECK("mprotect to execute", RES(mprotect(shown, PAGE, PROT_READ | PROT_EXEC)), 0);
    char *moved = mremap(shown, PAGE, 2 * PAGE, MREMAP_MAYMOVE);
    CHECK("mprotect of what was moved", RES(mprotect(moved, PAGE, READ_WRITE)), -EACCES);
    IN_CHILD(CHECK("mprotect in a child", RES(mprotect(moved, PAGE, READ_WRITE)), -EACCES));
    CHECK("MADV_POPULATE_WRITE", RES(madvise(moved, PAGE, MADV_POPULATE_WRITE)), -EINVAL);
    CHECK("MADV_REMOVE", RES(madvise(moved, PAGE, MADV_REMOVE)), -EACCES);
    struct iovec from = {text, 1}, to = {moved, 1};
    CHECK("process_vm_writev", RES(process_vm_writev(getpid(), &from, 1, &to, 1, 0)), -EFAULT);
    pread(fd, text, 3, 0);
    CHECK("the file", memcmp(text, "abc", 3), 0);
    char *own = mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, read_only, 0);
    CHECK("mprotect of a private mapping", RES(mprotect(own, PAGE, READ_WRITE)), 0);
    own[0] = 'X';
    pread(fd, text, 3, 0);
    CHECK("the file still", memcmp(text, "abc", 3), 0);
}

static void check_write_seal(void)
{
    int fd = sealable();
    char path[64];
    char *written = map_shared(fd, READ_WRITE);
    CHECK("seal while mapped to write", RES(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE)), -EBUSY);
    mprotect(written, PAGE, PROT_READ);
    CHECK("seal while it may become so", RES(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE)), -EBUSY);
    written = mremap(written, PAGE, 3 * PAGE, MREMAP_MAYMOVE);
    munmap(written + PAGE, PAGE);
    CHECK("seal while parts are mapped", RES(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE)), -EBUSY);
    pid_t child = fork();
    if (child == 0) {
        pause();
        _exit(0);
    }
    munmap(written, 3 * PAGE);
    CHECK("seal while a child has it", RES(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE)), -EBUSY);
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    mmap(NULL, PAGE, READ_WRITE, MAP_PRIVATE, fd, 0);
    sprintf(path, "/proc/self/fd/%d", fd);
    CHECK("a mapping by another descriptor, to read", map_result(open(path, O_RDONLY), PROT_READ, MAP_SHARED), 0);
    CHECK("seal while mapped privately, and to read only", RES(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE)), 0);
    CHECK("map a sealed file to write", map_result(fd, READ_WRITE, MAP_SHARED), -EPERM);
    CHECK("map it privately", map_result(fd, READ_WRITE, MAP_PRIVATE), 0);
}

static void check_future_seal(void)
{
    int fd = sealable();
    char *before = map_shared(fd, READ_WRITE);
    CHECK("seal the future", RES(fcntl(fd, F_ADD_SEALS, F_SEAL_FUTURE_WRITE)), 0);
    before[0] = 'y';
    CHECK("map to write", map_result(fd, READ_WRITE, MAP_SHARED), -EPERM);
    char *after = map_shared(fd, PROT_READ);
    CHECK("map to read", after != MAP_FAILED, 1);
    CHECK("what it shows", after[0], 'y');
    CHECK("make it writable", RES(mprotect(after, PAGE, READ_WRITE)), -EACCES);
    CHECK("write", RES(write(fd, "x", 1)), -EPERM);
    CHECK("a hole by the old mapping", RES(madvise(before, PAGE, MADV_REMOVE)), -EPERM);
    mprotect(before, PAGE, PROT_READ);
    CHECK("make the old one writable again", RES(mprotect(before, PAGE, READ_WRITE)), 0);
}

int main(void)
{
    check_files();
    check_write_seal();
    check_future_seal();
    DONE();
}
