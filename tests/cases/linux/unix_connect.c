/* Connections of AF_UNIX: listen, connect and accept, with all that can be in their way; who waits, and where. */
#include "case.h"

static struct sockaddr_un address(const char *path)
{
    struct sockaddr_un made = {AF_UNIX};
    strcpy(made.sun_path, path);
    return made;
}

static int connect_to(int fd, const char *path)
{
    struct sockaddr_un to = address(path);
    return connect(fd, (void *)&to, sizeof to);
}

static int listening(const char *path, int type, int backlog)
{
    struct sockaddr_un at = address(path);
    int fd = socket(AF_UNIX, type, 0);
    unlink(path);
    CHECK("bind", RES(bind(fd, (void *)&at, sizeof at)), 0);
    CHECK("listen", RES(listen(fd, backlog)), 0);
    return fd;
}

static int acceptconn(int fd)
{
    int value = -1;
    socklen_t length = sizeof value;
    getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &value, &length);
    return value;
}

static void errors(void)
{
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    CHECK("no such file", RES(connect_to(fd, "none")), -ENOENT);
    close(open("plain", O_CREAT | O_RDWR, 0600));
    CHECK("a file", RES(connect_to(fd, "plain")), -ECONNREFUSED);
    CHECK("a folder", RES(connect_to(fd, ".")), -ECONNREFUSED);
    CHECK("not bound", RES(listen(fd, 1)), -EINVAL);
    CHECK("accept", RES(accept(fd, NULL, NULL)), -EINVAL);
    struct sockaddr_un at = address("bound");
    int bound = socket(AF_UNIX, SOCK_STREAM, 0);
    bind(bound, (void *)&at, sizeof at);
    CHECK("not listening", RES(connect_to(fd, "bound")), -ECONNREFUSED);
    int datagram = socket(AF_UNIX, SOCK_DGRAM, 0);
    CHECK("another kind", RES(connect_to(datagram, "bound")), -EPROTOTYPE);
    close(bound);
    CHECK("nobody", RES(connect_to(fd, "bound")), -ECONNREFUSED);
    at.sun_family = AF_UNSPEC;
    CHECK("AF_UNSPEC", RES(connect(fd, (void *)&at, sizeof at)), -EINVAL);
    at.sun_family = AF_UNIX;
    CHECK("too short", RES(connect(fd, (void *)&at, 2)), -EINVAL);
    CHECK("too long", RES(connect(fd, (void *)&at, sizeof at + 1)), -EINVAL);
    CHECK("bad address", RES(connect(fd, (void *)8, 10)), -EFAULT);
    struct sockaddr_un abstract = {AF_UNIX, "\0nobody"};
    CHECK("abstract", RES(connect(fd, (void *)&abstract, 9)), -ECONNREFUSED);
    unlink("plain");
    unlink("bound");

    int ends[2];
    socketpair(AF_UNIX, SOCK_STREAM, 0, ends);
    CHECK("listen of a pair", RES(listen(ends[0], 1)), -EINVAL);
    CHECK("accept of a pair", RES(accept(ends[0], NULL, NULL)), -EINVAL);
    CHECK("datagram", RES(listen(datagram, 1)), -EOPNOTSUPP);
    CHECK("datagram", RES(accept(datagram, NULL, NULL)), -EOPNOTSUPP);

    int server = listening("server", SOCK_STREAM, 1);
    CHECK("pair", RES(connect_to(ends[0], "server")), -EISCONN);
    CHECK("listener itself", RES(connect_to(server, "server")), -EINVAL);
    chmod("server", 0555);
    chmod(".", 0755);
    IN_CHILD({
        become(1000);
        CHECK("without the right to write", RES(connect_to(fd, "server")), -EACCES);
    });
    chmod("server", 0777);
    CHECK("connect", RES(connect_to(fd, "server")), 0);
    CHECK("again", RES(connect_to(fd, "server")), -EISCONN);
    CHECK("nowhere", RES(connect_to(fd, "none")), -ENOENT);
    CHECK("listen when connected", RES(listen(fd, 1)), -EINVAL);
    CHECK("send to a listener", RES(send(server, "x", 1, MSG_NOSIGNAL)), -ENOTCONN);
    char byte;
    CHECK("receive from a listener", RES(recv(server, &byte, 1, 0)), -EINVAL);
    close(server);
    close(fd);
    close(ends[0]);
    close(ends[1]);
    unlink("server");
}

static void life(int type)
{
    char buffer[16];
    int server = listening("server", type, 5);
    CHECK("SO_ACCEPTCONN", acceptconn(server), 1);
    int client = socket(AF_UNIX, type, 0);
    CHECK("SO_ACCEPTCONN", acceptconn(client), 0);
    struct sockaddr_un own = {AF_UNIX, "\0client"};
    bind(client, (void *)&own, 9);
    CHECK("connect", RES(connect_to(client, "server")), 0);
    CHECK("send before it is accepted", RES(send(client, "early", 5, 0)), 5);
    struct sockaddr_un peer;
    socklen_t length = sizeof peer;
    int served = accept(server, (void *)&peer, &length);
    CHECK("accept", served >= 0, 1);
    CHECK("length of the client's name", length, 9);
    CHECK("name of the client", memcmp(peer.sun_path, "\0client", 7), 0);
    CHECK("received", RES(recv(served, buffer, 16, 0)), 5);
    CHECK("answer", RES(send(served, "yes", 3, 0)), 3);
    CHECK("received", RES(recv(client, buffer, 16, 0)), 3);
    length = sizeof peer;
    CHECK("own name of what was accepted", RES(getsockname(served, (void *)&peer, &length)), 0);
    CHECK("is the listener's", strcmp(peer.sun_path, "server"), 0);
    length = sizeof peer;
    CHECK("peer's name", RES(getpeername(client, (void *)&peer, &length)), 0);
    CHECK("is the listener's", strcmp(peer.sun_path, "server"), 0);
    CHECK("no flags", fcntl(served, F_GETFD) | (fcntl(served, F_GETFL) & O_NONBLOCK), 0);
    close(served);

    int second = socket(AF_UNIX, type, 0);
    connect_to(second, "server");
    length = sizeof peer;
    served = accept4(server, (void *)&peer, &length, SOCK_NONBLOCK | SOCK_CLOEXEC);
    CHECK("client without a name", length, 2);
    CHECK("SOCK_CLOEXEC", fcntl(served, F_GETFD), FD_CLOEXEC);
    CHECK("SOCK_NONBLOCK", fcntl(served, F_GETFL) & O_NONBLOCK, O_NONBLOCK);
    CHECK("does not wait", RES(recv(served, buffer, 16, 0)), -EAGAIN);
    close(served);
    close(second);

    second = socket(AF_UNIX, type, 0);
    connect_to(second, "server");
    send(second, "bye", 3, 0);
    close(second);
    served = accept(server, NULL, NULL);
    CHECK("client that is gone", served >= 0, 1);
    CHECK("what it sent", RES(recv(served, buffer, 16, 0)), 3);
    CHECK("end", RES(recv(served, buffer, 16, 0)), 0);
    close(served);

    second = socket(AF_UNIX, type, 0);
    connect_to(second, "server");
    fcntl(server, F_SETFL, O_NONBLOCK);
    length = sizeof peer;
    CHECK("bad address of the name", RES(accept(server, (void *)8, &length)), -EFAULT);
    CHECK("none left", RES(accept(server, NULL, NULL)), -EAGAIN);
    close(second);

    rename("server", "moved");
    second = socket(AF_UNIX, type, 0);
    CHECK("by the new name", RES(connect_to(second, "moved")), 0);
    link("moved", "linked");
    int third = socket(AF_UNIX, type, 0);
    CHECK("by another name", RES(connect_to(third, "linked")), 0);
    symlink("linked", "symbolic");
    int fourth = socket(AF_UNIX, type, 0);
    CHECK("by a symbolic link", RES(connect_to(fourth, "symbolic")), 0);
    unlink("moved");
    unlink("linked");
    unlink("symbolic");
    close(server);
    CHECK("not accepted any more", RES(recv(second, buffer, 16, 0)), -ECONNRESET);
    CHECK("then the end", RES(recv(second, buffer, 16, 0)), 0);
    CHECK("send", RES(send(third, "x", 1, MSG_NOSIGNAL)), type == SOCK_STREAM ? -EPIPE : -ECONNRESET);
    close(second);
    close(third);
    close(fourth);
    close(client);
}

static void lists(void)
{
    int server = listening("server", SOCK_STREAM, 1), clients[4];
    for (int i = 0; i < 4; i++)
        clients[i] = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
    CHECK("first", RES(connect_to(clients[0], "server")), 0);
    CHECK("second", RES(connect_to(clients[1], "server")), 0);
    CHECK("no room", RES(connect_to(clients[2], "server")), -EAGAIN);
    CHECK("a longer list", RES(listen(server, 2)), 0);
    CHECK("third", RES(connect_to(clients[2], "server")), 0);
    CHECK("no room", RES(connect_to(clients[3], "server")), -EAGAIN);
    fcntl(clients[3], F_SETFL, 0);
    struct timeval patience = {0, 30000};
    setsockopt(clients[3], SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    long start = milliseconds();
    CHECK("after a while", RES(connect_to(clients[3], "server")), -EAGAIN);
    CHECK("it waited", milliseconds() - start >= 29, 1);
    patience.tv_usec = 0;
    setsockopt(clients[3], SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    if (fork() == 0) {
        usleep(30000);
        _exit(accept(server, NULL, NULL) < 0);
    }
    CHECK("when one was accepted", RES(connect_to(clients[3], "server")), 0);
    wait(NULL);
    int lone = socket(AF_UNIX, SOCK_STREAM, 0);
    shutdown(server, SHUT_RD);
    CHECK("listener that stops", RES(connect_to(lone, "server")), -ECONNREFUSED);
    for (int i = 0; i < 3; i++)
        CHECK("those that wait", accept(server, NULL, NULL) >= 0, 1);
    CHECK("then no more", RES(accept(server, NULL, NULL)), -EINVAL);
    close(server);

    server = listening("server", SOCK_STREAM, 0);
    CHECK("backlog 0 is one", RES(connect_to(lone, "server")), 0);
    CHECK("backlog -1", RES(listen(server, -1)), 0);
    close(server);

    server = listening("server", SOCK_STREAM, 5);
    IN_CHILD({
        int client = socket(AF_UNIX, SOCK_STREAM, 0);
        if (fork() == 0) {
            usleep(30000);
            _exit(connect_to(client, "server"));
        }
        CHECK("accept waits", accept(server, NULL, NULL) >= 0, 1);
    });
    patience.tv_usec = 30000;
    setsockopt(server, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    start = milliseconds();
    CHECK("accept, after a while", RES(accept(server, NULL, NULL)), -EAGAIN);
    CHECK("it waited", milliseconds() - start >= 29, 1);
    unlink("server");
}

static void descriptors(void)
{
    int server = listening("server", SOCK_STREAM, 5), client = socket(AF_UNIX, SOCK_STREAM, 0);
    connect_to(client, "server");
    struct rlimit limit = {client + 1, client + 1}, before;
    getrlimit(RLIMIT_NOFILE, &before);
    limit.rlim_max = before.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    CHECK("no descriptor left", RES(accept(server, NULL, NULL)), -EMFILE);
    CHECK("socket", RES(socket(AF_UNIX, SOCK_STREAM, 0)), -EMFILE);
    int ends[2];
    CHECK("socketpair", RES(socketpair(AF_UNIX, SOCK_STREAM, 0, ends)), -EMFILE);
    setrlimit(RLIMIT_NOFILE, &before);
    CHECK("the connection has waited", accept(server, NULL, NULL) >= 0, 1);
    unlink("server");
}

int main(void)
{
    errors();
    life(SOCK_STREAM);
    life(SOCK_SEQPACKET);
    lists();
    descriptors();
    DONE();
}
