/* Families, types and protocols that there are not: the errors of Linux without them, never ENOSYS (libaudit ends the
   program for that), in their order; and calls of sockets on what is no socket. */
#include "case.h"

#define AUDIT 9

int main(void)
{
    int families[] = {AF_NETLINK, AF_INET, AF_INET6, AF_UNIX, AF_PACKET, 99};
    for (int i = 0; i < 6; i++)
        CHECK("not ENOSYS", RES(socket(families[i], SOCK_RAW, AUDIT)) == -ENOSYS, 0);
    CHECK("family 0", RES(socket(0, SOCK_STREAM, 0)), -EAFNOSUPPORT);
    CHECK("family 9", RES(socket(9, SOCK_STREAM, 0)), -EAFNOSUPPORT);
    CHECK("family 46", RES(socket(46, SOCK_STREAM, 0)), -EAFNOSUPPORT);
    CHECK("family -1", RES(socket(-1, SOCK_STREAM, 0)), -EAFNOSUPPORT);
    CHECK("family before type", RES(socket(99, 15, 0)), -EAFNOSUPPORT);
    CHECK("type 11 of a family that could be", RES(socket(9, 11, 0)), -EINVAL);
    CHECK("type 15", RES(socket(AF_UNIX, 15, 0)), -EINVAL);
    CHECK("flags", RES(socket(99, SOCK_STREAM | 0x100, 0)), -EINVAL);
    CHECK("type 0", RES(socket(AF_UNIX, 0, 0)), -ESOCKTNOSUPPORT);
    CHECK("SOCK_RDM", RES(socket(AF_UNIX, SOCK_RDM, 0)), -ESOCKTNOSUPPORT);
    CHECK("protocol 2", RES(socket(AF_UNIX, SOCK_STREAM, 2)), -EPROTONOSUPPORT);
    CHECK("protocol before type", RES(socket(AF_UNIX, SOCK_RDM, 2)), -EPROTONOSUPPORT);
    CHECK("protocol PF_UNIX", RES(socket(AF_UNIX, SOCK_STREAM, 1)) >= 0, 1);
    int raw = socket(AF_UNIX, SOCK_RAW, 0);
    int type = 0;
    socklen_t length = sizeof type;
    getsockopt(raw, SOL_SOCKET, SO_TYPE, &type, &length);
    CHECK("SOCK_RAW is SOCK_DGRAM", type, SOCK_DGRAM);

    int ends[2];
    CHECK("pair of a family without pairs", RES(socketpair(99, SOCK_STREAM, 0, ends)), -EAFNOSUPPORT);
    CHECK("pair, type", RES(socketpair(AF_UNIX, SOCK_RDM, 0, ends)), -ESOCKTNOSUPPORT);
    CHECK("pair, protocol", RES(socketpair(AF_UNIX, SOCK_STREAM, 5, ends)), -EPROTONOSUPPORT);
    CHECK("pair, flags", RES(socketpair(AF_UNIX, SOCK_STREAM | 0x100, 0, ends)), -EINVAL);
    CHECK("pair, address", RES(socketpair(AF_UNIX, SOCK_STREAM, 0, NULL)), -EFAULT);

    struct sockaddr_un name = {AF_UNIX, "/nothing"};
    struct msghdr header = {0};
    char byte;
    length = sizeof name;
    int pipes[2];
    pipe(pipes);
    int path = open("/", O_PATH);
    struct { const char *what; int fd, error; } wrong[] = {
        {"bad descriptor", 99, -EBADF}, {"pipe", pipes[0], -ENOTSOCK}, {"O_PATH", path, -EBADF}};
    for (int i = 0; i < 3; i++) {
        int fd = wrong[i].fd, error = wrong[i].error;
        printf("on a %s\n", wrong[i].what);
        CHECK("bind", RES(bind(fd, (void *)&name, sizeof name)), error);
        CHECK("listen", RES(listen(fd, 1)), error);
        CHECK("connect", RES(connect(fd, (void *)&name, sizeof name)), error);
        CHECK("accept", RES(accept(fd, NULL, NULL)), error);
        CHECK("accept4", RES(accept4(fd, NULL, NULL, SOCK_CLOEXEC)), error);
        CHECK("getsockname", RES(getsockname(fd, (void *)&name, &length)), error);
        CHECK("getpeername", RES(getpeername(fd, (void *)&name, &length)), error);
        CHECK("send", RES(send(fd, "x", 1, 0)), error);
        CHECK("recv", RES(recv(fd, &byte, 1, 0)), error);
        CHECK("sendmsg", RES(sendmsg(fd, &header, 0)), error);
        CHECK("recvmsg", RES(recvmsg(fd, &header, 0)), error);
        CHECK("sendmmsg", RES(sendmmsg(fd, (void *)&header, 0, 0)), error);
        CHECK("recvmmsg", RES(recvmmsg(fd, (void *)&header, 0, 0, NULL)), error);
        CHECK("shutdown", RES(shutdown(fd, SHUT_RD)), error);
        CHECK("getsockopt", RES(getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &length)), error);
        CHECK("setsockopt", RES(setsockopt(fd, SOL_SOCKET, SO_DEBUG, &type, sizeof type)), error);
    }
    CHECK("accept4 with other flags", RES(accept4(pipes[0], NULL, NULL, 1)), -EINVAL);
    CHECK("setsockopt with a negative length", RES(setsockopt(raw, SOL_SOCKET, SO_DEBUG, &type, -1)), -EINVAL);
    DONE();
}
