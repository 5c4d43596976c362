/* sendmsg, recvmsg, sendmmsg and recvmmsg: places, flags, and what is told afterwards; calls that a signal interrupts. */
#include "case.h"

static char buffer[64], second[64];
static volatile int alarms;
static void on_alarm(int number) { alarms++; }

static void headers(void)
{
    int ends[2];
    socketpair(AF_UNIX, SOCK_DGRAM, 0, ends);
    struct iovec places[3] = {{"one", 3}, {"", 0}, {"two", 3}};
    struct msghdr header = {.msg_iov = places, .msg_iovlen = 3};
    CHECK("sendmsg", RES(sendmsg(ends[0], &header, 0)), 6);
    struct iovec into[2] = {{buffer, 4}, {second, 64}};
    struct sockaddr_un name;
    struct msghdr told = {.msg_name = &name, .msg_namelen = sizeof name, .msg_iov = into, .msg_iovlen = 2, .msg_control = second, .msg_controllen = 8, .msg_flags = -1};
    CHECK("recvmsg", RES(recvmsg(ends[1], &told, 0)), 6);
    CHECK("bytes", memcmp(buffer, "onet", 4) == 0 && memcmp(second, "wo", 2) == 0, 1);
    CHECK("flags", told.msg_flags, 0);
    CHECK("no name", told.msg_namelen, 0);
    CHECK("no control", told.msg_controllen, 0);
    header.msg_iovlen = 1025;
    CHECK("too many places", RES(sendmsg(ends[0], &header, 0)), -EMSGSIZE);
    CHECK("too many places", RES(recvmsg(ends[1], &header, 0)), -EMSGSIZE);
    header.msg_iovlen = 1;
    places[0].iov_len = -1;
    CHECK("negative length", RES(sendmsg(ends[0], &header, 0)), -EINVAL);
    places[0] = (struct iovec){(void *)8, 4};
    CHECK("bad place", RES(sendmsg(ends[0], &header, 0)), -EFAULT);
    header.msg_iov = (void *)8;
    CHECK("bad places", RES(sendmsg(ends[0], &header, 0)), -EFAULT);
    CHECK("bad header", RES(sendmsg(ends[0], (void *)8, 0)), -EFAULT);
    CHECK("bad header", RES(recvmsg(ends[1], (void *)8, 0)), -EFAULT);
    header.msg_iovlen = 0;
    CHECK("no places", RES(sendmsg(ends[0], &header, 0)), 0);
    CHECK("empty message", RES(recv(ends[1], buffer, 64, MSG_DONTWAIT)), 0);
    header.msg_name = &name;
    header.msg_namelen = -1;
    CHECK("negative name", RES(sendmsg(ends[0], &header, 0)), -EINVAL);
    CHECK("negative name", RES(recvmsg(ends[1], &header, 0)), -EINVAL);
    header.msg_name = NULL;
    header.msg_namelen = 10;
    CHECK("no name but a length", RES(sendmsg(ends[0], &header, 0)), 0);
    recv(ends[1], buffer, 64, 0);
    close(ends[0]);
    close(ends[1]);
}

static void many(void)
{
    int ends[2];
    socketpair(AF_UNIX, SOCK_DGRAM, 0, ends);
    struct iovec places[3] = {{"a", 1}, {"bb", 2}, {(void *)8, 3}};
    struct mmsghdr messages[3] = {{{.msg_iov = &places[0], .msg_iovlen = 1}}, {{.msg_iov = &places[1], .msg_iovlen = 1}}, {{.msg_iov = &places[2], .msg_iovlen = 1}}};
    CHECK("the good ones", RES(sendmmsg(ends[0], messages, 3, 0)), 2);
    CHECK("length", messages[0].msg_len * 10 + messages[1].msg_len, 12);
    CHECK("only a bad one", RES(sendmmsg(ends[0], messages + 2, 1, 0)), -EFAULT);
    CHECK("none", RES(sendmmsg(ends[0], messages, 0, 0)), 0);
    struct iovec into[3] = {{buffer, 8}, {buffer + 8, 8}, {buffer + 16, 8}};
    for (int i = 0; i < 3; i++)
        messages[i] = (struct mmsghdr){{.msg_iov = &into[i], .msg_iovlen = 1}};
    CHECK("what there is", RES(recvmmsg(ends[1], messages, 3, MSG_DONTWAIT, NULL)), 2);
    CHECK("lengths", messages[0].msg_len * 10 + messages[1].msg_len, 12);
    CHECK("nothing", RES(recvmmsg(ends[1], messages, 3, MSG_DONTWAIT, NULL)), -EAGAIN);
    send(ends[0], "x", 1, 0);
    CHECK("MSG_WAITFORONE", RES(recvmmsg(ends[1], messages, 3, MSG_WAITFORONE, NULL)), 1);
    for (int i = 0; i < 3; i++)
        send(ends[0], "x", 1, 0);
    CHECK("all", RES(recvmmsg(ends[1], messages, 3, 0, NULL)), 3);
    struct timespec time = {0, 1000000000};
    CHECK("bad time", RES(recvmmsg(ends[1], messages, 3, MSG_DONTWAIT, &time)), -EINVAL);
    time = (struct timespec){0, 0};
    send(ends[0], "x", 1, 0);
    send(ends[0], "x", 1, 0);
    CHECK("no time", RES(recvmmsg(ends[1], messages, 3, 0, &time)), 1);
    recv(ends[1], buffer, 64, 0);
    close(ends[0]);
    close(ends[1]);
}

static void start_alarm(int flags)
{
    struct sigaction action = {.sa_handler = on_alarm, .sa_flags = flags};
    sigaction(SIGALRM, &action, NULL);
    alarms = 0;
    struct itimerval soon = {{0}, {0, 20000}};
    setitimer(ITIMER_REAL, &soon, NULL);
}

static void interrupted(void)
{
    int ends[2];
    socketpair(AF_UNIX, SOCK_STREAM, 0, ends);
    start_alarm(0);
    CHECK("recv", RES(recv(ends[0], buffer, 1, 0)), -EINTR);
    start_alarm(0);
    write(ends[1], "ab", 2);
    CHECK("after some bytes", RES(recv(ends[0], buffer, 5, MSG_WAITALL)), 2);
    CHECK("handler", alarms, 1);
    if (fork() == 0) {
        usleep(60000);
        write(ends[1], "x", 1);
        _exit(0);
    }
    start_alarm(SA_RESTART);
    CHECK("goes on", RES(recv(ends[0], buffer, 1, 0)), 1);
    CHECK("handler", alarms, 1);
    wait(NULL);
    struct timeval patience = {2, 0};
    setsockopt(ends[0], SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    start_alarm(SA_RESTART);
    CHECK("not with a timeout", RES(recv(ends[0], buffer, 1, 0)), -EINTR);
    patience = (struct timeval){0, 30000};
    setsockopt(ends[0], SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    long start = milliseconds();
    CHECK("timeout", RES(recv(ends[0], buffer, 1, 0)), -EAGAIN);
    CHECK("it waited", milliseconds() - start >= 29, 1);
    write(ends[1], "abc", 3);
    CHECK("timeout after some bytes", RES(recv(ends[0], buffer, 5, MSG_WAITALL)), 3);
    while (send(ends[0], buffer, 64, MSG_DONTWAIT) > 0);
    start_alarm(0);
    CHECK("send", RES(send(ends[0], buffer, 64, 0)), -EINTR);
    setsockopt(ends[0], SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    start = milliseconds();
    CHECK("timeout", RES(send(ends[0], buffer, 64, 0)), -EAGAIN);
    CHECK("it waited", milliseconds() - start >= 29, 1);
    close(ends[0]);
    close(ends[1]);
    struct sockaddr_un name = {AF_UNIX, "\0waits"};
    int server = socket(AF_UNIX, SOCK_STREAM, 0), first = socket(AF_UNIX, SOCK_STREAM, 0), next = socket(AF_UNIX, SOCK_STREAM, 0);
    bind(server, (void *)&name, 8);
    listen(server, 0);
    start_alarm(0);
    CHECK("accept", RES(accept(server, NULL, NULL)), -EINTR);
    connect(first, (void *)&name, 8);
    start_alarm(0);
    CHECK("connect", RES(connect(next, (void *)&name, 8)), -EINTR);
    accept(server, NULL, NULL);
    CHECK("connect later", RES(connect(next, (void *)&name, 8)), 0);
}

static void times(void)
{
    int ends[2], on = 1;
    socketpair(AF_UNIX, SOCK_DGRAM, 0, ends);
    setsockopt(ends[1], SOL_SOCKET, SO_TIMESTAMP, &on, sizeof on);
    time_t before = time(NULL);
    send(ends[0], "x", 1, 0);
    char control[64];
    struct iovec place = {buffer, 1};
    struct msghdr header = {.msg_iov = &place, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
    CHECK("received", RES(recvmsg(ends[1], &header, 0)), 1);
    struct cmsghdr *message = CMSG_FIRSTHDR(&header);
    CHECK("a time", message != NULL && message->cmsg_type == SCM_TIMESTAMP, 1);
    struct timeval sent;
    memcpy(&sent, CMSG_DATA(message), sizeof sent);
    CHECK("of now", sent.tv_sec >= before && sent.tv_sec <= time(NULL), 1);
    close(ends[0]);
    close(ends[1]);
}

int main(void)
{
    headers();
    many();
    interrupted();
    times();
    DONE();
}
