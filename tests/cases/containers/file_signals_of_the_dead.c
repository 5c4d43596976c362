/* Receivers of the signals of open files, leases and notices, whose container, or that of the file, is destroyed.
   arguments: receiver | file */
#include "container.h"

static volatile int count;
static void note(int signal) { count++; }
static char *const as_receiver[] = {"/bin/case-containers-file_signals_of_the_dead", "inside-receiver", NULL};
static char *const as_file[] = {"/bin/case-containers-file_signals_of_the_dead", "inside-file", NULL};

/* Descriptors 5 and 6 are a pipe, 7 a file and 8 its directory, all of the container outside: be told of all. */
static int receive(void)
{
    signal(SIGIO, note);
    fcntl(5, F_SETOWN, getpid());
    fcntl(5, F_SETFL, O_ASYNC);
    CHECK("a lease", RES(fcntl(7, F_SETLEASE, F_RDLCK)), 0);
    CHECK("a notice", RES(fcntl(8, F_NOTIFY, DN_CREATE | DN_MULTISHOT)), 0);
    write(6, "x", 1);
    CHECK("told", count, 1);
    close(9);
    pause();
    DONE();
}

/* Make a pipe and a file, and give them to whoever is at the other end of 5. */
static int give(void)
{
    int ends[2], made[4];
    pipe(ends);
    made[0] = ends[0];
    made[1] = ends[1];
    made[2] = open("/given", O_CREAT | O_RDONLY, 0666);
    made[3] = open("/", O_RDONLY);
    char byte = 0, room[CMSG_SPACE(sizeof made)];
    struct iovec part = {&byte, 1};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = room, .msg_controllen = sizeof room};
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    *header = (struct cmsghdr){CMSG_LEN(sizeof made), SOL_SOCKET, SCM_RIGHTS};
    memcpy(CMSG_DATA(header), made, sizeof made);
    CHECK("sent", RES(sendmsg(5, &message, 0)), 1);
    pause();
    DONE();
}

static int outside_receiver(void)
{
    int ends[2], told[2];
    pipe(ends);
    pipe(told);
    int file = open("/tmp/leased", O_CREAT | O_RDONLY, 0666), directory = open("/tmp", O_RDONLY);
    struct fd_pair pairs[] = {{1, 1}, {ends[0], 5}, {ends[1], 6}, {file, 7}, {directory, 8}, {told[1], 9}};
    int container = create_container("/", 0, 0);
    CHECK("runs", run_in_container(container, as_receiver, pairs, 6) >= 0, 1);
    close(told[1]);
    char byte;
    CHECK("is ready", RES(read(told[0], &byte, 1)), 0);
    CHECK("not the receiver of this container", fcntl(ends[0], F_GETOWN), 0);
    CHECK("O_ASYNC is on", fcntl(ends[0], F_GETFL) & O_ASYNC, O_ASYNC);
    CHECK("the lease is", fcntl(file, F_GETLEASE), F_RDLCK);
    CHECK("destroyed", destroy_container(container) >= 0, 1);
    CHECK("written", RES(write(ends[1], "x", 1)), 1);
    mkdir("/tmp/made", 0700);
    CHECK("nobody gives the lease up", RES(open("/tmp/leased", O_WRONLY | O_NONBLOCK)), -EWOULDBLOCK);
    CHECK("but who has the file", RES(fcntl(file, F_SETLEASE, F_UNLCK)), 0);
    CHECK("it is free", RES(open("/tmp/leased", O_WRONLY | O_NONBLOCK)) >= 0, 1);
    DONE();
}

static int outside_file(void)
{
    int pair[2], made[4];
    socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
    struct fd_pair pairs[] = {{1, 1}, {pair[1], 5}};
    int container = create_container("/", 0, 0);
    CHECK("runs", run_in_container(container, as_file, pairs, 2) >= 0, 1);
    char byte, room[CMSG_SPACE(sizeof made)];
    struct iovec part = {&byte, 1};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = room, .msg_controllen = sizeof room};
    CHECK("received", RES(recvmsg(pair[0], &message, 0)), 1);
    memcpy(made, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof made);
    signal(SIGIO, note);
    CHECK("a receiver", RES(fcntl(made[0], F_SETOWN, getpid())), 0);
    CHECK("O_ASYNC", RES(fcntl(made[0], F_SETFL, O_ASYNC)), 0);
    CHECK("a lease", RES(fcntl(made[2], F_SETLEASE, F_RDLCK)), 0);
    CHECK("a notice", RES(fcntl(made[3], F_NOTIFY, DN_CREATE | DN_MULTISHOT)), 0);
    write(made[1], "x", 1);
    CHECK("told", count, 1);
    CHECK("destroyed", destroy_container(container) >= 0, 1);
    CHECK("the file is dead", RES(read(made[0], &byte, 1)), -EIO);
    CHECK("no receiver", RES(fcntl(made[0], F_SETOWN, getpid())), -EIO);
    CHECK("nor O_ASYNC", fcntl(made[0], F_SETFL, O_ASYNC) == 0 || errno == EIO, 1);
    CHECK("nor a lease", RES(fcntl(made[2], F_SETLEASE, F_RDLCK)) < 0, 1);
    CHECK("nor a notice", RES(fcntl(made[3], F_NOTIFY, DN_CREATE)) < 0, 1);
    DONE();
}

int main(int argc, char **argv)
{
    if (strcmp(argv[1], "inside-receiver") == 0) return receive();
    if (strcmp(argv[1], "inside-file") == 0) return give();
    return strcmp(argv[1], "receiver") == 0 ? outside_receiver() : outside_file();
}
