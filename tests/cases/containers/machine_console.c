/* The machine's console is not for containers: a node with its number, or with that of another device of the machine, is
   ENXIO to open, as for a device without a driver. Those that /dev offers work wherever their node is; 5:1 is the terminal
   that the container was given, if it was given one. */
#include "container.h"
#include <pty.h>
#include <sys/sysmacros.h>

static long open_node(mode_t kind, unsigned number_major, unsigned number_minor)
{
    unlink("/tmp/node");
    if (mknod("/tmp/node", kind | 0600, makedev(number_major, number_minor)) != 0) return -1000 - errno;
    int file = open("/tmp/node", O_RDWR | O_NOCTTY | O_NONBLOCK);
    if (file < 0) return -errno;
    close(file);
    return 0;
}

static void nodes(void)
{
    CHECK("console", open_node(S_IFCHR, 5, 1), -ENXIO);
    CHECK("/dev/console", RES(open("/dev/console", O_RDWR | O_NOCTTY)), -ENXIO);
    CHECK("stat of /dev/console", access("/dev/console", F_OK), 0);
    CHECK("ttyS0", open_node(S_IFCHR, 4, 64), -ENXIO);
    CHECK("ttyS1", open_node(S_IFCHR, 4, 65), -ENXIO);
    CHECK("tty0", open_node(S_IFCHR, 4, 0), -ENXIO);
    CHECK("mem", open_node(S_IFCHR, 1, 1), -ENXIO);
    CHECK("port", open_node(S_IFCHR, 1, 4), -ENXIO);
    CHECK("kmsg", open_node(S_IFCHR, 1, 11), -ENXIO);
    CHECK("pts of nobody", open_node(S_IFCHR, 136, 0), -ENXIO);
    CHECK("a disk", open_node(S_IFBLK, 8, 0), -ENXIO);
    CHECK("a disk with the number of null", open_node(S_IFBLK, 1, 3), -ENXIO);
    CHECK("number 0", open_node(S_IFCHR, 0, 0), -ENXIO);
    CHECK("null", open_node(S_IFCHR, 1, 3), 0);
    CHECK("zero", open_node(S_IFCHR, 1, 5), 0);
    CHECK("full", open_node(S_IFCHR, 1, 7), 0);
    CHECK("random", open_node(S_IFCHR, 1, 8), 0);
    CHECK("urandom", open_node(S_IFCHR, 1, 9), 0);
    CHECK("ptmx", open_node(S_IFCHR, 5, 2), 0);
    CHECK("tty without one", open_node(S_IFCHR, 5, 0), -ENXIO);
    chmod("/", 0755);
    mkdir("/own", 0755);
    chown("/own", 1000, 1000);
    become(1000);
    CHECK("for a user", RES(mknod("/own/other", S_IFCHR | 0600, makedev(5, 1))), -EPERM);
}

/* In a container that was given a terminal. */
static int with_terminal(void)
{
    struct stat mine, console;
    fstat(0, &mine);
    CHECK("console", open_node(S_IFCHR, 5, 1), 0);
    CHECK("/dev/console", RES(open("/dev/console", O_RDWR | O_NOCTTY)) >= 0, 1);
    CHECK("it is the terminal", (stat("/dev/console", &console), console.st_rdev), mine.st_rdev);
    int file = open("/tmp/node", O_WRONLY | O_NOCTTY);
    write(file, "by the node\n", 12);
    CHECK("ttyS0", open_node(S_IFCHR, 4, 64), -ENXIO);
    DONE();
}

int main(int count, char **arguments)
{
    if (count > 1) return with_terminal();
    IN_CHILD(nodes());
    int master, slave;
    openpty(&master, &slave, NULL, NULL, NULL);
    int container = create_container("/", 0, 0);
    char *words[] = {"/bin/case-containers-machine_console", "terminal", NULL};
    struct fd_pair pairs[] = {{slave, 0}, {1, 1}, {1, 2}};
    struct run_spec spec = {.size = sizeof spec, .version = 1, .flags = 1, .path = (uint64_t)words[0], .path_length = strlen(words[0]),
        .argv = (uint64_t)words, .argc = 2, .pairs = (uint64_t)pairs, .pair_count = 3};
    int pidfd = syscall(1001, container, &spec, sizeof spec);
    CHECK("with a terminal", await(pidfd), 0);
    char seen[64] = "";
    struct pollfd ready = {master, POLLIN};
    CHECK("something came", poll(&ready, 1, 1000), 1);
    read(master, seen, sizeof seen - 1);
    CHECK("what was written", strncmp(seen, "by the node", 11), 0);
    CHECK("destroy", destroy_container(container), 0);
    DONE();
}
