/* Sockets of two containers: D finds C's socket by a directory that it was given. They talk; then C is destroyed, which
   D's sockets learn at once: the end, or ECONNRESET, ECONNREFUSED for datagrams. What C had sent is gone with it.
   arguments: stream | unread | pending | datagram | received | rights | taken | circle | full */
#include "heirs.h"

#define PATH "/proc/self/fd/5/socket"

static const char *how;
#define IS(name) (strcmp(how, name) == 0)
static char buffer[64];

static int send_fd(int socket, int fd)
{
    union { struct cmsghdr header; char space[CMSG_SPACE(sizeof(int))]; } control = {{CMSG_LEN(sizeof(int)), SOL_SOCKET, SCM_RIGHTS}};
    memcpy(CMSG_DATA(&control.header), &fd, sizeof fd);
    struct iovec place = {"f", 1};
    struct msghdr message = {.msg_iov = &place, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
    return sendmsg(socket, &message, 0);
}

static int take_fd(int socket)
{
    union { struct cmsghdr header; char space[CMSG_SPACE(sizeof(int))]; } control = {0};
    struct iovec place = {buffer, 1};
    struct msghdr message = {.msg_iov = &place, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
    if (recvmsg(socket, &message, 0) < 0)
        return -errno;
    int fd = -1;
    if (message.msg_controllen > 0)
        memcpy(&fd, CMSG_DATA(&control.header), sizeof fd);
    return fd;
}

static void serve(int server)
{
    int ends[2];
    if (IS("datagram") || IS("received")) {
        struct sockaddr_un from;
        socklen_t length = sizeof from;
        int count = recvfrom(server, buffer, 64, 0, (void *)&from, &length);
        CHECK("server received", count, 5);
        sendto(server, "answer", 6, 0, (void *)&from, length);
        pause();
    }
    if (IS("pending") || IS("full"))
        pause();
    int served = accept(server, NULL, NULL);
    struct ucred who;
    socklen_t length = sizeof who;
    getsockopt(served, SOL_SOCKET, SO_PEERCRED, &who, &length);
    CHECK("a process of another container has no number", who.pid, 0);
    read(served, buffer, 5);
    write(served, "answer", 6);
    if (IS("rights")) {
        pipe(ends);
        send_fd(served, ends[0]);
        write(ends[1], "from C", 6);
    }
    if (IS("taken"))
        write(take_fd(served), "through", 7);
    if (IS("circle")) {
        send_fd(served, served);
        send_fd(served, server);
    }
    if (IS("unread"))
        usleep(50000);
    pause();
}

static void give(const char *mode, int given[3])
{
    how = mode;
    mkdir("/tmp/shared", 0755);
    struct sockaddr_un name = {AF_UNIX, "/tmp/shared/socket"};
    int server = socket(AF_UNIX, IS("datagram") || IS("received") ? SOCK_DGRAM : SOCK_STREAM, 0);
    bind(server, (void *)&name, sizeof name);
    listen(server, 1);
    if (fork() == 0)
        serve(server);
    close(server);
    given[0] = open("/tmp/shared", O_RDONLY | O_DIRECTORY);
}

static void streams(struct sockaddr_un *name)
{
    int fd = socket(AF_UNIX, SOCK_STREAM, 0), ends[2];
    CHECK("connect", RES(connect(fd, (void *)name, sizeof *name)), 0);
    if (IS("full")) {
        int second = socket(AF_UNIX, SOCK_STREAM, 0), third = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
        connect(second, (void *)name, sizeof *name);
        CHECK("full", RES(connect(third, (void *)name, sizeof *name)), -EAGAIN);
        CHECK("pending data", RES(send(second, "x", 1, 0)), 1);
    }
    CHECK("send", RES(send(fd, "hello", 5, 0)), 5);
    if (!IS("pending") && !IS("full")) {
        CHECK("receive", RES(recv(fd, buffer, 6, MSG_WAITALL)), 6);
        struct ucred who;
        socklen_t length = sizeof who;
        getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &length);
        CHECK("a process of another container has no number", who.pid, 0);
    }
    int passed = -1;
    if (IS("rights")) {
        passed = take_fd(fd);
        CHECK("C's pipe", RES(read(passed, buffer, 6)), 6);
    }
    if (IS("taken")) {
        pipe(ends);
        CHECK("D's pipe", send_fd(fd, ends[1]), 1);
        close(ends[1]);
        CHECK("written to by C", RES(read(ends[0], buffer, 64)), 7);
    }
    if (IS("circle"))
        send_fd(fd, fd);
    if (IS("unread"))
        send(fd, "nobody reads this", 17, 0);
    usleep(50000);
    say_ready_and_wait();
    long result = RES(recv(fd, buffer, 64, MSG_DONTWAIT));
    if (IS("stream") || IS("rights") || IS("taken"))
        CHECK("the end", result, 0);
    if (IS("unread") || IS("pending") || IS("full"))
        CHECK("unread", result, -ECONNRESET);
    if (IS("rights"))
        CHECK("C's pipe", RES(read(passed, buffer, 6)), -EIO);
    if (IS("taken"))
        CHECK("C's end of D's pipe", RES(read(ends[0], buffer, 6)), 0);
    CHECK("send", RES(send(fd, "x", 1, MSG_NOSIGNAL)), -EPIPE);
    struct pollfd polled = {fd, POLLIN | POLLOUT};
    poll(&polled, 1, 0);
    CHECK("hang up", (polled.revents & POLLHUP) != 0, 1);
    CHECK("nobody there", RES(connect(socket(AF_UNIX, SOCK_STREAM, 0), (void *)name, sizeof *name)) < 0, 1);
    close(fd);
}

static void datagrams(struct sockaddr_un *name)
{
    int fd = socket(AF_UNIX, SOCK_DGRAM, 0);
    struct sockaddr_un own = {AF_UNIX, "/tmp/mine"};
    bind(fd, (void *)&own, sizeof own);
    CHECK("connect", RES(connect(fd, (void *)name, sizeof *name)), 0);
    CHECK("send", RES(send(fd, "hello", 5, 0)), 5);
    usleep(50000);
    say_ready_and_wait();
    CHECK("receiver", RES(send(fd, "x", 1, 0)), -ECONNREFUSED);
    CHECK("then none", RES(send(fd, "x", 1, 0)), -ENOTCONN);
    CHECK("what C had sent", RES(recv(fd, buffer, 64, MSG_DONTWAIT)), -EAGAIN);
    close(fd);
    unlink("/tmp/mine");
}

static int take(const char *mode)
{
    how = mode;
    struct sockaddr_un name = {AF_UNIX, PATH};
    if (IS("datagram") || IS("received"))
        datagrams(&name);
    else
        streams(&name);
    return ended();
}
