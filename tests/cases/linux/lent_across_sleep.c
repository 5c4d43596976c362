/* While the kernel copies from or to a page that is not there yet, another thread closes, removes or empties what the call is about: the call
   goes on with what it holds, or fails as if it had come later. Nothing that is gone is used.
   copies: yield
   arguments: listing | attribute | attribute-names | rename | link | symlink | readers | writers | watch | pidfd | terminal | descriptor | sendfile | path-buffers */
#include "case.h"
#include <sys/xattr.h>
#include <sys/sendfile.h>
#include <pty.h>

enum { ROUNDS = 150, PAGE = 4096 };
static const char *mode;
#define IS(name) (strcmp(mode, name) == 0)
static volatile int ended;
static volatile int shared = -1;

/* Pages that were never touched: the kernel's copy is the first to need them. */
static char *fresh(int pages)
{
    char *place = mmap(NULL, pages * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return place == MAP_FAILED ? NULL : place;
}

/* The same with something in them: pages of a file, which no table shows yet. */
static int text_file = -1;
static char *fresh_copy(const void *content, int size)
{
    char page[PAGE] = {0};
    memcpy(page, content, size);
    if (text_file < 0) text_file = open("text", O_CREAT | O_RDWR | O_TRUNC, 0600);
    pwrite(text_file, page, PAGE, 0);
    return mmap(NULL, PAGE, PROT_READ, MAP_SHARED, text_file, 0);
}
static char *fresh_text(const char *text) { return fresh_copy(text, strlen(text)); }

static int one_of(long result, long right, long also) { return result == right || result == also; }

static void *disturb(void *unused)
{
    char name[32];
    struct stat about;
    for (int round = 0; !ended; round++) {
        if (IS("listing")) {
            for (int i = 0; i < 40; i++) { sprintf(name, "d/%d", i); unlink(name); }
            for (int i = 0; i < 40; i++) { sprintf(name, "d/%d", i); close(open(name, O_CREAT | O_RDWR, 0600)); }
            close(shared);
            shared = open("d", O_RDONLY | O_DIRECTORY);
        }
        if (IS("attribute") || IS("attribute-names")) {
            static char value[3000];
            memset(value, 'a' + round % 26, sizeof value);
            for (int i = 0; i < 20; i++) { sprintf(name, "user.%d", i); removexattr("f", name); }
            for (int i = 0; i < 20; i++) { sprintf(name, "user.%d", i); setxattr("f", name, value, sizeof value, 0); }
        }
        if (IS("rename") || IS("link")) { unlink("from"); unlink("to"); rmdir("d/e"); rmdir("d"); mkdir("d", 0700); mkdir("d/e", 0700); close(open("from", O_CREAT | O_RDWR, 0600)); }
        if (IS("symlink")) { unlink("d/l"); rmdir("d"); mkdir("d", 0700); }
        if (IS("readers")) { char some[3000]; read(shared, some, sizeof some); }
        if (IS("watch") || IS("pidfd") || IS("terminal") || IS("sendfile")) { int old = shared; shared = -1; if (old >= 0) close(old); stat(".", &about); }
        if (IS("descriptor")) { dup2(1, 200); close(200); }
        sched_yield();
    }
    return NULL;
}

static void list(void)
{
    int lengths = 0;
    for (int round = 0; round < ROUNDS; round++) {
        char *buffer = fresh(2);
        lseek(shared, 0, SEEK_SET);
        long size = RES(syscall(SYS_getdents64, shared, buffer, 2 * PAGE));
        if (size == -EBADF) { munmap(buffer, 2 * PAGE); continue; }
        if (size < 48) { printf("BAD listing: %ld\n", size); bad++; break; }
        for (long position = 0; position < size; position += *(unsigned short *)(buffer + position + 16)) lengths += *(unsigned short *)(buffer + position + 16) > 0;
        munmap(buffer, 2 * PAGE);
    }
    CHECK("records", lengths > 0, 1);
}

static void read_attributes(void)
{
    for (int round = 0; round < ROUNDS; round++) {
        char *buffer = fresh(2);
        if (IS("attribute")) {
            long size = RES(getxattr("f", "user.7", buffer, 2 * PAGE));
            int whole = size == 3000;
            for (int i = 1; i < size; i++) whole &= buffer[i] == buffer[0];
            if (!one_of(size, 3000, -ENODATA) || (size > 0 && !whole)) { printf("BAD attribute: %ld, whole %d\n", size, whole); bad++; break; }
        } else {
            long size = RES(listxattr("f", buffer, 2 * PAGE));
            if (size < 0 || size > 20 * 8) { printf("BAD names: %ld\n", size); bad++; break; }
            for (long position = 0; position < size; position += strlen(buffer + position) + 1) if (strncmp(buffer + position, "user.", 5)) { printf("BAD name\n"); bad++; }
        }
        munmap(buffer, 2 * PAGE);
    }
}

static void change_names(void)
{
    for (int round = 0; round < ROUNDS; round++) {
        char *second = fresh_text(IS("symlink") ? "d/l" : round % 2 ? "d/to" : "d/e/to");
        long result = IS("rename") ? RES(rename("from", second)) : IS("link") ? RES(link("from", second)) : RES(symlink("target", second));
        if (result && result != -ENOENT && result != -EEXIST && result != -ENOTDIR) { printf("BAD %s: %ld\n", mode, result); bad++; break; }
        unlink(second);
        munmap(second, PAGE);
    }
}

/* Two threads read a pipe at once: no byte comes twice, none is lost. */
static void read_pipe(void)
{
    int ends[2];
    pipe2(ends, O_NONBLOCK);
    shared = ends[0];
    for (int round = 0; round < ROUNDS; round++) {
        static char filling[60000];
        while (write(ends[1], filling, sizeof filling) > 0) {}
        char *buffer = fresh(16);
        read(ends[0], buffer, 16 * PAGE);
        munmap(buffer, 16 * PAGE);
    }
    int left;
    CHECK("FIONREAD", RES(ioctl(ends[0], FIONREAD, &left)), 0);
    CHECK("what is left", left >= 0 && left <= 65536, 1);
}

/* Two threads write a pipe at once, PIPE_BUF bytes each time: what is read is all of one or all of the other. */
static int pipe_ends[2];
static void *write_pages(void *letter)
{
    for (int round = 0; round < ROUNDS; round++) {
        char name[] = "pages?", page[PAGE];
        name[5] = *(char *)letter;
        int file = open(name, O_CREAT | O_RDWR | O_TRUNC, 0600);
        memset(page, *(char *)letter, PAGE);
        pwrite(file, page, PAGE, 0);
        pwrite(file, page, PAGE, PAGE);
        char *source = mmap(NULL, 2 * PAGE, PROT_READ, MAP_SHARED, file, 0);
        write(pipe_ends[1], source + 2000, PAGE);
        munmap(source, 2 * PAGE);
        close(file);
    }
    return NULL;
}
static void write_pipe(void)
{
    pthread_t writer[2];
    int mixed = 0;
    pipe(pipe_ends);
    for (int i = 0; i < 2; i++) pthread_create(&writer[i], NULL, write_pages, i ? "x" : "y");
    for (int round = 0; round < 2 * ROUNDS; round++) {
        char page[PAGE];
        for (int done = 0; done < PAGE;) done += read(pipe_ends[0], page + done, PAGE - done);
        for (int i = 1; i < PAGE; i++) mixed += page[i] != page[0];
    }
    for (int i = 0; i < 2; i++) pthread_join(writer[i], NULL);
    CHECK("bytes among those of another write", mixed, 0);
}

static void use_what_is_closed(void)
{
    int terminal;
    for (int round = 0; round < ROUNDS; round++) {
        long result = 0;
        char *text = fresh_text(".");
        if (IS("watch")) { shared = inotify_init1(IN_NONBLOCK); result = RES(inotify_add_watch(shared, text, IN_ALL_EVENTS)); result = result == 1 ? 0 : result; }
        if (IS("pidfd")) {
            siginfo_t info = {.si_signo = SIGCHLD, .si_code = SI_QUEUE};
            char *place = fresh_copy(&info, sizeof info);
            shared = syscall(SYS_pidfd_open, getpid(), 0);
            result = RES(syscall(SYS_pidfd_send_signal, shared, SIGCHLD, place, 0));
            munmap(place, PAGE);
        }
        if (IS("terminal")) {
            int slave;
            openpty(&terminal, &slave, NULL, NULL, NULL);
            close(terminal);
            shared = slave;
            char *place = fresh(1);
            result = RES(ioctl(slave, TCGETS, place));
            if (result == -EIO) result = 0;
            munmap(place, PAGE);
        }
        if (IS("sendfile")) {
            int ends[2];
            long start = 0;
            char *place = fresh_copy(&start, sizeof start);
            mprotect(place, PAGE, PROT_READ | PROT_WRITE);
            pipe2(ends, O_NONBLOCK);
            shared = ends[1];
            result = RES(sendfile(ends[1], text_file, (off_t *)place, 100));
            if (result > 0) result = 0;
            close(ends[0]);
            munmap(place, PAGE);
        }
        if (result && result != -EBADF) { printf("BAD %s: %ld\n", mode, result); bad++; break; }
        munmap(text, PAGE);
    }
}

static void set_flags(void)
{
    for (int round = 0; round < ROUNDS; round++) {
        char *text = fresh_text("\001");
        long result = RES(ioctl(200, FIONBIO, text));
        if (!one_of(result, 0, -EBADF)) { printf("BAD FIONBIO: %ld\n", result); bad++; break; }
        munmap(text, PAGE);
    }
    fcntl(1, F_SETFL, 0);
}

/* More threads than the kernel has room for paths copy one at the same time. */
static void *look(void *unused)
{
    struct stat about;
    for (int round = 0; round < 20; round++) {
        char *text = mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, text_file, 0);
        long result = RES(stat(text, &about));
        if (result) { printf("BAD stat: %ld\n", result); bad++; break; }
        munmap(text, PAGE);
    }
    return NULL;
}
static void fill_path_buffers(void)
{
    pthread_t threads[24];
    munmap(fresh_text("."), PAGE);
    for (int i = 0; i < 24; i++) pthread_create(&threads[i], NULL, look, NULL);
    for (int i = 0; i < 24; i++) pthread_join(threads[i], NULL);
}

int main(int argc, char **argv)
{
    char folder[] = "/tmp/lentXXXXXX";
    pthread_t thread;
    mode = argv[1];
    signal(SIGPIPE, SIG_IGN);
    signal(SIGCHLD, SIG_IGN);
    mkdtemp(folder);
    chdir(folder);
    mkdir("d", 0700);
    close(open("f", O_CREAT | O_RDWR, 0600));
    shared = -1;
    if (IS("listing")) shared = open("d", O_RDONLY | O_DIRECTORY);
    pthread_create(&thread, NULL, disturb, NULL);
    sched_yield();
    if (IS("listing")) list();
    if (IS("attribute") || IS("attribute-names")) read_attributes();
    if (IS("rename") || IS("link") || IS("symlink")) change_names();
    if (IS("readers")) read_pipe();
    if (IS("writers")) write_pipe();
    if (IS("watch") || IS("pidfd") || IS("terminal") || IS("sendfile")) use_what_is_closed();
    if (IS("descriptor")) set_flags();
    if (IS("path-buffers")) fill_path_buffers();
    ended = 1;
    pthread_join(thread, NULL);
    DONE();
}
