/* Options of sockets: what is told, what is kept, and what is refused. */
#include "case.h"
#include <netinet/in.h>

#define NAME_OPTION 28

static int get(int fd, int option)
{
    int value = -99;
    socklen_t length = sizeof value;
    return getsockopt(fd, SOL_SOCKET, option, &value, &length) < 0 ? -errno : value;
}

static int set(int fd, int option, int value)
{
    return setsockopt(fd, SOL_SOCKET, option, &value, sizeof value) < 0 ? -errno : 0;
}

int main(void)
{
    int ends[2];
    socketpair(AF_UNIX, SOCK_STREAM, 0, ends);
    int fd = ends[0], sequence = socket(AF_UNIX, SOCK_SEQPACKET, 0);
    CHECK("SO_TYPE", get(fd, SO_TYPE), SOCK_STREAM);
    CHECK("SO_TYPE", get(sequence, SO_TYPE), SOCK_SEQPACKET);
    CHECK("SO_DOMAIN", get(fd, SO_DOMAIN), AF_UNIX);
    CHECK("SO_PROTOCOL", get(fd, SO_PROTOCOL), 0);
    CHECK("SO_PROTOCOL when one was asked for", get(socket(AF_UNIX, SOCK_STREAM, AF_UNIX), SO_PROTOCOL), 0);
    CHECK("SO_ERROR", get(fd, SO_ERROR), 0);
    CHECK("SO_ACCEPTCONN", get(fd, SO_ACCEPTCONN), 0);
    CHECK("SO_SNDBUF", get(fd, SO_SNDBUF), 212992);
    CHECK("SO_RCVBUF", get(fd, SO_RCVBUF), 212992);
    CHECK("SO_SNDLOWAT", get(fd, SO_SNDLOWAT), 1);
    CHECK("SO_RCVLOWAT", get(fd, SO_RCVLOWAT), 1);
    CHECK("read only", set(fd, SO_TYPE, 1), -ENOPROTOOPT);
    CHECK("read only", set(fd, SO_ERROR, 1), -ENOPROTOOPT);
    CHECK("read only", set(fd, SO_ACCEPTCONN, 1), -ENOPROTOOPT);
    CHECK("read only", set(fd, SO_DOMAIN, 1), -ENOPROTOOPT);
    CHECK("read only", set(fd, SO_SNDLOWAT, 1), -ENOPROTOOPT);

    int switches[] = {SO_DEBUG, SO_REUSEADDR, SO_DONTROUTE, SO_BROADCAST, SO_KEEPALIVE, SO_OOBINLINE, SO_NO_CHECK, SO_PASSCRED, SO_TIMESTAMP};
    for (int i = 0; i < 9; i++) {
        CHECK("off", get(fd, switches[i]), 0);
        CHECK("switch on", set(fd, switches[i], 5), 0);
        CHECK("on", get(fd, switches[i]), 1);
        CHECK("switch off", set(fd, switches[i], 0), 0);
        CHECK("off", get(fd, switches[i]), 0);
    }
    CHECK("SO_REUSEPORT off", set(fd, SO_REUSEPORT, 0), 0);
    CHECK("unknown", get(fd, 1000), -ENOPROTOOPT);
    CHECK("unknown", set(fd, 1000, 1), -ENOPROTOOPT);
    CHECK("SO_PEERSEC", get(fd, SO_PEERSEC), -ENOPROTOOPT);
    int value = 1;
    socklen_t length = sizeof value;
    CHECK("another level", RES(getsockopt(fd, IPPROTO_IP, 1, &value, &length)), -EOPNOTSUPP);
    CHECK("another level", RES(setsockopt(fd, IPPROTO_TCP, 1, &value, sizeof value)), -EOPNOTSUPP);
    CHECK("short value", RES(setsockopt(fd, SOL_SOCKET, SO_DEBUG, &value, 3)), -EINVAL);
    CHECK("bad value", RES(setsockopt(fd, SOL_SOCKET, SO_DEBUG, (void *)8, 4)), -EFAULT);
    length = 2;
    value = -1;
    CHECK("cut value", RES(getsockopt(fd, SOL_SOCKET, SO_TYPE, &value, &length)), 0);
    CHECK("two bytes", value, (int)0xffff0001);
    CHECK("length", length, 2);
    length = 0;
    CHECK("nothing", RES(getsockopt(fd, SOL_SOCKET, SO_TYPE, NULL, &length)), 0);
    length = -1;
    CHECK("negative length", RES(getsockopt(fd, SOL_SOCKET, SO_TYPE, &value, &length)), -EINVAL);
    length = 4;
    CHECK("bad address", RES(getsockopt(fd, SOL_SOCKET, SO_TYPE, (void *)8, &length)), -EFAULT);
    CHECK("bad length", RES(getsockopt(fd, SOL_SOCKET, SO_TYPE, &value, (void *)8)), -EFAULT);

    CHECK("SO_SNDBUF", set(fd, SO_SNDBUF, 10000), 0);
    CHECK("doubled", get(fd, SO_SNDBUF), 20000);
    set(fd, SO_SNDBUF, 1);
    CHECK("at least", get(fd, SO_SNDBUF), 4608);
    set(fd, SO_SNDBUF, 1 << 30);
    CHECK("at most", get(fd, SO_SNDBUF) >= 425984, 1);
    set(fd, SO_SNDBUF, -1);
    CHECK("negative is most", get(fd, SO_SNDBUF) >= 425984, 1);
    set(fd, SO_RCVBUF, 0);
    CHECK("at least", get(fd, SO_RCVBUF), 2304);
    set(fd, SO_RCVBUF, 100000);
    CHECK("doubled", get(fd, SO_RCVBUF), 200000);
    CHECK("SO_SNDBUFFORCE", set(fd, SO_SNDBUFFORCE, 1000000), 0);
    CHECK("more than others may", get(fd, SO_SNDBUF), 2000000);
    IN_CHILD({
        become(1000);
        CHECK("not for everybody", set(fd, SO_SNDBUFFORCE, 1000000), -EPERM);
        CHECK("SO_MARK", set(fd, SO_MARK, 1), -EPERM);
        CHECK("SO_PRIORITY", set(fd, SO_PRIORITY, 7), -EPERM);
        CHECK("SO_PRIORITY", set(fd, SO_PRIORITY, 6), 0);
    });
    CHECK("SO_PRIORITY", get(fd, SO_PRIORITY), 6);
    set(fd, SO_RCVLOWAT, 0);
    CHECK("at least one", get(fd, SO_RCVLOWAT), 1);
    set(fd, SO_RCVLOWAT, -1);
    CHECK("negative is most", get(fd, SO_RCVLOWAT), INT_MAX);

    struct timeval time = {5, 250000};
    length = sizeof time;
    CHECK("SO_RCVTIMEO", RES(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &time, sizeof time)), 0);
    time = (struct timeval){0};
    CHECK("SO_RCVTIMEO", RES(getsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &time, &length)), 0);
    CHECK("seconds", time.tv_sec, 5);
    CHECK("rest", time.tv_usec / 10000, 25);
    CHECK("length", length, sizeof time);
    getsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &time, &length);
    CHECK("none", time.tv_sec + time.tv_usec, 0);
    time.tv_usec = 1000000;
    CHECK("a whole second", RES(setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &time, sizeof time)), -EDOM);
    time.tv_usec = -1;
    CHECK("negative", RES(setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &time, sizeof time)), -EDOM);
    CHECK("short", RES(setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &time, 8)), -EINVAL);
    time = (struct timeval){-1, 0};
    CHECK("negative seconds", RES(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &time, sizeof time)), 0);
    char byte;
    CHECK("do not wait", RES(recv(fd, &byte, 1, 0)), -EAGAIN);
    time = (struct timeval){(1L << 62), 0};
    CHECK("very long", RES(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &time, sizeof time)), 0);

    struct linger linger = {1, 7};
    length = sizeof linger;
    CHECK("SO_LINGER", RES(setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger)), 0);
    linger = (struct linger){0};
    getsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, &length);
    CHECK("on", linger.l_onoff, 1);
    CHECK("seconds", linger.l_linger, 7);
    CHECK("short", set(fd, SO_LINGER, 1), -EINVAL);

    struct sockaddr_un name = {0}, told = {AF_UNIX, "\0named"};
    length = 2;
    CHECK("SO_PEERNAME", RES(getsockopt(fd, SOL_SOCKET, NAME_OPTION, &name, &length)), 0);
    CHECK("family", name.sun_family, AF_UNIX);
    length = sizeof name;
    CHECK("more room than name", RES(getsockopt(fd, SOL_SOCKET, NAME_OPTION, &name, &length)), -EINVAL);
    CHECK("no peer", RES(getsockopt(sequence, SOL_SOCKET, NAME_OPTION, &name, &length)), -ENOTCONN);
    DONE();
}
