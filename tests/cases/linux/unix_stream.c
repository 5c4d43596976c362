/* A stream of AF_UNIX: bytes in order without borders, halves that end one by one, and what a peer that is gone leaves
   behind: the end, EPIPE with SIGPIPE, or ECONNRESET when it had not received all. */
#include "case.h"

static volatile int pipes;
static void on_pipe(int number) { pipes++; }
static int a, b;
static char buffer[4096];

static void make_pair(int flags)
{
    int ends[2];
    CHECK("socketpair", RES(socketpair(AF_UNIX, SOCK_STREAM | flags, 0, ends)), 0);
    a = ends[0];
    b = ends[1];
}

static void close_pair(void)
{
    close(a);
    close(b);
}

static void bytes(void)
{
    make_pair(0);
    CHECK("send", RES(send(a, "hello", 5, 0)), 5);
    CHECK("write", RES(write(a, "world", 5)), 5);
    CHECK("peek", RES(recv(b, buffer, 3, MSG_PEEK)), 3);
    CHECK("peek over both", RES(recv(b, buffer, 100, MSG_PEEK)), 10);
    CHECK("peeked", memcmp(buffer, "helloworld", 10), 0);
    CHECK("part", RES(read(b, buffer, 3)), 3);
    CHECK("over the border", RES(recv(b, buffer, 4, 0)), 4);
    CHECK("bytes", memcmp(buffer, "lowo", 4), 0);
    CHECK("MSG_TRUNC changes nothing", RES(recv(b, buffer, 2, MSG_TRUNC)), 2);
    CHECK("bytes", memcmp(buffer, "rl", 2), 0);
    CHECK("read of 0", RES(read(b, buffer, 0)), 0);
    CHECK("recv of 0", RES(recv(b, buffer, 0, 0)), 0);
    CHECK("rest", RES(recv(b, buffer, 100, MSG_DONTWAIT)), 1);
    CHECK("nothing", RES(recv(b, buffer, 1, MSG_DONTWAIT)), -EAGAIN);
    CHECK("read of 0, nothing there", RES(read(b, buffer, 0)), 0);
    CHECK("send of 0", RES(send(a, "", 0, 0)), 0);
    CHECK("still nothing", RES(recv(b, buffer, 1, MSG_DONTWAIT)), -EAGAIN);
    CHECK("other direction", RES(send(b, "x", 1, 0)), 1);
    CHECK("other direction", RES(recv(a, buffer, 9, 0)), 1);
    CHECK("bad source", RES(send(a, (void *)8, 10, 0)), -EFAULT);
    send(a, "yz", 2, 0);
    CHECK("bad destination", RES(recv(b, (void *)8, 10, 0)), -EFAULT);
    CHECK("nothing was lost", RES(recv(b, buffer, 10, 0)), 2);
    CHECK("MSG_OOB of nothing", RES(recv(b, buffer, 1, MSG_OOB)) < 0, 1);
    struct sockaddr_un name = {AF_UNIX, "/nowhere"};
    CHECK("address", RES(sendto(a, "x", 1, 0, (void *)&name, sizeof name)), -EISCONN);
    CHECK("address of length 0", RES(sendto(a, "x", 1, 0, (void *)&name, 0)), 1);
    socklen_t length = sizeof name;
    CHECK("recvfrom", RES(recvfrom(b, buffer, 1, 0, (void *)&name, &length)), 1);
    CHECK("no name", length, 0);
    close_pair();
}

static void many_bytes(void)
{
    make_pair(0);
    pid_t child = fork();
    if (child == 0) {
        close(a);
        static unsigned char got[70001];
        long total = 0, wrong = 0, count;
        while ((count = read(b, got, sizeof got)) > 0)
            for (long i = 0; i < count; i++, total++)
                wrong += got[i] != total % 251;
        _exit(total != 3000000 || wrong != 0);
    }
    close(b);
    static unsigned char sent[3000000];
    for (long i = 0; i < 3000000; i++)
        sent[i] = i % 251;
    long done = 0;
    for (long step = 1; done < 3000000; step = step * 3 + 1) {
        long length = step < 3000000 - done ? step : 3000000 - done;
        long count = write(a, sent + done, length);
        if (count != length) {
            CHECK("whole write", count, length);
            break;
        }
        done += count;
    }
    close(a);
    int state;
    waitpid(child, &state, 0);
    CHECK("all bytes arrived in order", state, 0);
}

static void waiting(void)
{
    make_pair(0);
    IN_CHILD({
        if (fork() == 0) {
            usleep(20000);
            write(a, "ab", 2);
            usleep(20000);
            write(a, "cd", 2);
            usleep(20000);
            write(a, "ef", 2);
            _exit(0);
        }
        CHECK("wait for all", RES(recv(b, buffer, 5, MSG_WAITALL)), 5);
        CHECK("bytes", memcmp(buffer, "abcde", 5), 0);
        CHECK("wait", RES(recv(b, buffer, 5, 0)), 1);
    });
    write(a, "xy", 2);
    shutdown(a, SHUT_WR);
    CHECK("MSG_WAITALL to the end", RES(recv(b, buffer, 5, MSG_WAITALL)), 2);
    CHECK("end", RES(recv(b, buffer, 5, MSG_WAITALL)), 0);
    close_pair();

    make_pair(0);
    int size = 8;
    setsockopt(b, SOL_SOCKET, SO_RCVLOWAT, &size, sizeof size);
    write(a, "1234", 4);
    if (fork() == 0) {
        usleep(20000);
        write(a, "56789", 5);
        _exit(0);
    }
    CHECK("SO_RCVLOWAT", RES(recv(b, buffer, 20, 0)), 9);
    wait(NULL);
    close_pair();

    make_pair(SOCK_NONBLOCK);
    long total = 0, count;
    while ((count = send(a, buffer, sizeof buffer, 0)) > 0)
        total += count;
    CHECK("full", count < 0 && errno == EAGAIN, 1);
    CHECK("what fits", total > 100000 && total < 300000, 1);
    CHECK("one more byte", RES(send(a, "x", 1, 0)), -EAGAIN);
    fcntl(a, F_SETFL, 0);
    CHECK("MSG_DONTWAIT", RES(send(a, "x", 1, MSG_DONTWAIT)), -EAGAIN);
    if (fork() == 0) {
        usleep(20000);
        long got = 0;
        while (got < total)
            got += recv(b, buffer, sizeof buffer, 0);
        _exit(0);
    }
    CHECK("wait for room", RES(send(a, "x", 1, 0)), 1);
    wait(NULL);
    close_pair();
}

static void halves(void)
{
    make_pair(0);
    write(a, "last", 4);
    CHECK("how", RES(shutdown(a, 3)), -EINVAL);
    CHECK("how", RES(shutdown(a, -1)), -EINVAL);
    CHECK("shutdown", RES(shutdown(a, SHUT_WR)), 0);
    CHECK("again", RES(shutdown(a, SHUT_WR)), 0);
    CHECK("send after the end", RES(send(a, "x", 1, MSG_NOSIGNAL)), -EPIPE);
    CHECK("no signal", pipes, 0);
    CHECK("send of 0 after the end", RES(send(a, "", 0, MSG_NOSIGNAL)), -EPIPE);
    CHECK("what was sent", RES(read(b, buffer, 10)), 4);
    CHECK("end", RES(read(b, buffer, 10)), 0);
    CHECK("other direction", RES(write(b, "back", 4)), 4);
    CHECK("other direction", RES(read(a, buffer, 10)), 4);
    write(b, "kept", 4);
    CHECK("shutdown", RES(shutdown(a, SHUT_RD)), 0);
    CHECK("what was there", RES(recv(a, buffer, 10, MSG_DONTWAIT)), 4);
    CHECK("end here", RES(recv(a, buffer, 10, MSG_DONTWAIT)), 0);
    CHECK("write", RES(write(b, "x", 1)), -EPIPE);
    CHECK("signal", pipes, 1);
    CHECK("writev", RES(writev(b, &(struct iovec){"x", 1}, 1)), -EPIPE);
    CHECK("signal", pipes, 2);
    CHECK("send", RES(send(b, "x", 1, 0)), -EPIPE);
    CHECK("signal", pipes, 3);
    close_pair();

    int lone = socket(AF_UNIX, SOCK_STREAM, 0);
    CHECK("without a connection", RES(shutdown(lone, SHUT_RDWR)), 0);
    CHECK("send", RES(send(lone, "x", 1, 0)), -ENOTCONN);
    CHECK("recv", RES(recv(lone, buffer, 1, 0)), -EINVAL);
    CHECK("write", RES(write(lone, "x", 1)), -ENOTCONN);
    CHECK("read", RES(read(lone, buffer, 1)), -EINVAL);
    struct sockaddr_un name = {AF_UNIX, "/nowhere"};
    CHECK("sendto", RES(sendto(lone, "x", 1, 0, (void *)&name, sizeof name)), -EOPNOTSUPP);
    close(lone);
}

static void gone(void)
{
    pipes = 0;
    make_pair(0);
    write(b, "left", 4);
    close(b);
    CHECK("what was sent", RES(read(a, buffer, 10)), 4);
    CHECK("end", RES(read(a, buffer, 10)), 0);
    CHECK("write", RES(write(a, "x", 1)), -EPIPE);
    CHECK("signal", pipes, 1);
    close(a);

    make_pair(0);
    write(a, "unread", 6);
    write(b, "answer", 6);
    close(b);
    CHECK("what was sent", RES(read(a, buffer, 10)), 6);
    CHECK("unread", RES(read(a, buffer, 10)), -ECONNRESET);
    CHECK("then the end", RES(read(a, buffer, 10)), 0);
    close(a);

    make_pair(0);
    write(a, "unread", 6);
    close(b);
    int error = 0;
    socklen_t length = sizeof error;
    CHECK("SO_ERROR", RES(getsockopt(a, SOL_SOCKET, SO_ERROR, &error, &length)), 0);
    CHECK("SO_ERROR", error, ECONNRESET);
    getsockopt(a, SOL_SOCKET, SO_ERROR, &error, &length);
    CHECK("once", error, 0);
    CHECK("end", RES(read(a, buffer, 10)), 0);
    CHECK("send", RES(send(a, "x", 1, MSG_NOSIGNAL)), -EPIPE);
    close(a);

    make_pair(0);
    if (fork() == 0) {
        close(a);
        usleep(20000);
        _exit(0);
    }
    close(b);
    CHECK("wait for the end", RES(read(a, buffer, 10)), 0);
    wait(NULL);
    close(a);
}

int main(void)
{
    signal(SIGPIPE, on_pipe);
    bytes();
    many_bytes();
    waiting();
    halves();
    gone();
    DONE();
}
