/* SOCK_SEQPACKET of AF_UNIX: a connection of whole messages. */
#include "case.h"

static char buffer[64];

int main(void)
{
    int ends[2], lone = socket(AF_UNIX, SOCK_SEQPACKET, 0);
    CHECK("without a connection", RES(send(lone, "x", 1, 0)), -ENOTCONN);
    CHECK("without a connection", RES(recv(lone, buffer, 1, 0)), -ENOTCONN);
    socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends);
    CHECK("first", RES(send(ends[0], "first", 5, 0)), 5);
    CHECK("second", RES(write(ends[0], "second", 6)), 6);
    CHECK("empty", RES(send(ends[0], "", 0, 0)), 0);
    CHECK("one message", RES(read(ends[1], buffer, 64)), 5);
    struct iovec place = {buffer, 3};
    struct msghdr header = {.msg_iov = &place, .msg_iovlen = 1};
    CHECK("cut", RES(recvmsg(ends[1], &header, 0)), 3);
    CHECK("MSG_TRUNC", header.msg_flags, MSG_TRUNC);
    CHECK("the empty one", RES(recv(ends[1], buffer, 64, MSG_DONTWAIT)), 0);
    CHECK("nothing", RES(recv(ends[1], buffer, 64, MSG_DONTWAIT)), -EAGAIN);
    struct sockaddr_un name = {AF_UNIX, "/nowhere"};
    CHECK("the address is not heeded", RES(sendto(ends[0], "x", 1, 0, (void *)&name, sizeof name)), 1);
    CHECK("received", RES(recv(ends[1], buffer, 64, 0)), 1);
    send(ends[0], "last", 4, 0);
    shutdown(ends[0], SHUT_WR);
    CHECK("after the end, no signal", RES(send(ends[0], "x", 1, 0)), -EPIPE);
    CHECK("what was sent", RES(recv(ends[1], buffer, 64, 0)), 4);
    CHECK("end", RES(recv(ends[1], buffer, 64, 0)), 0);
    CHECK("end, without waiting", RES(recv(ends[1], buffer, 64, MSG_DONTWAIT)), 0);
    CHECK("back", RES(send(ends[1], "back", 4, 0)), 4);
    close(ends[0]);
    CHECK("unread", RES(recv(ends[1], buffer, 64, 0)), -ECONNRESET);
    CHECK("end", RES(recv(ends[1], buffer, 64, 0)), 0);
    CHECK("send", RES(send(ends[1], "x", 1, 0)), -EPIPE);
    close(ends[1]);

    socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends);
    int sent = 0;
    while (send(ends[0], "message", 7, MSG_DONTWAIT) == 7)
        sent++;
    CHECK("full", errno, EAGAIN);
    CHECK("more than datagrams", sent > 50, 1);
    CHECK("too large", RES(send(ends[0], buffer, 300000, 0)), -EMSGSIZE);
    if (fork() == 0) {
        usleep(20000);
        for (int i = 0; i <= sent; i++)
            recv(ends[1], buffer, 64, 0);
        _exit(0);
    }
    CHECK("wait for room", RES(send(ends[0], "message", 7, 0)), 7);
    wait(NULL);
    close(ends[1]);
    CHECK("nobody", RES(send(ends[0], "x", 1, 0)), -EPIPE);
    DONE();
}
