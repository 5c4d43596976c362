/* Abstract names belong to a container: the same name is free in another one, and leads nowhere else. What a passed
   socket is connected to stays what it is, and new sockets of the child are its own. */
#include "container.h"

static struct sockaddr_un name = {AF_UNIX, "\0one name"};
static const socklen_t size = 2 + 9;

static int child(void)
{
    int fd = socket(AF_UNIX, SOCK_STREAM, 0), server = socket(AF_UNIX, SOCK_STREAM, 0);
    char byte;
    CHECK("nobody has it here", RES(connect(fd, (void *)&name, size)), -ECONNREFUSED);
    CHECK("free", RES(bind(server, (void *)&name, size)), 0);
    listen(server, 1);
    CHECK("own one", RES(connect(fd, (void *)&name, size)), 0);
    CHECK("passed socket", RES(write(4, "x", 1)), 1);
    CHECK("passed socket", RES(read(4, &byte, 1)), 1);
    int accepted = accept(5, NULL, NULL);
    CHECK("accept at a passed listener", accepted >= 0, 1);
    CHECK("what was accepted", RES(read(accepted, &byte, 1)), 1);
    FILE *table = fopen("/proc/net/unix", "r");
    char line[256];
    int lines = 0, ours = 0;
    while (table != NULL && fgets(line, sizeof line, table) != NULL) {
        lines++;
        ours += strstr(line, "@one name") != NULL;
    }
    CHECK("sockets of this container, and the title", lines, 1 + 3);
    CHECK("its names: the listener and what waits at it", ours, 2);
    fflush(stdout);
    return bad != 0;
}

int main(int argc, char **argv)
{
    if (argc > 1)
        return child();
    int ends[2], server = socket(AF_UNIX, SOCK_STREAM, 0), client = socket(AF_UNIX, SOCK_STREAM, 0);
    socketpair(AF_UNIX, SOCK_STREAM, 0, ends);
    CHECK("bind", RES(bind(server, (void *)&name, size)), 0);
    listen(server, 4);
    CHECK("connect", RES(connect(client, (void *)&name, size)), 0);
    write(client, "y", 1);
    write(ends[0], "z", 1);
    int container = create_container("/", 0, 0);
    char *command[] = {argv[0], "child", NULL}, byte;
    struct fd_pair pairs[] = {{0, 0}, {1, 1}, {2, 2}, {ends[1], 4}, {server, 5}};
    int pidfd = run_in_container(container, command, pairs, 5);
    CHECK("run", pidfd >= 0, 1);
    CHECK("child", await(pidfd), 0);
    CHECK("from the child", RES(read(ends[0], &byte, 1)), 1);
    CHECK("accepted and closed there", RES(read(client, &byte, 1)), 0);
    CHECK("destroy", RES(destroy_container(container)), 0);
    CHECK("the pair works on", RES(write(ends[0], "a", 1)), 1);
    CHECK("the pair works on", RES(read(ends[1], &byte, 1)), 1);
    DONE();
}
