/* Datagrams of AF_UNIX: whole messages, from whom they are, peers that filter, and who waits when too many are queued. */
#include "case.h"

static char buffer[1024];

static struct sockaddr_un address(const char *text)
{
    struct sockaddr_un made = {AF_UNIX};
    strcpy(made.sun_path + 1, text);
    return made;
}

static socklen_t size_of(const char *text)
{
    return offsetof(struct sockaddr_un, sun_path) + 1 + strlen(text);
}

static int bound(const char *text)
{
    struct sockaddr_un at = address(text);
    int fd = socket(AF_UNIX, SOCK_DGRAM, 0);
    CHECK("bind", RES(bind(fd, (void *)&at, size_of(text))), 0);
    return fd;
}

static int connect_to(int fd, const char *text)
{
    struct sockaddr_un to = address(text);
    return connect(fd, (void *)&to, size_of(text));
}

static int send_to(int fd, const char *text, int flags)
{
    struct sockaddr_un to = address(text);
    return sendto(fd, "message", 7, flags, (void *)&to, size_of(text));
}

static void messages(void)
{
    int server = bound("server"), client = socket(AF_UNIX, SOCK_DGRAM, 0);
    CHECK("without a peer", RES(send(client, "x", 1, 0)), -ENOTCONN);
    CHECK("write", RES(write(client, "x", 1)), -ENOTCONN);
    CHECK("nobody there", RES(send_to(client, "nobody", 0)), -ECONNREFUSED);
    CHECK("sendto", RES(send_to(client, "server", 0)), 7);
    struct sockaddr_un from;
    socklen_t length = sizeof from;
    CHECK("too little room", RES(recvfrom(server, buffer, 3, 0, (void *)&from, &length)), 3);
    CHECK("from nobody", length, 0);
    CHECK("the rest is lost", RES(recv(server, buffer, 10, MSG_DONTWAIT)), -EAGAIN);
    send_to(client, "server", 0);
    CHECK("MSG_TRUNC", RES(recv(server, buffer, 3, MSG_TRUNC)), 7);
    send_to(client, "server", 0);
    CHECK("peek", RES(recv(server, buffer, 4, MSG_PEEK)), 4);
    CHECK("peek with MSG_TRUNC", RES(recv(server, buffer, 4, MSG_PEEK | MSG_TRUNC)), 7);
    CHECK("MSG_WAITALL", RES(recv(server, buffer, 100, MSG_WAITALL)), 7);
    struct sockaddr_un own = address("client");
    bind(client, (void *)&own, size_of("client"));
    send_to(client, "server", 0);
    length = sizeof from;
    CHECK("recvfrom", RES(recvfrom(server, buffer, 10, 0, (void *)&from, &length)), 7);
    CHECK("length of the name", length, size_of("client"));
    CHECK("name", memcmp(&from, &own, length), 0);
    CHECK("answer", RES(sendto(server, "answer", 6, 0, (void *)&from, length)), 6);
    CHECK("answer", RES(recv(client, buffer, 10, 0)), 6);
    CHECK("empty message", RES(sendto(server, "", 0, 0, (void *)&from, length)), 0);
    CHECK("empty message", RES(recv(client, buffer, 10, MSG_DONTWAIT)), 0);
    CHECK("nothing", RES(recv(client, buffer, 10, MSG_DONTWAIT)), -EAGAIN);
    send_to(client, "server", 0);
    CHECK("read of 0 takes nothing", RES(read(server, buffer, 0)), 0);
    CHECK("recv of 0 takes it", RES(recv(server, buffer, 0, MSG_DONTWAIT)), 0);
    CHECK("gone", RES(recv(server, buffer, 10, MSG_DONTWAIT)), -EAGAIN);
    send_to(client, "server", 0);
    CHECK("bad destination", RES(recv(server, (void *)8, 10, 0)), -EFAULT);
    CHECK("it is lost", RES(recv(server, buffer, 10, MSG_DONTWAIT)), -EAGAIN);
    CHECK("to itself", RES(send_to(server, "server", 0)), 7);
    CHECK("from itself", RES(recv(server, buffer, 10, 0)), 7);
    send_to(client, "server", 0);
    close(client);
    length = sizeof from;
    CHECK("sender that is gone", RES(recvfrom(server, buffer, 10, 0, (void *)&from, &length)), 7);
    CHECK("its name", memcmp(&from, &own, size_of("client")), 0);
    struct sockaddr_un wrong = {AF_INET, "x"};
    CHECK("other family", RES(sendto(server, "x", 1, 0, (void *)&wrong, sizeof wrong)), -EINVAL);
    CHECK("short address", RES(sendto(server, "x", 1, 0, (void *)&wrong, 2)), -EINVAL);
    CHECK("long address", RES(sendto(server, "x", 1, 0, (void *)&wrong, sizeof wrong + 1)), -EINVAL);
    CHECK("address of length 0", RES(sendto(server, "x", 1, 0, (void *)&wrong, 0)), -ENOTCONN);
    int stream = socket(AF_UNIX, SOCK_STREAM, 0);
    struct sockaddr_un path = {AF_UNIX, "stream"};
    bind(stream, (void *)&path, sizeof path);
    CHECK("another kind", RES(sendto(server, "x", 1, 0, (void *)&path, sizeof path)), -EPROTOTYPE);
    unlink("stream");
    CHECK("no file", RES(sendto(server, "x", 1, 0, (void *)&path, sizeof path)), -ENOENT);
    close(stream);
    close(server);
}

static void sizes(void)
{
    int ends[2], size = 0;
    socketpair(AF_UNIX, SOCK_DGRAM, 0, ends);
    socklen_t length = sizeof size;
    getsockopt(ends[0], SOL_SOCKET, SO_SNDBUF, &size, &length);
    char *large = malloc(size);
    memset(large, 'L', size);
    CHECK("too large", RES(send(ends[0], large, size - 31, 0)), -EMSGSIZE);
    large[100000] = 'X';
    CHECK("large", RES(send(ends[0], large, 150001, 0)), 150001);
    char *got = calloc(1, size);
    CHECK("large", RES(recv(ends[1], got, size, 0)), 150001);
    CHECK("all bytes", memcmp(got, large, 150001), 0);
    CHECK("large, in parts", RES(writev(ends[0], (struct iovec[]){{large, 5000}, {NULL, 0}, {large + 99990, 20}}, 3)), 5020);
    CHECK("large, in parts", RES(readv(ends[1], (struct iovec[]){{got, 10}, {got + 10, 4990}, {buffer, 100}}, 3)), 5020);
    CHECK("in its place", buffer[10], 'X');
    size = 10000;
    setsockopt(ends[0], SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
    CHECK("twice the size", RES(send(ends[0], large, 20001 - 32, 0)), -EMSGSIZE);
    CHECK("twice the size", RES(send(ends[0], large, 10000, 0)), 10000);
    close(ends[0]);
    close(ends[1]);
}

static void peers(void)
{
    int server = bound("server"), client = bound("client"), other = bound("other");
    CHECK("connect", RES(connect_to(client, "server")), 0);
    CHECK("connected to nobody", RES(connect_to(other, "nobody")), -ECONNREFUSED);
    CHECK("send", RES(send(client, "x", 1, 0)), 1);
    CHECK("sendto elsewhere", RES(send_to(client, "other", 0)), 7);
    CHECK("received there", RES(recv(other, buffer, 10, 0)), 7);
    CHECK("received", RES(recv(server, buffer, 10, 0)), 1);
    CHECK("others may not send to it", RES(send_to(other, "client", 0)), -EPERM);
    CHECK("nor connect", RES(connect_to(other, "client")), -EPERM);
    CHECK("its peer may", RES(send_to(server, "client", 0)), 7);
    CHECK("received", RES(recv(client, buffer, 10, 0)), 7);
    struct sockaddr_un name;
    socklen_t length = sizeof name;
    CHECK("peer's name", RES(getpeername(client, (void *)&name, &length)), 0);
    CHECK("peer's name", length, size_of("server"));
    CHECK("other peer", RES(connect_to(client, "other")), 0);
    CHECK("sent to it", RES(send(client, "y", 1, 0)), 1);
    CHECK("arrived", RES(recv(other, buffer, 10, MSG_DONTWAIT)), 1);
    struct sockaddr none = {AF_UNSPEC};
    CHECK("no peer", RES(connect(client, &none, sizeof none)), 0);
    CHECK("send", RES(send(client, "x", 1, 0)), -ENOTCONN);
    CHECK("getpeername", RES(getpeername(client, (void *)&name, &length)), -ENOTCONN);
    CHECK("anybody may send", RES(send_to(other, "client", 0)), 7);
    CHECK("received", RES(recv(client, buffer, 10, 0)), 7);

    connect_to(client, "server");
    close(server);
    CHECK("peer is gone", RES(send(client, "x", 1, 0)), -ECONNREFUSED);
    CHECK("and forgotten", RES(send(client, "x", 1, 0)), -ENOTCONN);
    server = bound("server");
    connect_to(client, "server");
    connect_to(server, "client");
    send(server, "unread", 6, 0);
    connect(client, &none, sizeof none);
    CHECK("what the peer had sent is lost", RES(recv(client, buffer, 10, MSG_DONTWAIT)), -EAGAIN);
    CHECK("which it learns", RES(recv(server, buffer, 10, MSG_DONTWAIT)), -ECONNRESET);
    CHECK("once", RES(recv(server, buffer, 10, MSG_DONTWAIT)), -EAGAIN);
    close(server);
    close(client);
    close(other);
}

static void halves(void)
{
    int ends[2];
    signal(SIGPIPE, SIG_DFL);
    socketpair(AF_UNIX, SOCK_DGRAM, 0, ends);
    CHECK("shutdown", RES(shutdown(ends[0], SHUT_WR)), 0);
    CHECK("send, and no signal", RES(send(ends[0], "x", 1, 0)), -EPIPE);
    CHECK("other direction", RES(send(ends[1], "x", 1, 0)), 1);
    CHECK("received", RES(recv(ends[0], buffer, 10, 0)), 1);
    CHECK("the peer is not told", RES(recv(ends[1], buffer, 10, MSG_DONTWAIT)), -EAGAIN);
    CHECK("shutdown", RES(shutdown(ends[0], SHUT_RD)), 0);
    CHECK("does not wait", RES(recv(ends[0], buffer, 10, MSG_DONTWAIT)), -EAGAIN);
    CHECK("waits for nothing", RES(recv(ends[0], buffer, 10, 0)), 0);
    CHECK("send to it", RES(send(ends[1], "x", 1, 0)), -EPIPE);
    close(ends[0]);
    CHECK("send to what is closed", RES(send(ends[1], "x", 1, 0)), -ECONNREFUSED);
    close(ends[1]);
}

static void flow(void)
{
    int server = bound("server"), client = socket(AF_UNIX, SOCK_DGRAM, 0), sent = 0;
    while (send_to(client, "server", MSG_DONTWAIT) == 7)
        sent++;
    CHECK("full", errno, EAGAIN);
    CHECK("how many", sent, 11);
    CHECK("another one, too", RES(send_to(bound("third"), "server", MSG_DONTWAIT)), -EAGAIN);
    CHECK("itself not", RES(send_to(server, "server", MSG_DONTWAIT)), 7);
    struct timeval patience = {0, 30000};
    setsockopt(client, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    long start = milliseconds();
    CHECK("after a while", RES(send_to(client, "server", 0)), -EAGAIN);
    CHECK("it waited", milliseconds() - start >= 29, 1);
    if (fork() == 0) {
        usleep(10000);
        for (int i = 0; i < 3; i++)
            recv(server, buffer, 10, 0);
        _exit(0);
    }
    CHECK("when there is room", RES(send_to(client, "server", 0)), 7);
    wait(NULL);
    while (send_to(client, "server", MSG_DONTWAIT) == 7);
    patience.tv_usec = 0;
    setsockopt(client, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    pid_t closer = fork();
    if (closer == 0) {
        close(server);
        usleep(10000);
        CHECK("receiver that goes", RES(send_to(client, "server", 0)), -ECONNREFUSED);
        _exit(bad);
    }
    usleep(30000);
    close(server);
    int state;
    waitpid(closer, &state, 0);
    CHECK("sender was woken", state, 0);

    int ends[2];
    socketpair(AF_UNIX, SOCK_DGRAM, 0, ends);
    sent = 0;
    while (send(ends[0], "message", 7, MSG_DONTWAIT) == 7)
        sent++;
    CHECK("a peer may send more", sent > 11, 1);
    CHECK("until its buffer is full", errno, EAGAIN);
    CHECK("received", RES(recv(ends[1], buffer, 10, 0)), 7);
    CHECK("room for one", RES(send(ends[0], "message", 7, MSG_DONTWAIT)), 7);
    close(ends[0]);
    close(ends[1]);
}

int main(void)
{
    messages();
    sizes();
    peers();
    halves();
    flow();
    DONE();
}
