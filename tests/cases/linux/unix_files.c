/* Sockets as files: what stat, /proc, fcntl and ioctl tell, what is refused, and that they go over exec and fork. */
#include "case.h"
#include <sys/sendfile.h>

#ifndef SIOCOUTQ
#define SIOCOUTQ TIOCOUTQ
#endif

static char buffer[256];

/* The line of /proc/net/unix for a name, its columns in `flags`, `type`, `state` and `inode`; 0 without one. */
static int listed(const char *name, int *flags, int *type, int *state, long *inode)
{
    FILE *table = fopen("/proc/net/unix", "r");
    char line[256], found[128];
    int count = 0, columns[3];
    long number;
    fgets(line, sizeof line, table);
    CHECK("title", strncmp(line, "Num       RefCount Protocol Flags    Type St Inode Path", 55), 0);
    while (fgets(line, sizeof line, table) != NULL)
        if (sscanf(line, "%*x: %*x %*x %x %x %x %ld %127[^\n]", columns, columns + 1, columns + 2, &number, found) == 5 && strcmp(found, name) == 0) {
            *flags = columns[0];
            *type = columns[1];
            *state = columns[2];
            *inode = number;
            count++;
        }
    fclose(table);
    return count;
}

static int queued(int fd)
{
    int count = -99;
    return ioctl(fd, FIONREAD, &count) < 0 ? -errno : count;
}

int main(int argc, char **argv)
{
    int ends[2], count = 0;
    if (argc > 1 && strcmp(argv[1], "again") == 0)
        return write(atoi(argv[2]), "after exec", 10) != 10;
    socketpair(AF_UNIX, SOCK_STREAM, 0, ends);
    int fd = ends[0];
    struct stat state, other;
    CHECK("fstat", RES(fstat(fd, &state)), 0);
    CHECK("a socket", S_ISSOCK(state.st_mode), 1);
    CHECK("permissions", state.st_mode & 07777, 0777);
    CHECK("links", state.st_nlink, 1);
    CHECK("size", state.st_size, 0);
    fstat(ends[1], &other);
    CHECK("one file system", state.st_dev, other.st_dev);
    CHECK("two files", state.st_ino != other.st_ino, 1);
    CHECK("fchmod", RES(fchmod(fd, 0640)), 0);
    CHECK("fchown", RES(fchown(fd, 7, 8)), 0);
    fstat(fd, &state);
    CHECK("permissions", state.st_mode & 07777, 0640);
    CHECK("owner", state.st_uid * 10 + state.st_gid, 78);
    char path[64], target[64], right[64];
    sprintf(path, "/proc/self/fd/%d", fd);
    sprintf(right, "socket:[%ld]", (long)state.st_ino);
    int length = readlink(path, target, 63);
    target[length < 0 ? 0 : length] = 0;
    CHECK("/proc/self/fd", strcmp(target, right), 0);
    CHECK("stat of it", RES(stat(path, &other)), 0);
    CHECK("the same", other.st_ino, state.st_ino);
    CHECK("not to be opened", RES(open(path, O_RDWR)), -ENXIO);
    CHECK("F_GETFL", fcntl(fd, F_GETFL), O_RDWR);
    CHECK("F_SETFL", RES(fcntl(fd, F_SETFL, O_NONBLOCK)), 0);
    CHECK("does not wait", RES(read(fd, buffer, 1)), -EAGAIN);
    CHECK("FIONBIO", RES(ioctl(fd, FIONBIO, &count)), 0);
    CHECK("F_GETFL", fcntl(fd, F_GETFL), O_RDWR);
    CHECK("lseek", RES(lseek(fd, 0, SEEK_CUR)), -ESPIPE);
    CHECK("pread", RES(pread(fd, buffer, 1, 0)), -ESPIPE);
    CHECK("pwrite", RES(pwrite(fd, buffer, 1, 0)), -ESPIPE);
    CHECK("ftruncate", RES(ftruncate(fd, 0)), -EINVAL);
    CHECK("fsync", RES(fsync(fd)), -EINVAL);
    CHECK("mmap", RES((long)mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0)), -ENODEV);
    CHECK("fchdir", RES(fchdir(fd)), -ENOTDIR);
    CHECK("a terminal's request", RES(ioctl(fd, TCGETS, buffer)), -ENOTTY);

    CHECK("FIONREAD", queued(fd), 0);
    write(ends[1], "abc", 3);
    write(ends[1], "de", 2);
    CHECK("of a stream", queued(fd), 5);
    CHECK("SIOCOUTQ", RES(ioctl(ends[1], SIOCOUTQ, &count)), 0);
    CHECK("at least what was sent", count >= 5, 1);
    read(fd, buffer, 2);
    CHECK("FIONREAD", queued(fd), 3);
    read(fd, buffer, 3);
    ioctl(ends[1], SIOCOUTQ, &count);
    CHECK("all received", count, 0);
    CHECK("bad address", RES(ioctl(fd, FIONREAD, (void *)8)), -EFAULT);
    int datagrams[2], sequences[2];
    socketpair(AF_UNIX, SOCK_DGRAM, 0, datagrams);
    socketpair(AF_UNIX, SOCK_SEQPACKET, 0, sequences);
    for (int i = 2; i < 5; i++) {
        send(datagrams[0], "12345", i, 0);
        send(sequences[0], "12345", i, 0);
    }
    CHECK("the first datagram", queued(datagrams[1]), 2);
    CHECK("all of a sequence", queued(sequences[1]), 9);
    struct sockaddr_un name = {AF_UNIX, "\0files"};
    int server = socket(AF_UNIX, SOCK_STREAM, 0);
    bind(server, (void *)&name, 8);
    listen(server, 1);
    CHECK("of a listener", queued(server), -EINVAL);
    int flags, type, condition;
    long inode;
    fstat(server, &state);
    CHECK("/proc/net/unix", listed("@files", &flags, &type, &condition, &inode), 1);
    CHECK("listens", flags, 0x10000);
    CHECK("type", type, SOCK_STREAM);
    CHECK("not connected", condition, 1);
    CHECK("inode", inode, (long)state.st_ino);
    int datagram = socket(AF_UNIX, SOCK_DGRAM, 0);
    struct sockaddr_un place = {AF_UNIX, "listed"};
    bind(datagram, (void *)&place, sizeof place);
    CHECK("a path", listed("listed", &flags, &type, &condition, &inode), 1);
    CHECK("type", type, SOCK_DGRAM);
    close(datagram);
    CHECK("closed", listed("listed", &flags, &type, &condition, &inode), 0);
    unlink("listed");

    int file = open("source", O_CREAT | O_RDWR, 0600);
    write(file, "0123456789", 10);
    off_t offset = 2;
    CHECK("sendfile", RES(sendfile(fd, file, &offset, 5)), 5);
    CHECK("received", RES(read(ends[1], buffer, 20)), 5);
    CHECK("bytes", memcmp(buffer, "23456", 5), 0);
    unlink("source");
    struct iovec places[] = {{"ab", 2}, {"", 0}, {"cde", 3}};
    CHECK("writev", RES(writev(fd, places, 3)), 5);
    struct iovec into[] = {{buffer, 1}, {buffer + 10, 10}};
    CHECK("readv", RES(readv(ends[1], into, 2)), 5);
    CHECK("bytes", buffer[0] == 'a' && memcmp(buffer + 10, "bcde", 4) == 0, 1);

    int copied = dup(fd);
    close(fd);
    CHECK("a copy", RES(write(copied, "x", 1)), 1);
    CHECK("received", RES(read(ends[1], buffer, 10)), 1);
    if (fork() == 0) {
        sprintf(path, "%d", copied);
        execl("/proc/self/exe", argv[0], "again", path, NULL);
        _exit(1);
    }
    wait(NULL);
    CHECK("after exec", RES(read(ends[1], buffer, 20)), 10);
    int closed[2];
    socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, closed);
    CHECK("SOCK_CLOEXEC", fcntl(closed[1], F_GETFD), FD_CLOEXEC);
    DONE();
}
