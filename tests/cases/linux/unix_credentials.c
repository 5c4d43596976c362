/* Who is at the other end (SO_PEERCRED, SO_PEERGROUPS) and who sent a message (SCM_CREDENTIALS with SO_PASSCRED). */
#include "case.h"
#include <grp.h>

struct sender { int there; struct ucred who; };
static char buffer[64];
static int told_flags;

static struct sender receive(int fd, int flags, int room)
{
    char control[64] = {0};
    struct iovec place = {buffer, sizeof buffer};
    struct msghdr header = {.msg_iov = &place, .msg_iovlen = 1, .msg_control = room ? control : NULL, .msg_controllen = room};
    struct sender result = {0};
    result.there = recvmsg(fd, &header, flags) < 0 ? -errno : 0;
    told_flags = header.msg_flags;
    struct cmsghdr *message = CMSG_FIRSTHDR(&header);
    if (message != NULL && message->cmsg_type == SCM_CREDENTIALS) {
        result.there = 1;
        memcpy(&result.who, CMSG_DATA(message), sizeof result.who);
    }
    return result;
}

static int send_as(int fd, int pid, int user, int group)
{
    union { struct cmsghdr header; char space[CMSG_SPACE(sizeof(struct ucred))]; } control = {{CMSG_LEN(sizeof(struct ucred)), SOL_SOCKET, SCM_CREDENTIALS}};
    struct ucred who = {pid, user, group};
    memcpy(CMSG_DATA(&control.header), &who, sizeof who);
    struct iovec place = {"x", 1};
    struct msghdr message = {.msg_iov = &place, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
    return sendmsg(fd, &message, 0);
}

static void pass(int fd, int value)
{
    CHECK("SO_PASSCRED", RES(setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &value, sizeof value)), 0);
}

static struct ucred peer_of(int fd)
{
    struct ucred who = {-5, -5, -5};
    socklen_t length = sizeof who;
    CHECK("SO_PEERCRED", RES(getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &length)), 0);
    CHECK("length", length, sizeof who);
    return who;
}

static void messages(int type)
{
    int ends[2];
    socketpair(AF_UNIX, type, 0, ends);
    send(ends[0], "a", 1, 0);
    CHECK("not asked for", receive(ends[1], 0, 64).there, 0);
    send(ends[0], "a", 1, 0);
    pass(ends[1], 1);
    struct sender from = receive(ends[1], 0, 64);
    CHECK("asked for later", from.there, 1);
    CHECK("nobody", from.who.pid, 0);
    CHECK("nobody", from.who.uid, 65534);
    CHECK("nobody", from.who.gid, 65534);
    send(ends[0], "a", 1, 0);
    from = receive(ends[1], 0, 64);
    CHECK("this process", from.who.pid, getpid());
    CHECK("user", from.who.uid, 0);
    IN_CHILD({
        setresgid(7, 8, 9);
        setresuid(1000, 2000, 3000);
        CHECK("send", RES(write(ends[0], "b", 1)), 1);
        CHECK("as oneself", RES(send_as(ends[0], getpid(), 3000, 9)), 1);
        CHECK("as somebody else", RES(send_as(ends[0], getpid(), 4000, 9)), -EPERM);
        CHECK("group", RES(send_as(ends[0], getpid(), 1000, 10)), -EPERM);
        CHECK("process", RES(send_as(ends[0], getppid(), 1000, 7)), -EPERM);
    });
    from = receive(ends[1], 0, 64);
    CHECK("real user", from.who.uid, 1000);
    CHECK("real group", from.who.gid, 7);
    from = receive(ends[1], 0, 64);
    CHECK("chosen user", from.who.uid, 3000);
    CHECK("chosen group", from.who.gid, 9);
    CHECK("as anybody", RES(send_as(ends[0], 1, 55, 66)), 1);
    from = receive(ends[1], 0, 64);
    CHECK("chosen user", from.who.uid, 55);
    CHECK("no such process", RES(send_as(ends[0], 4000000, 0, 0)), -ESRCH);
    CHECK("no user", RES(send_as(ends[0], getpid(), -1, 0)), -EINVAL);
    send(ends[0], "a", 1, 0);
    from = receive(ends[1], 0, 0);
    CHECK("no room", told_flags, MSG_CTRUNC);
    send(ends[0], "a", 1, 0);
    from = receive(ends[1], 0, 20);
    CHECK("little room", told_flags, MSG_CTRUNC);
    CHECK("pid at least", from.who.pid, getpid());
    pass(ends[1], 0);
    pass(ends[0], 1);
    send(ends[0], "a", 1, 0);
    pass(ends[1], 1);
    CHECK("the sender's option is enough", receive(ends[1], 0, 64).who.pid, getpid());
    close(ends[0]);
    close(ends[1]);
}

static void streams(void)
{
    int ends[2];
    socketpair(AF_UNIX, SOCK_STREAM, 0, ends);
    pass(ends[1], 1);
    write(ends[0], "one", 3);
    write(ends[0], "two", 3);
    IN_CHILD({ write(ends[0], "other", 5); });
    receive(ends[1], MSG_PEEK, 64);
    CHECK("one sender's bytes together", memcmp(buffer, "onetwo", 6), 0);
    CHECK("and no more", RES(recv(ends[1], buffer, 64, 0)), 6);
    CHECK("then the other's", RES(recv(ends[1], buffer, 64, 0)), 5);
    int value;
    socklen_t length = sizeof value;
    getsockopt(ends[1], SOL_SOCKET, SO_PASSCRED, &value, &length);
    CHECK("told", value, 1);
    close(ends[0]);
    close(ends[1]);

    struct sockaddr_un name = {AF_UNIX, "\0credentials"}, own;
    int server = socket(AF_UNIX, SOCK_STREAM, 0), client = socket(AF_UNIX, SOCK_STREAM, 0);
    bind(server, (void *)&name, 14);
    listen(server, 5);
    pass(server, 1);
    pass(client, 1);
    CHECK("connect", RES(connect(client, (void *)&name, 14)), 0);
    length = sizeof own;
    getsockname(client, (void *)&own, &length);
    CHECK("got a name", length, 8);
    send(client, "x", 1, 0);
    int served = accept(server, NULL, NULL);
    CHECK("inherited", receive(served, 0, 64).who.pid, getpid());
    close(served);
    close(client);
    close(server);
}

static void peers(void)
{
    int ends[2], lone = socket(AF_UNIX, SOCK_STREAM, 0);
    struct ucred who = peer_of(lone);
    CHECK("nobody", who.pid, 0);
    CHECK("nobody", (int)who.uid, -1);
    CHECK("nobody", (int)who.gid, -1);
    gid_t groups[8] = {0}, own[3] = {30, 10, 20};
    socklen_t length = sizeof groups;
    CHECK("no groups", RES(getsockopt(lone, SOL_SOCKET, SO_PEERGROUPS, groups, &length)), -ENODATA);
    IN_CHILD({
        setgroups(3, own);
        setresgid(7, 8, 9);
        setresuid(1000, 2000, 3000);
        socketpair(AF_UNIX, SOCK_DGRAM, 0, ends);
        who = peer_of(ends[0]);
        CHECK("a pair", who.pid, getpid());
        CHECK("effective user", who.uid, 2000);
        CHECK("effective group", who.gid, 8);
        length = sizeof groups;
        CHECK("groups", RES(getsockopt(ends[0], SOL_SOCKET, SO_PEERGROUPS, groups, &length)), 0);
        CHECK("length", length, 12);
        CHECK("sum", groups[0] + groups[1] + groups[2], 60);
        length = 8;
        CHECK("too little room", RES(getsockopt(ends[0], SOL_SOCKET, SO_PEERGROUPS, groups, &length)), -ERANGE);
        CHECK("needed", length, 12);
    });
    struct sockaddr_un name = {AF_UNIX, "\0peers"};
    int server = socket(AF_UNIX, SOCK_STREAM, 0);
    bind(server, (void *)&name, 8);
    listen(server, 5);
    who = peer_of(server);
    CHECK("who listens", who.pid, getpid());
    IN_CHILD({
        become(1000);
        int client = socket(AF_UNIX, SOCK_STREAM, 0);
        connect(client, (void *)&name, 8);
        who = peer_of(client);
        CHECK("the listener", who.pid, getppid());
        CHECK("its user", who.uid, 0);
        write(client, &(int){getpid()}, sizeof(int));
    });
    int served = accept(server, NULL, NULL), pid;
    read(served, &pid, sizeof pid);
    who = peer_of(served);
    CHECK("who connected, though it has ended", who.pid, pid);
    CHECK("its user", who.uid, 1000);
    length = 4;
    CHECK("a part", RES(getsockopt(served, SOL_SOCKET, SO_PEERCRED, &who, &length)), 0);
    CHECK("length", length, 4);
}

int main(void)
{
    messages(SOCK_STREAM);
    messages(SOCK_DGRAM);
    messages(SOCK_SEQPACKET);
    streams();
    peers();
    DONE();
}
