/* Passing descriptors (SCM_RIGHTS): over streams, datagrams and sequences, how many, what does not fit, and that files
   which nobody receives are closed: also those in queues that only reach each other. */
#include "case.h"

static char buffer[64];
static int got[256];

/* Send `count` descriptors with one byte, or with what `text` says. */
static int send_rights(int fd, const int *fds, int count, const char *text)
{
    char control[CMSG_SPACE(sizeof(int) * 300)] = {0};
    struct iovec place = {(void *)text, strlen(text)};
    struct msghdr header = {.msg_iov = &place, .msg_iovlen = 1, .msg_control = control, .msg_controllen = CMSG_SPACE(count * sizeof(int))};
    struct cmsghdr *message = CMSG_FIRSTHDR(&header);
    message->cmsg_level = SOL_SOCKET;
    message->cmsg_type = SCM_RIGHTS;
    message->cmsg_len = CMSG_LEN(count * sizeof(int));
    memcpy(CMSG_DATA(message), fds, count * sizeof(int));
    return sendmsg(fd, &header, MSG_DONTWAIT);
}

static int told_flags;

/* Receive into `got`, with room for `room` descriptors: how many there were, or minus the errno. */
static int take_rights(int fd, int room, int flags, int size)
{
    char control[CMSG_SPACE(sizeof(int) * 300)] = {0};
    struct iovec place = {buffer, size};
    struct msghdr header = {.msg_iov = &place, .msg_iovlen = 1, .msg_control = room < 0 ? NULL : control, .msg_controllen = room < 0 ? 0 : CMSG_LEN(room * sizeof(int))};
    int count = recvmsg(fd, &header, flags);
    if (count < 0)
        return -errno;
    told_flags = header.msg_flags;
    struct cmsghdr *message = CMSG_FIRSTHDR(&header);
    if (message == NULL)
        return 0;
    int number = (message->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    memcpy(got, CMSG_DATA(message), number * sizeof(int));
    return number;
}

static int is_open(int fd)
{
    return fcntl(fd, F_GETFD) >= 0;
}

static void kinds(int type)
{
    int ends[2], pipes[2];
    socketpair(AF_UNIX, type, 0, ends);
    pipe(pipes);
    CHECK("send", RES(send_rights(ends[0], pipes, 2, "x")), 1);
    close(pipes[0]);
    close(pipes[1]);
    CHECK("receive", take_rights(ends[1], 4, 0, 64), 2);
    CHECK("not cut", told_flags, 0);
    write(got[1], "through", 7);
    CHECK("the same pipe", RES(read(got[0], buffer, 64)), 7);
    CHECK("no flag", fcntl(got[0], F_GETFD), 0);
    send_rights(ends[0], got, 2, "x");
    CHECK("peek", take_rights(ends[1], 4, MSG_PEEK | MSG_CMSG_CLOEXEC, 64), 2);
    CHECK("MSG_CMSG_CLOEXEC is told", told_flags, MSG_CMSG_CLOEXEC);
    CHECK("flag", fcntl(got[0], F_GETFD), FD_CLOEXEC);
    int first = got[0], second = got[1];
    CHECK("still there", take_rights(ends[1], 4, 0, 64), 2);
    CHECK("others", got[0] != first, 1);
    close(got[0]);
    close(got[1]);
    got[0] = first;
    got[1] = second;
    send_rights(ends[0], got, 2, "x");
    CHECK("room for one", take_rights(ends[1], 1, 0, 64), 1);
    CHECK("cut", told_flags, MSG_CTRUNC);
    close(got[0]);
    got[0] = first;
    got[1] = second;
    send_rights(ends[0], got, 2, "x");
    CHECK("no room", take_rights(ends[1], -1, 0, 64), 0);
    CHECK("cut", told_flags, MSG_CTRUNC);
    got[0] = first;
    send_rights(ends[0], got, 1, "x");
    CHECK("by read", RES(read(ends[1], buffer, 64)), 1);
    CHECK("one more", send_rights(ends[0], got, 1, "x"), 1);
    CHECK("by recv", RES(recv(ends[1], buffer, 64, 0)), 1);
    close(ends[0]);
    close(ends[1]);
}

static void borders(void)
{
    int ends[2], one[1] = {1};
    socketpair(AF_UNIX, SOCK_STREAM, 0, ends);
    write(ends[0], "ab", 2);
    send_rights(ends[0], one, 1, "cd");
    write(ends[0], "ef", 2);
    CHECK("the descriptor ends the receive", take_rights(ends[1], 4, MSG_WAITALL, 6), 1);
    CHECK("behind its bytes", memcmp(buffer, "abcd", 4), 0);
    close(got[0]);
    CHECK("the rest", RES(recv(ends[1], buffer, 64, 0)), 2);
    send_rights(ends[0], one, 1, "gh");
    send_rights(ends[0], one, 1, "ij");
    CHECK("one message", take_rights(ends[1], 4, 0, 64), 1);
    close(got[0]);
    CHECK("two bytes", memcmp(buffer, "gh", 2), 0);
    CHECK("part of the next", take_rights(ends[1], 4, 0, 1), 1);
    close(got[0]);
    CHECK("the rest, without", take_rights(ends[1], 4, 0, 64), 0);
    CHECK("bytes", buffer[0], 'j');
    CHECK("without bytes none are sent", send_rights(ends[0], one, 1, ""), 0);
    CHECK("nothing", RES(recv(ends[1], buffer, 64, MSG_DONTWAIT)), -EAGAIN);
    close(ends[0]);
    close(ends[1]);
}

static void errors(void)
{
    int ends[2], fds[300];
    for (int i = 0; i < 300; i++)
        fds[i] = 1;
    socketpair(AF_UNIX, SOCK_STREAM, 0, ends);
    CHECK("253", send_rights(ends[0], fds, 253, "x"), 1);
    CHECK("254", RES(send_rights(ends[0], fds, 254, "x")), -EINVAL);
    CHECK("received", take_rights(ends[1], 300, 0, 64), 253);
    for (int i = 0; i < 253; i++)
        close(got[i]);
    fds[1] = 99;
    CHECK("bad descriptor", RES(send_rights(ends[0], fds, 2, "x")), -EBADF);
    fds[1] = -1;
    CHECK("no descriptor", RES(send_rights(ends[0], fds, 2, "x")), -EBADF);
    struct { struct cmsghdr header; int data[8]; } control = {{CMSG_LEN(4), SOL_SOCKET, 7}, {1}};
    struct iovec place = {"x", 1};
    struct msghdr message = {.msg_iov = &place, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = CMSG_SPACE(4)};
    CHECK("unknown type", RES(sendmsg(ends[0], &message, 0)), -EINVAL);
    control.header.cmsg_level = 99;
    CHECK("another level is passed over", RES(sendmsg(ends[0], &message, 0)), 1);
    control.header = (struct cmsghdr){15, SOL_SOCKET, SCM_RIGHTS};
    CHECK("shorter than its header", RES(sendmsg(ends[0], &message, 0)), -EINVAL);
    control.header.cmsg_len = CMSG_SPACE(4) + 1;
    CHECK("longer than all", RES(sendmsg(ends[0], &message, 0)), -EINVAL);
    control.header.cmsg_len = (size_t)-1;
    CHECK("much longer", RES(sendmsg(ends[0], &message, 0)), -EINVAL);
    control.header.cmsg_len = CMSG_LEN(0);
    CHECK("no descriptors", RES(sendmsg(ends[0], &message, 0)), 1);
    message.msg_controllen = 15;
    CHECK("no room for a header", RES(sendmsg(ends[0], &message, 0)), 1);
    message.msg_controllen = 16;
    message.msg_control = (void *)8;
    CHECK("bad address", RES(sendmsg(ends[0], &message, 0)), -EFAULT);
    message.msg_controllen = (size_t)1 << 40;
    CHECK("too long", RES(sendmsg(ends[0], &message, 0)), -ENOBUFS);

    struct rlimit limit, before;
    getrlimit(RLIMIT_NOFILE, &before);
    send_rights(ends[0], (int[]){1, 1}, 2, "x");
    read(ends[1], buffer, 3);
    send_rights(ends[0], (int[]){1, 1}, 2, "x");
    int next = dup(1);
    close(next);
    limit = (struct rlimit){next + 1, before.rlim_max};
    setrlimit(RLIMIT_NOFILE, &limit);
    CHECK("room for one descriptor", take_rights(ends[1], 4, 0, 64), 1);
    CHECK("cut", told_flags, MSG_CTRUNC);
    setrlimit(RLIMIT_NOFILE, &before);
    close(got[0]);
    close(ends[0]);
    close(ends[1]);
}

/* Whether the other end of `fd`, the reading end of a pipe, is closed. */
static int is_over(int fd)
{
    fcntl(fd, F_SETFL, O_NONBLOCK);
    return read(fd, buffer, 1) == 0;
}

static void never_received(void)
{
    int ends[2], pipes[2];
    socketpair(AF_UNIX, SOCK_STREAM, 0, ends);
    pipe(pipes);
    send_rights(ends[0], &pipes[1], 1, "x");
    close(pipes[1]);
    CHECK("in the queue", is_over(pipes[0]), 0);
    close(ends[0]);
    CHECK("still", is_over(pipes[0]), 0);
    close(ends[1]);
    CHECK("the queue is gone", is_over(pipes[0]), 1);
    close(pipes[0]);

    /* Nested: each socket in the queue of the next one. */
    pipe(pipes);
    int inner = pipes[1];
    for (int depth = 0; depth < 100; depth++) {
        socketpair(AF_UNIX, depth % 2 ? SOCK_STREAM : SOCK_DGRAM, 0, ends);
        CHECK("send", send_rights(ends[0], &inner, 1, "x"), 1);
        close(inner);
        close(ends[0]);
        inner = ends[1];
    }
    CHECK("a hundred deep", is_over(pipes[0]), 0);
    close(inner);
    CHECK("all closed", is_over(pipes[0]), 1);
    close(pipes[0]);
}

/* Linux looks for circles when any socket is closed, and takes its time. */
static void collect(void)
{
    close(socket(AF_UNIX, SOCK_DGRAM, 0));
    usleep(20000);
}

static void circles(void)
{
    int ends[2], other[2], pipes[2];
    /* A socket in its own queue. */
    socketpair(AF_UNIX, SOCK_STREAM, 0, ends);
    pipe(pipes);
    send_rights(ends[0], (int[]){ends[1], pipes[1]}, 2, "x");
    close(pipes[1]);
    close(ends[1]);
    close(ends[0]);
    collect();
    CHECK("in its own queue", is_over(pipes[0]), 1);
    close(pipes[0]);

    /* Two sockets, each in the queue of the other. */
    socketpair(AF_UNIX, SOCK_DGRAM, 0, ends);
    pipe(pipes);
    send_rights(ends[0], (int[]){ends[0], pipes[1]}, 2, "x");
    send_rights(ends[1], (int[]){ends[1]}, 1, "x");
    close(pipes[1]);
    close(ends[0]);
    CHECK("one is open", is_over(pipes[0]), 0);
    close(ends[1]);
    collect();
    CHECK("in each other's queue", is_over(pipes[0]), 1);
    close(pipes[0]);

    /* A circle that can still be received from. */
    socketpair(AF_UNIX, SOCK_STREAM, 0, ends);
    socketpair(AF_UNIX, SOCK_STREAM, 0, other);
    send_rights(ends[0], (int[]){ends[1], ends[0]}, 2, "x");
    send_rights(other[0], (int[]){ends[1]}, 1, "y");
    close(ends[0]);
    close(ends[1]);
    collect();
    CHECK("received from outside", take_rights(other[1], 4, 0, 64), 1);
    int back = got[0];
    CHECK("and out of itself", take_rights(back, 4, 0, 64), 2);
    CHECK("the other end", RES(write(got[1], "works", 5)), 5);
    CHECK("the other end", RES(read(back, buffer, 64)), 5);
    close(back);
    close(got[0]);
    close(got[1]);

    /* A listener in the queue of a connection that waits at it. */
    struct sockaddr_un name = {AF_UNIX, "\0circle"};
    int server = socket(AF_UNIX, SOCK_STREAM, 0), client = socket(AF_UNIX, SOCK_STREAM, 0);
    bind(server, (void *)&name, 9);
    listen(server, 5);
    connect(client, (void *)&name, 9);
    pipe(pipes);
    send_rights(client, (int[]){server, pipes[1]}, 2, "x");
    close(pipes[1]);
    close(server);
    close(client);
    collect();
    CHECK("in the queue of its own list", is_over(pipes[0]), 1);
    close(pipes[0]);
}

static void many_circles(void)
{
    for (int i = 0; i < 2000; i++) {
        int ends[2];
        if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) != 0 || send_rights(ends[0], ends, 2, "x") != 1
            || send_rights(ends[1], ends, 2, "x") != 1) {
            CHECK("circle", i, -1);
            break;
        }
        close(ends[0]);
        close(ends[1]);
    }
}

int main(void)
{
    kinds(SOCK_STREAM);
    kinds(SOCK_DGRAM);
    kinds(SOCK_SEQPACKET);
    borders();
    errors();
    never_received();
    circles();
    many_circles();
    DONE();
}
