/* Addresses of AF_UNIX: paths, abstract names, those that the kernel chooses; how they are told, and what is none. */
#include "case.h"

static struct sockaddr_un name;
static socklen_t length;

static int make(int type)
{
    return socket(AF_UNIX, type, 0);
}

static int bind_to(int fd, const char *path, int size)
{
    struct sockaddr_un address = {AF_UNIX};
    memcpy(address.sun_path, path, size);
    return bind(fd, (void *)&address, offsetof(struct sockaddr_un, sun_path) + size);
}

static int get_name(int fd)
{
    memset(&name, 0x55, sizeof name);
    length = sizeof name;
    return getsockname(fd, (void *)&name, &length);
}

static void paths(void)
{
    int fd = make(SOCK_STREAM);
    CHECK("no name", RES(get_name(fd)), 0);
    CHECK("length", length, 2);
    CHECK("family", name.sun_family, AF_UNIX);
    umask(022);
    CHECK("bind", RES(bind_to(fd, "first", 5)), 0);
    CHECK("name", RES(get_name(fd)), 0);
    CHECK("with the zero byte", length, 2 + 6);
    CHECK("path", strcmp(name.sun_path, "first"), 0);
    struct stat state;
    CHECK("stat", RES(stat("first", &state)), 0);
    CHECK("a socket", S_ISSOCK(state.st_mode), 1);
    CHECK("permissions", state.st_mode & 07777, 0755);
    CHECK("open", RES(open("first", O_RDWR)), -ENXIO);
    CHECK("bind twice", RES(bind_to(fd, "second", 6)), -EINVAL);
    CHECK("nothing was made", RES(access("second", F_OK)), -ENOENT);
    CHECK("bind twice to the same", RES(bind_to(fd, "first", 5)), -EADDRINUSE);
    int other = make(SOCK_STREAM);
    CHECK("in use", RES(bind_to(other, "first", 5)), -EADDRINUSE);
    close(fd);
    CHECK("the file stays", RES(access("first", F_OK)), 0);
    CHECK("still in use", RES(bind_to(other, "first", 5)), -EADDRINUSE);
    unlink("first");
    CHECK("free", RES(bind_to(other, "first", 5)), 0);
    close(other);
    unlink("first");

    fd = make(SOCK_DGRAM);
    fchmod(fd, 0600);
    CHECK("cut at the zero byte", RES(bind_to(fd, "cut\0off", 7)), 0);
    CHECK("stat", RES(stat("cut", &state)), 0);
    CHECK("permissions of the socket", state.st_mode & 07777, 0600);
    get_name(fd);
    CHECK("length", length, 2 + 4);
    length = 3;
    memset(&name, 0x55, sizeof name);
    CHECK("cut off", RES(getsockname(fd, (void *)&name, &length)), 0);
    CHECK("the whole length", length, 6);
    CHECK("what had room", name.sun_path[0] == 'c' && name.sun_path[1] == 0x55, 1);
    length = -1;
    CHECK("negative length", RES(getsockname(fd, (void *)&name, &length)), -EINVAL);
    length = 100;
    CHECK("bad address", RES(getsockname(fd, (void *)8, &length)), -EFAULT);
    CHECK("bad address of the length", RES(getsockname(fd, (void *)&name, (void *)8)), -EFAULT);
    close(fd);
    unlink("cut");

    char longest[109];
    memset(longest, 'p', 108);
    longest[108] = 0;
    fd = make(SOCK_STREAM);
    CHECK("108 bytes", RES(bind_to(fd, longest, 108)), 0);
    char told[120];
    length = sizeof told;
    getsockname(fd, (void *)told, &length);
    CHECK("length", length, 2 + 109);
    CHECK("path", strcmp(told + 2, longest), 0);
    CHECK("file", RES(unlink(longest)), 0);
    close(fd);
}

static void errors(void)
{
    int fd = make(SOCK_STREAM);
    struct sockaddr_un address = {AF_UNIX, "name"};
    CHECK("too long", RES(bind(fd, (void *)&address, sizeof address + 1)), -EINVAL);
    CHECK("negative", RES(bind(fd, (void *)&address, -1)), -EINVAL);
    CHECK("longer than any", RES(bind(fd, (void *)&address, 129)), -EINVAL);
    CHECK("nothing", RES(bind(fd, (void *)&address, 0)), -EINVAL);
    CHECK("one byte", RES(bind(fd, (void *)&address, 1)), -EINVAL);
    address.sun_family = AF_INET;
    CHECK("other family", RES(bind(fd, (void *)&address, sizeof address)), -EINVAL);
    CHECK("other family, no more", RES(bind(fd, (void *)&address, 2)), -EINVAL);
    CHECK("bad address", RES(bind(fd, (void *)8, 10)), -EFAULT);
    CHECK("no folder", RES(bind_to(fd, "none/name", 9)), -ENOENT);
    close(open("plain", O_CREAT | O_RDWR, 0600));
    CHECK("no folder either", RES(bind_to(fd, "plain/name", 10)), -ENOTDIR);
    CHECK("a file", RES(bind_to(fd, "plain", 5)), -EADDRINUSE);
    symlink("dangling", "link");
    CHECK("a link", RES(bind_to(fd, "link", 4)), -EADDRINUSE);
    CHECK("a folder", RES(bind_to(fd, ".", 1)), -EADDRINUSE);
    CHECK("a slash behind", RES(bind_to(fd, "new/", 4)), -ENOENT);
    mkdir("closed", 0555);
    chmod(".", 0755);
    IN_CHILD({
        become(1000);
        CHECK("folder that may not be written", RES(bind_to(fd, "closed/name", 11)), -EACCES);
    });
    unlink("plain");
    unlink("link");
    rmdir("closed");
    CHECK("still possible", RES(bind_to(fd, "good", 4)), 0);
    unlink("good");
    close(fd);
}

static void abstract(void)
{
    int fd = make(SOCK_STREAM), other = make(SOCK_STREAM), datagram = make(SOCK_DGRAM);
    CHECK("bind", RES(bind_to(fd, "\0case\0name", 10)), 0);
    CHECK("name", RES(get_name(fd)), 0);
    CHECK("length", length, 12);
    CHECK("bytes", memcmp(name.sun_path, "\0case\0name", 10), 0);
    CHECK("in use", RES(bind_to(other, "\0case\0name", 10)), -EADDRINUSE);
    CHECK("another kind", RES(bind_to(datagram, "\0case\0name", 10)), 0);
    CHECK("another length is another name", RES(bind_to(other, "\0case\0name\0", 11)), 0);
    CHECK("twice", RES(bind_to(other, "\0more", 5)), -EINVAL);
    close(fd);
    fd = make(SOCK_STREAM);
    CHECK("free again", RES(bind_to(fd, "\0case\0name", 10)), 0);
    close(fd);
    close(other);
    close(datagram);
    fd = make(SOCK_STREAM);
    CHECK("one zero byte", RES(bind_to(fd, "", 1)), 0);
    get_name(fd);
    CHECK("length", length, 3);
    close(fd);
    char all[108] = {0};
    fd = make(SOCK_STREAM);
    CHECK("108 bytes", RES(bind_to(fd, all, 108)), 0);
    get_name(fd);
    CHECK("length", length, 110);
    close(fd);
}

static void chosen(void)
{
    int fd = make(SOCK_STREAM), other = make(SOCK_STREAM);
    CHECK("bind", RES(bind_to(fd, "", 0)), 0);
    get_name(fd);
    CHECK("length", length, 2 + 6);
    CHECK("zero byte", name.sun_path[0], 0);
    CHECK("five digits", strspn(name.sun_path + 1, "0123456789abcdef") >= 5, 1);
    struct sockaddr_un first = name;
    CHECK("again", RES(bind_to(fd, "", 0)), 0);
    get_name(fd);
    CHECK("the same", memcmp(&name, &first, 8), 0);
    CHECK("not a second one", RES(bind_to(fd, "\0x", 2)), -EINVAL);
    CHECK("another", RES(bind_to(other, "", 0)), 0);
    get_name(other);
    CHECK("is different", memcmp(&name, &first, 8) != 0, 1);
    close(fd);
    close(other);
}

static void pairs(void)
{
    int ends[2];
    socketpair(AF_UNIX, SOCK_STREAM, 0, ends);
    length = sizeof name;
    CHECK("peer of a pair", RES(getpeername(ends[0], (void *)&name, &length)), 0);
    CHECK("no name", length, 2);
    CHECK("bind of one", RES(bind_to(ends[1], "\0one end", 8)), 0);
    length = sizeof name;
    CHECK("peer", RES(getpeername(ends[0], (void *)&name, &length)), 0);
    CHECK("name", length, 10);
    close(ends[1]);
    length = sizeof name;
    CHECK("peer that is gone", RES(getpeername(ends[0], (void *)&name, &length)), 0);
    CHECK("name", length, 10);
    int lone = make(SOCK_STREAM);
    CHECK("nobody", RES(getpeername(lone, (void *)&name, &length)), -ENOTCONN);
}

int main(void)
{
    paths();
    errors();
    abstract();
    chosen();
    pairs();
    DONE();
}
