/* Leases (F_SETLEASE): who may have one, whom it stops, how its holder is told, and when it ends by itself. */
#include "case.h"

static volatile int count;
static siginfo_t last;
static void note(int signal, siginfo_t *info, void *context) { count++; last = *info; }
static void ring(int signal) {}
static char folder[] = "/tmp/leasesXXXXXX";
static int fresh(int flags) { unlink("file"); close(open("file", O_CREAT | O_RDWR, 0666)); return open("file", flags); }
static int set(int file, int kind) { return fcntl(file, F_SETLEASE, kind) < 0 ? -errno : 0; }

static void taking(void)
{
    int file = fresh(O_RDONLY), more;
    CHECK("none", fcntl(file, F_GETLEASE), F_UNLCK);
    CHECK("none to give up", set(file, F_UNLCK), -EAGAIN);
    CHECK("no kind", set(file, 7), -EINVAL);
    CHECK("to read", set(file, F_RDLCK), 0);
    CHECK("told", fcntl(file, F_GETLEASE), F_RDLCK);
    CHECK("receiver of the signal", fcntl(file, F_GETOWN), getpid());
    CHECK("to write instead", set(file, F_WRLCK), 0);
    CHECK("told", fcntl(file, F_GETLEASE), F_WRLCK);
    CHECK("to read again", set(file, F_RDLCK), 0);
    more = open("file", O_RDONLY);
    CHECK("another reader", more >= 0, 1);
    CHECK("has none", fcntl(more, F_GETLEASE), F_UNLCK);
    CHECK("may have one", set(more, F_RDLCK), 0);
    CHECK("nobody may write", set(more, F_WRLCK), -EAGAIN);
    CHECK("given up", set(more, F_UNLCK), 0);
    CHECK("nor while it is open", set(file, F_WRLCK), -EAGAIN);
    close(more);
    CHECK("alone", set(file, F_WRLCK), 0);
    CHECK("given up", set(file, F_UNLCK), 0);
    CHECK("no receiver any more", fcntl(file, F_GETOWN), 0);
    more = open("file", O_RDWR);
    CHECK("to read while somebody writes", set(file, F_RDLCK), -EAGAIN);
    CHECK("by the writer", set(more, F_RDLCK), -EAGAIN);
    close(file);
    CHECK("to write by the only writer", set(more, F_WRLCK), 0);
    int copy = dup(more);
    CHECK("a copy has the same", fcntl(copy, F_GETLEASE), F_WRLCK);
    close(copy);
    CHECK("which stays", fcntl(more, F_GETLEASE), F_WRLCK);
    close(more);
    more = open("file", O_RDWR | O_NONBLOCK);
    CHECK("ends with the open file", more >= 0, 1);
    close(more);
    int ends[2];
    pipe(ends);
    CHECK("of a directory", set(open(".", O_RDONLY), F_RDLCK), -EINVAL);
    CHECK("of a pipe", set(ends[0], F_RDLCK), -EINVAL);
    CHECK("of a path", set(open("file", O_PATH), F_RDLCK), -EBADF);
    CHECK("of a device", set(open("/dev/null", O_RDONLY), F_RDLCK), -EINVAL);
    file = open("file", O_RDONLY);
    IN_CHILD({
        become(1000);
        CHECK("of others", set(file, F_RDLCK), -EACCES);
        CHECK("of their own", set(open("own", O_CREAT | O_RDONLY, 0600), F_RDLCK), 0);
    });
    close(file);
}

static void breaking(void)
{
    struct sigaction action = {.sa_sigaction = note, .sa_flags = SA_SIGINFO | SA_RESTART};
    sigaction(SIGIO, &action, NULL);
    sigaction(SIGRTMIN, &action, NULL);
    int file = fresh(O_RDONLY), opened;
    set(file, F_RDLCK);
    CHECK("to read", (opened = open("file", O_RDONLY | O_NONBLOCK)) >= 0, 1);
    close(opened);
    CHECK("tells nobody", count, 0);
    CHECK("only the path", (opened = open("file", O_PATH | O_NONBLOCK)) >= 0, 1);
    close(opened);
    CHECK("to write without waiting", RES(open("file", O_WRONLY | O_NONBLOCK)), -EWOULDBLOCK);
    CHECK("the holder is told", count, 1);
    CHECK("by SIGIO", last.si_code, SI_KERNEL);
    CHECK("is to give it up", fcntl(file, F_GETLEASE), F_UNLCK);
    CHECK("again", RES(open("file", O_WRONLY | O_NONBLOCK)), -EWOULDBLOCK);
    CHECK("is told once", count, 1);
    CHECK("no other may have one", set(open("file", O_RDONLY), F_RDLCK), -EAGAIN);
    CHECK("given up", set(file, F_UNLCK), 0);
    CHECK("to write", (opened = open("file", O_WRONLY | O_NONBLOCK)) >= 0, 1);
    close(opened);
    close(file);
    file = fresh(O_RDWR);
    set(file, F_WRLCK);
    fcntl(file, F_SETSIG, SIGRTMIN);
    count = 0;
    CHECK("to read what is leased to write", RES(open("file", O_RDONLY | O_NONBLOCK)), -EWOULDBLOCK);
    CHECK("told", count, 1);
    CHECK("code", last.si_code, POLL_MSG);
    CHECK("events", last.si_band, POLLIN | POLLRDNORM | 0x400);
    CHECK("descriptor", last.si_fd, file);
    CHECK("is to become one to read", fcntl(file, F_GETLEASE), F_RDLCK);
    CHECK("to write", RES(open("file", O_RDWR | O_NONBLOCK)), -EWOULDBLOCK);
    CHECK("told once more", count, 2);
    CHECK("is to be given up", fcntl(file, F_GETLEASE), F_UNLCK);
    CHECK("which it is", set(file, F_UNLCK), 0);
    CHECK("the signal with it", fcntl(file, F_GETSIG), 0);
    close(file);
    count = 0;
}

/* Who waits goes on when the holder lets it. */
static void waiting(int kind, int wanted, int becomes)
{
    int file = fresh(becomes == F_RDLCK ? O_RDONLY : kind == F_WRLCK ? O_RDWR : O_RDONLY), state;
    set(file, kind);
    pid_t child = fork();
    if (child == 0) {
        long before = milliseconds();
        int opened = open("file", wanted);
        _exit(opened >= 0 && milliseconds() - before >= 50 ? 0 : 1);
    }
    for (int turn = 0; count == 0 && turn < 1000; turn++) usleep(1000);
    usleep(100000);
    CHECK("it waits", waitpid(child, &state, WNOHANG), 0);
    CHECK("let go", set(file, becomes), 0);
    waitpid(child, &state, 0);
    CHECK("it has it", state, 0);
    close(file);
    count = 0;
}

static void truncating(void)
{
    int file = fresh(O_RDONLY), state;
    set(file, F_RDLCK);
    pid_t child = fork();
    if (child == 0) _exit(truncate("file", 0) != 0);
    for (int turn = 0; count == 0 && turn < 1000; turn++) usleep(1000);
    CHECK("truncate(2) is told of", count, 1);
    usleep(30000);
    CHECK("and waits", waitpid(child, &state, WNOHANG), 0);
    close(file);
    waitpid(child, &state, 0);
    CHECK("until the file is closed", state, 0);
    count = 0;
    file = fresh(O_RDONLY);
    set(file, F_RDLCK);
    struct sigaction plain = {.sa_handler = ring};
    sigaction(SIGALRM, &plain, NULL);
    IN_CHILD({
        ualarm(50000, 0);
        CHECK("a signal ends the wait", RES(open("file", O_WRONLY)), -EINTR);
    });
    chmod("file", 0600);
    link("file", "second");
    rename("second", "third");
    unlink("third");
    CHECK("names and modes do not matter", fcntl(file, F_GETLEASE), F_UNLCK);
    close(file);
}

int main(void)
{
    mkdtemp(folder);
    chmod(folder, 0777);
    chdir(folder);
    signal(SIGIO, SIG_IGN);
    taking();
    breaking();
    waiting(F_RDLCK, O_WRONLY, F_UNLCK);
    waiting(F_WRLCK, O_RDONLY, F_RDLCK);
    waiting(F_WRLCK, O_RDWR, F_UNLCK);
    truncating();
    DONE();
}
