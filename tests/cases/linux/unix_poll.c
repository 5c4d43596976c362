/* What sockets of AF_UNIX are ready for, and when epoll tells of it once (EPOLLET). */
#include "case.h"

#define BASIC (POLLIN | POLLRDNORM | POLLRDBAND | POLLOUT | POLLWRNORM | POLLWRBAND | POLLPRI | POLLRDHUP)
#define CAN_READ (POLLIN | POLLRDNORM)
#define CAN_WRITE (POLLOUT | POLLWRNORM | POLLWRBAND)

static char buffer[4096];

static int ready(int fd)
{
    struct pollfd record = {fd, (short)BASIC};
    poll(&record, 1, 0);
    return record.revents;
}

static void pairs(int type)
{
    int ends[2];
    socketpair(AF_UNIX, type, 0, ends);
    CHECK("empty", ready(ends[0]), CAN_WRITE);
    send(ends[1], "x", 1, 0);
    CHECK("a message", ready(ends[0]), CAN_READ | CAN_WRITE);
    recv(ends[0], buffer, 1, 0);
    shutdown(ends[1], SHUT_WR);
    CHECK("the other half has ended", ready(ends[0]), CAN_READ | CAN_WRITE | POLLRDHUP);
    CHECK("own half has ended", ready(ends[1]), CAN_WRITE);
    shutdown(ends[1], SHUT_RD);
    CHECK("both", ready(ends[0]), CAN_READ | CAN_WRITE | POLLRDHUP | POLLHUP);
    CHECK("both", ready(ends[1]), CAN_READ | CAN_WRITE | POLLRDHUP | POLLHUP);
    close(ends[0]);
    close(ends[1]);
    socketpair(AF_UNIX, type, 0, ends);
    close(ends[1]);
    CHECK("closed", ready(ends[0]), CAN_READ | CAN_WRITE | POLLRDHUP | POLLHUP);
    close(ends[0]);
    socketpair(AF_UNIX, type, 0, ends);
    send(ends[0], "x", 1, 0);
    close(ends[1]);
    CHECK("closed with something unread", ready(ends[0]), CAN_READ | CAN_WRITE | POLLRDHUP | POLLHUP | POLLERR);
    recv(ends[0], buffer, 1, 0);
    CHECK("error was told", ready(ends[0]), CAN_READ | CAN_WRITE | POLLRDHUP | POLLHUP);
    close(ends[0]);
    socketpair(AF_UNIX, type, 0, ends);
    while (send(ends[0], buffer, sizeof buffer, MSG_DONTWAIT) > 0);
    CHECK("full", ready(ends[0]), 0);
    int steps = 0;
    while (ready(ends[0]) == 0 && recv(ends[1], buffer, sizeof buffer, MSG_DONTWAIT) > 0)
        steps++;
    CHECK("a quarter is left", steps > 3, 1);
    CHECK("can be written", ready(ends[0]), CAN_WRITE);
    CHECK("not all was read", ready(ends[1]) & POLLIN, POLLIN);
    close(ends[0]);
    close(ends[1]);
}

static void connections(int type)
{
    struct sockaddr_un name = {AF_UNIX, "\0polled"};
    int server = socket(AF_UNIX, type, 0), client = socket(AF_UNIX, type, 0);
    CHECK("not connected", ready(client), CAN_WRITE | POLLHUP);
    bind(server, (void *)&name, 9);
    CHECK("bound", ready(server), CAN_WRITE | POLLHUP);
    listen(server, 1);
    CHECK("listening", ready(server), 0);
    connect(client, (void *)&name, 9);
    CHECK("connected", ready(client), CAN_WRITE);
    CHECK("a connection", ready(server), CAN_READ);
    int served = accept(server, NULL, NULL);
    CHECK("accepted", ready(server), 0);
    CHECK("accepted", ready(served), CAN_WRITE);
    close(client);
    CHECK("client is gone", ready(served), CAN_READ | CAN_WRITE | POLLRDHUP | POLLHUP);
    shutdown(server, SHUT_RD);
    CHECK("no more connections", ready(server), CAN_READ | POLLRDHUP);
    close(server);
    close(served);
}

static void datagrams(void)
{
    struct sockaddr_un name = {AF_UNIX, "\0polled"};
    int server = socket(AF_UNIX, SOCK_DGRAM, 0), client = socket(AF_UNIX, SOCK_DGRAM, 0), ends[2];
    CHECK("new", ready(client), CAN_WRITE);
    bind(server, (void *)&name, 9);
    connect(client, (void *)&name, 9);
    CHECK("connected", ready(client), CAN_WRITE);
    while (send(client, "x", 1, MSG_DONTWAIT) > 0);
    CHECK("the peer's queue is full", ready(client), 0);
    recv(server, buffer, 1, 0);
    CHECK("room for one", ready(client), CAN_WRITE);
    while (send(client, "x", 1, MSG_DONTWAIT) > 0);
    if (fork() == 0) {
        usleep(20000);
        recv(server, buffer, 1, 0);
        _exit(0);
    }
    struct pollfd record = {client, POLLOUT};
    CHECK("woken by room", poll(&record, 1, 2000), 1);
    wait(NULL);
    while (send(client, "x", 1, MSG_DONTWAIT) > 0);
    if (fork() == 0) {
        close(server);
        usleep(20000);
        _exit(0);
    }
    pid_t waiter = fork();
    if (waiter == 0) {
        close(server);
        _exit(poll(&record, 1, 2000) != 1);
    }
    usleep(10000);
    close(server);
    int state;
    waitpid(waiter, &state, 0);
    CHECK("woken by a peer that goes", state, 0);
    wait(NULL);
    close(client);
    socketpair(AF_UNIX, SOCK_DGRAM, 0, ends);
    shutdown(ends[0], SHUT_WR);
    CHECK("one half", ready(ends[0]), CAN_WRITE);
    CHECK("the peer is not told", ready(ends[1]), CAN_WRITE);
    shutdown(ends[0], SHUT_RD);
    CHECK("both halves", ready(ends[0]), CAN_READ | CAN_WRITE | POLLRDHUP | POLLHUP);
    close(ends[0]);
    CHECK("closed", ready(ends[1]), CAN_WRITE);
    close(ends[1]);
}

/* What epoll tells of the only file in it, without waiting: 0 for nothing. */
static int told(int epoll)
{
    struct epoll_event event = {0};
    return epoll_wait(epoll, &event, 1, 0) == 1 ? event.events : 0;
}

static void edges(void)
{
    int ends[2];
    for (int type = SOCK_STREAM; type <= SOCK_DGRAM; type++) {
        int both = epoll_create1(0), input = epoll_create1(0), output = epoll_create1(0);
        socketpair(AF_UNIX, type, 0, ends);
        struct epoll_event event = {EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET};
        epoll_ctl(both, EPOLL_CTL_ADD, ends[0], &event);
        event.events = EPOLLIN | EPOLLET;
        epoll_ctl(input, EPOLL_CTL_ADD, ends[0], &event);
        event.events = EPOLLOUT | EPOLLET;
        epoll_ctl(output, EPOLL_CTL_ADD, ends[0], &event);
        CHECK("at first", told(both), EPOLLOUT);
        CHECK("once", told(both), 0);
        CHECK("nothing to read", told(input), 0);
        CHECK("to write", told(output), EPOLLOUT);
        send(ends[1], "abcd", 4, 0);
        CHECK("arrived", told(both), EPOLLIN | EPOLLOUT);
        CHECK("once", told(both), 0);
        CHECK("arrived", told(input), EPOLLIN);
        CHECK("once", told(input), 0);
        CHECK("not for who writes", told(output), 0);
        send(ends[1], "more", 4, 0);
        CHECK("more arrived", told(both), EPOLLIN | EPOLLOUT);
        CHECK("more arrived", told(input), EPOLLIN);
        recv(ends[0], buffer, 2, 0);
        CHECK("reading is no event", told(both), 0);
        CHECK("reading is no event", told(input), 0);
        send(ends[0], "abcd", 4, 0);
        CHECK("sending is no event", told(both), 0);
        recv(ends[1], buffer, 4, 0);
        CHECK("received there: room", told(output), EPOLLOUT);
        CHECK("received there: room", told(both), EPOLLIN | EPOLLOUT);
        CHECK("not for who reads", told(input), 0);
        while (send(ends[0], buffer, sizeof buffer, MSG_DONTWAIT) > 0);
        recv(ends[1], buffer, sizeof buffer, 0);
        CHECK("room, but not enough", told(output), 0);
        while (recv(ends[1], buffer, sizeof buffer, MSG_DONTWAIT) > 0);
        CHECK("enough room", told(output), EPOLLOUT);
        CHECK("once", told(output), 0);
        close(ends[1]);
        CHECK("closed", told(input), type == SOCK_STREAM ? EPOLLIN | EPOLLHUP : 0);
        close(ends[0]);
        close(both);
        close(input);
        close(output);
    }
    socketpair(AF_UNIX, SOCK_STREAM, 0, ends);
    int epoll = epoll_create1(0);
    struct epoll_event event = {EPOLLIN};
    epoll_ctl(epoll, EPOLL_CTL_ADD, ends[0], &event);
    if (fork() == 0) {
        usleep(20000);
        write(ends[1], "x", 1);
        _exit(0);
    }
    CHECK("woken", epoll_wait(epoll, &event, 1, 2000), 1);
    wait(NULL);
    fd_set reads, writes, excepts;
    FD_ZERO(&reads);
    FD_ZERO(&writes);
    FD_ZERO(&excepts);
    FD_SET(ends[0], &reads);
    FD_SET(ends[0], &writes);
    FD_SET(ends[0], &excepts);
    CHECK("select", select(ends[0] + 1, &reads, &writes, &excepts, &(struct timeval){0}), 2);
    close(epoll);
}

int main(void)
{
    signal(SIGPIPE, SIG_IGN);
    pairs(SOCK_STREAM);
    pairs(SOCK_SEQPACKET);
    connections(SOCK_STREAM);
    connections(SOCK_SEQPACKET);
    datagrams();
    edges();
    DONE();
}
