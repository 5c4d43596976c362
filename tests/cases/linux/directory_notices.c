/* Directories that tell by a signal what happens in them (F_NOTIFY). */
#include "case.h"

static volatile int count;
static siginfo_t last;
static void note(int signal, siginfo_t *info, void *context) { count++; last = *info; }
static int taken(void) { int was = count; count = 0; return was; }

int main(void)
{
    char folder[] = "/tmp/noticesXXXXXX", byte;
    struct sigaction action = {.sa_sigaction = note, .sa_flags = SA_SIGINFO};
    mkdtemp(folder);
    chdir(folder);
    mkdir("below", 0700);
    sigaction(SIGIO, &action, NULL);
    sigaction(SIGRTMIN, &action, NULL);
    int directory = open(".", O_RDONLY), file = open("file", O_CREAT | O_RDWR, 0600);
    CHECK("of a file", RES(fcntl(file, F_NOTIFY, DN_CREATE)), -ENOTDIR);
    CHECK("nothing of a file", RES(fcntl(file, F_NOTIFY, 0)), 0);
    CHECK("of a path", RES(fcntl(open(".", O_PATH), F_NOTIFY, DN_CREATE)), -EBADF);
    CHECK("created", RES(fcntl(directory, F_NOTIFY, DN_CREATE)), 0);
    CHECK("receiver", fcntl(directory, F_GETOWN), getpid());
    mkdir("one", 0700);
    CHECK("told", taken(), 1);
    CHECK("by SIGIO", last.si_code, SI_KERNEL);
    mkdir("two", 0700);
    CHECK("once", taken(), 0);
    fcntl(directory, F_SETSIG, SIGRTMIN);
    fcntl(directory, F_NOTIFY, DN_CREATE | DN_MULTISHOT);
    mkdir("three", 0700);
    CHECK("told", taken(), 1);
    CHECK("code", last.si_code, POLL_MSG);
    CHECK("events", last.si_band, POLLIN | POLLRDNORM | 0x400);
    CHECK("descriptor", last.si_fd, directory);
    symlink("x", "four");
    link("file", "five");
    CHECK("many times", taken(), 2);
    mkdir("below/inside", 0700);
    CHECK("not of what is below", taken(), 0);
    rename("one", "below/one");
    CHECK("not of what goes", taken(), 0);
    rename("below/one", "one");
    CHECK("of what comes", taken(), 1);
    rmdir("two");
    CHECK("not of what is removed", taken(), 0);
    fcntl(directory, F_NOTIFY, DN_DELETE | DN_MULTISHOT);
    rmdir("three");
    CHECK("asked for, too", taken(), 1);
    mkdir("three", 0700);
    CHECK("and the first still", taken(), 1);
    rename("three", "3");
    CHECK("renamed is created and removed", taken(), 2);
    CHECK("nothing any more", RES(fcntl(directory, F_NOTIFY, 0)), 0);
    mkdir("again", 0700);
    CHECK("is told", taken(), 0);
    fcntl(directory, F_NOTIFY, DN_RENAME | DN_MULTISHOT);
    rename("3", "three");
    CHECK("renamed", taken(), 1);
    rename("three", "below/three");
    CHECK("moved out is not renamed", taken(), 0);
    rename("below/three", "three");
    CHECK("moved in is not renamed here", taken(), 0);
    fcntl(directory, F_NOTIFY, 0);
    fcntl(directory, F_NOTIFY, DN_MODIFY | DN_MULTISHOT);
    write(file, "x", 1);
    CHECK("modified", taken(), 1);
    ftruncate(file, 0);
    CHECK("truncated", taken(), 1);
    fchmod(file, 0640);
    CHECK("attributes are not it", taken(), 0);
    fcntl(directory, F_NOTIFY, DN_ATTRIB | DN_MULTISHOT);
    fchmod(file, 0600);
    CHECK("attributes", taken(), 1);
    chmod(".", 0711);
    CHECK("those of the directory", taken(), 1);
    fcntl(directory, F_NOTIFY, 0);
    fcntl(directory, F_NOTIFY, DN_ACCESS | DN_MULTISHOT);
    pread(file, &byte, 1, 0);
    CHECK("nothing was read", taken(), 0);
    write(file, "x", 1);
    pread(file, &byte, 1, 0);
    CHECK("read", taken(), 1);
    int copy = dup(directory);
    close(copy);
    mkdir("more", 0700);
    pread(file, &byte, 1, 0);
    CHECK("a copy that is closed ends it", taken(), 0);
    fcntl(directory, F_NOTIFY, DN_CREATE | DN_MULTISHOT);
    IN_CHILD({ close(directory); });
    mkdir("most", 0700);
    CHECK("but not one of another process", taken(), 1);
    close(directory);
    mkdir("last", 0700);
    CHECK("closed", taken(), 0);
    DONE();
}
