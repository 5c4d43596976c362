/* A thread of D sleeps in a call on a socket that its sibling C made and passed to it. C is destroyed: the call ends (EIO),
   the descriptor answers EIO, and nothing of C's is used.
   arguments: recv | waitall | read | send | accept | connect | datagram-send | datagram-recv | poll | epoll | recvmmsg */
#include "heirs.h"

static const char *waits;
#define IS(name) (strcmp(waits, name) == 0)
static struct sockaddr_un name = {AF_UNIX, "\0waiting"};

static void give(const char *mode, int given[3])
{
    waits = mode;
    int ends[2] = {-1, -1};
    int type = strncmp(mode, "datagram", 8) == 0 ? SOCK_DGRAM : SOCK_STREAM;
    socketpair(AF_UNIX, type, 0, ends);
    if (IS("accept") || IS("connect")) {
        ends[0] = socket(AF_UNIX, SOCK_STREAM, 0);
        bind(ends[0], (void *)&name, 11);
        listen(ends[0], 0);
    }
    if (IS("connect")) {
        connect(socket(AF_UNIX, SOCK_STREAM, 0), (void *)&name, 11);
        ends[0] = socket(AF_UNIX, SOCK_STREAM, 0);
    }
    if (IS("datagram-send")) {
        int server = socket(AF_UNIX, SOCK_DGRAM, 0);
        bind(server, (void *)&name, 11);
        ends[0] = socket(AF_UNIX, SOCK_DGRAM, 0);
    }
    given[1] = ends[0];
    given[2] = ends[1];
}

static void *call(void *unused)
{
    static char buffer[100000];
    long result = 0, right = -EIO;
    if (IS("recv") || IS("datagram-recv")) result = recv(6, buffer, 10, 0);
    if (IS("waitall")) {
        send(8, "some", 4, 0);
        result = recv(6, buffer, 10, MSG_WAITALL);
        right = 4;
    }
    if (IS("read")) result = read(6, buffer, 10);
    if (IS("recvmmsg")) {
        struct iovec place = {buffer, 10};
        struct mmsghdr messages[2] = {{{.msg_iov = &place, .msg_iovlen = 1}}, {{.msg_iov = &place, .msg_iovlen = 1}}};
        result = recvmmsg(6, messages, 2, 0, NULL);
    }
    if (IS("send")) while ((result = send(6, buffer, sizeof buffer, MSG_NOSIGNAL)) == sizeof buffer) {}
    if (IS("send") && result > 0) right = result;
    if (IS("accept")) result = accept(6, NULL, NULL);
    if (IS("connect")) {
        result = connect(6, (void *)&name, 11);
        right = -ECONNREFUSED;
        if (result < 0 && errno == EIO) right = -EIO;
    }
    if (IS("datagram-send")) {
        while ((result = sendto(6, buffer, 10, 0, (void *)&name, 11)) == 10) {}
        right = -ECONNREFUSED;
        if (result < 0 && errno == EIO) right = -EIO;
    }
    if (IS("poll")) {
        struct pollfd polled = {6, POLLIN};
        result = poll(&polled, 1, -1);
        right = 1;
        CHECK("events", (polled.revents & (POLLERR | POLLHUP)) != 0, 1);
    }
    if (IS("epoll")) {
        int epoll = epoll_create1(0);
        struct epoll_event event = {EPOLLIN};
        epoll_ctl(epoll, EPOLL_CTL_ADD, 6, &event);
        result = epoll_wait(epoll, &event, 1, 2000);
        right = 0;
    }
    CHECK(waits, result < 0 ? -errno : result, right);
    return NULL;
}

static int take(const char *mode)
{
    waits = mode;
    char byte;
    pthread_t thread;
    pthread_create(&thread, NULL, call, NULL);
    usleep(100000);
    say_ready_and_wait();
    pthread_join(thread, NULL);
    CHECK("descriptor", RES(read(6, &byte, 1)), -EIO);
    CHECK("is no socket any more", RES(send(6, &byte, 1, 0)) < 0, 1);
    CHECK("close", RES(close(6)), 0);
    return ended();
}
