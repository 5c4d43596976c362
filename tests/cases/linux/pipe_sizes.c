/* The size of a pipe (F_SETPIPE_SZ, F_GETPIPE_SZ), what fits into it, when it is writable, and packets (O_DIRECT): as on Linux, a pipe has
   room for pages, and is full when so many are in use. */
#include "case.h"

static char bytes[1 << 20];
static int ends[2];
static void fresh(int flags) { close(ends[0]); close(ends[1]); pipe2(ends, O_NONBLOCK | flags); }
static int queued(void) { int count = -1; ioctl(ends[0], FIONREAD, &count); return count; }
static int is_ready(int end, int events) { struct pollfd one = {ends[end], events}; poll(&one, 1, 0); return one.revents; }

static void sizes(void)
{
    fresh(0);
    CHECK("at first", fcntl(ends[0], F_GETPIPE_SZ), 65536);
    CHECK("rounded up", RES(fcntl(ends[0], F_SETPIPE_SZ, 5000)), 8192);
    CHECK("the other end", fcntl(ends[1], F_GETPIPE_SZ), 8192);
    CHECK("fits", RES(write(ends[1], bytes, 1 << 17)), 8192);
    CHECK("larger", RES(fcntl(ends[1], F_SETPIPE_SZ, 1 << 17)), 1 << 17);
    CHECK("fits now", RES(write(ends[1], bytes, 1 << 17)), (1 << 17) - 8192);
    CHECK("smaller than what is in it", RES(fcntl(ends[0], F_SETPIPE_SZ, 4096)), -EBUSY);
    CHECK("is as it was", fcntl(ends[0], F_GETPIPE_SZ), 1 << 17);
    CHECK("half is read", RES(read(ends[0], bytes, 1 << 16)), 1 << 16);
    CHECK("half the size", RES(fcntl(ends[0], F_SETPIPE_SZ, 1 << 16)), 1 << 16);
    CHECK("nothing fits", RES(write(ends[1], bytes, 1)), -EAGAIN);
    CHECK("the rest is there", RES(read(ends[0], bytes, 1 << 17)), 1 << 16);
    CHECK("of no bytes", RES(fcntl(ends[0], F_SETPIPE_SZ, 0)), 4096);
    CHECK("of one byte", RES(fcntl(ends[0], F_SETPIPE_SZ, 1)), 4096);
    CHECK("of a page", RES(fcntl(ends[0], F_SETPIPE_SZ, 4096)), 4096);
    CHECK("of a MiB", RES(fcntl(ends[0], F_SETPIPE_SZ, 1 << 20)), 1 << 20);
    CHECK("too large", RES(fcntl(ends[0], F_SETPIPE_SZ, 0x80000001u)), -EINVAL);
    CHECK("negative", RES(fcntl(ends[0], F_SETPIPE_SZ, -1)), -EINVAL);
    long beyond = RES(fcntl(ends[0], F_SETPIPE_SZ, 1 << 22));  /* some user 0 is without CAP_SYS_RESOURCE */
    CHECK("by user 0 beyond pipe-max-size", beyond == 1 << 22 || beyond == -EPERM, 1);
    CHECK("of a file", RES(fcntl(open("/dev/null", O_RDWR), F_SETPIPE_SZ, 4096)), -EBADF);
    CHECK("told of a file", RES(fcntl(open("/dev/null", O_RDWR), F_GETPIPE_SZ)), -EBADF);
    IN_CHILD({
        become(1000);
        fresh(0);
        CHECK("by others up to pipe-max-size", RES(fcntl(ends[0], F_SETPIPE_SZ, 1 << 20)), 1 << 20);
        CHECK("and not beyond", RES(fcntl(ends[0], F_SETPIPE_SZ, (1 << 20) + 1)), -EPERM);
        CHECK("nor much", RES(fcntl(ends[0], F_SETPIPE_SZ, 1u << 31)), -EPERM);
    });
    mkfifo("sized", 0600);
    int fifo = open("sized", O_RDWR | O_NONBLOCK);
    CHECK("of a FIFO", RES(fcntl(fifo, F_SETPIPE_SZ, 1 << 17)), 1 << 17);
    CHECK("fits", RES(write(fifo, bytes, 1 << 20)), 1 << 17);
    unlink("sized");
    CHECK("only a name", RES(fcntl(open(".", O_PATH), F_GETPIPE_SZ)), -EBADF);
}

/* What is written takes the page of the last write if all of it fits, else fresh pages. */
static void room(void)
{
    fresh(0);
    CHECK("nothing", RES(write(ends[1], bytes, 0)), 0);
    CHECK("is not there", RES(read(ends[0], bytes, 1)), -EAGAIN);
    fcntl(ends[0], F_SETPIPE_SZ, 8192);
    CHECK("a byte", RES(write(ends[1], bytes, 1)), 1);
    CHECK("a page beside it", RES(write(ends[1], bytes, 4096)), 4096);
    CHECK("full, though not of bytes", RES(write(ends[1], bytes, 4096)), -EAGAIN);
    CHECK("not writable", is_ready(1, POLLOUT), 0);
    CHECK("queued", queued(), 4097);
    CHECK("the byte", RES(read(ends[0], bytes, 1)), 1);
    CHECK("writable", is_ready(1, POLLOUT), POLLOUT);
    CHECK("half a page", RES(write(ends[1], bytes, 2000)), 2000);
    CHECK("and the other half, in the same page", RES(write(ends[1], bytes, 2096)), 2096);
    CHECK("full", RES(write(ends[1], bytes, 1)), -EAGAIN);
    CHECK("part of the first", RES(read(ends[0], bytes, 4095)), 4095);
    CHECK("not writable as long as its page is in use", is_ready(1, POLLOUT), 0);
    CHECK("nothing fits", RES(write(ends[1], bytes, 1)), -EAGAIN);
    CHECK("readable", is_ready(0, POLLIN), POLLIN);
    CHECK("all else", RES(read(ends[0], bytes, 9999)), 4097);
    CHECK("not readable", is_ready(0, POLLIN), 0);
    CHECK("a page", RES(write(ends[1], bytes, 4096)), 4096);
    CHECK("what does not fit as a whole is written in part", RES(write(ends[1], bytes, 6000)), 4096);
    fresh(0);
    CHECK("all", RES(write(ends[1], bytes, 1 << 17)), 65536);
    CHECK("some", RES(read(ends[0], bytes, 10000)), 10000);
    CHECK("what is free are pages", RES(write(ends[1], bytes, 65536)), 8192);
}

static void packets(void)
{
    fresh(O_DIRECT);
    CHECK("flags of the end that is read", fcntl(ends[0], F_GETFL), O_NONBLOCK);
    CHECK("flags of the end that is written", fcntl(ends[1], F_GETFL), O_DIRECT | O_NONBLOCK | O_WRONLY);
    CHECK("one", RES(write(ends[1], "one", 3)), 3);
    CHECK("two", RES(write(ends[1], "seven", 5)), 5);
    CHECK("queued", queued(), 8);
    CHECK("read one", RES(read(ends[0], bytes, 100)), 3);
    CHECK("read the beginning of the other", RES(read(ends[0], bytes, 2)), 2);
    CHECK("the rest is lost", RES(read(ends[0], bytes, 100)), -EAGAIN);
    CHECK("many bytes", RES(write(ends[1], bytes, 9000)), 9000);
    CHECK("are packets of a page", RES(read(ends[0], bytes, 9000)), 4096);
    CHECK("and another", RES(read(ends[0], bytes, 4096)), 4096);
    CHECK("and a smaller one", RES(read(ends[0], bytes, 9000)), 808);
    struct iovec parts[2] = {{bytes, 2}, {bytes + 2, 100}}, out[2] = {{"ab", 2}, {"cde", 3}};
    CHECK("one packet of parts", RES(writev(ends[1], out, 2)), 5);
    CHECK("another", RES(write(ends[1], "x", 1)), 1);
    CHECK("read into parts", RES(readv(ends[0], parts, 2)), 5);
    CHECK("whole", memcmp(bytes, "abcde", 5), 0);
    CHECK("packets become bytes", RES(fcntl(ends[1], F_SETFL, O_NONBLOCK)), 0);
    write(ends[1], "y", 1);
    write(ends[1], "z", 1);
    CHECK("the packet before", RES(read(ends[0], bytes, 9)), 1);
    CHECK("the bytes behind", RES(read(ends[0], bytes, 9)), 2);
    CHECK("and packets again", RES(fcntl(ends[1], F_SETFL, O_DIRECT)), 0);
    write(ends[1], "y", 1);
    write(ends[1], "z", 1);
    CHECK("one", RES(read(ends[0], bytes, 9)), 1);
    int count = 0;
    fcntl(ends[1], F_SETFL, O_DIRECT | O_NONBLOCK);
    while (write(ends[1], "p", 1) == 1) count++;
    CHECK("one page each", count, 15);
    CHECK("unknown flag", RES(pipe2(ends, O_APPEND)), -EINVAL);
}

/* A write that blocks goes on when the pipe becomes larger. */
static void *write_much(void *unused) { return (void *)write(ends[1], bytes, 1 << 17); }
static void growing(void)
{
    pthread_t writer;
    void *written;
    close(ends[0]); close(ends[1]); pipe(ends);
    pthread_create(&writer, NULL, write_much, NULL);
    while (queued() < 65536) usleep(1000);
    CHECK("larger", RES(fcntl(ends[0], F_SETPIPE_SZ, 1 << 17)), 1 << 17);
    pthread_join(writer, &written);
    CHECK("all is written", (long)written, 1 << 17);
    CHECK("and there", queued(), 1 << 17);
}

/* Vectors: one write is one piece, what cannot be copied is not queued, and what cannot be given stays. */
static void vectors(void)
{
    char got[16] = "";
    struct iovec out[3] = {{"abc", 3}, {NULL, 0}, {"defg", 4}}, in[3] = {{got, 2}, {NULL, 0}, {got + 2, 9}};
    fresh(0);
    CHECK("writev", RES(writev(ends[1], out, 3)), 7);
    CHECK("readv", RES(readv(ends[0], in, 3)), 7);
    CHECK("what", strcmp(got, "abcdefg"), 0);
    out[2] = (struct iovec){(void *)1, 4};
    CHECK("a part that is not there", RES(writev(ends[1], out, 3)), -EFAULT);
    CHECK("nothing is queued", queued(), 0);
    out[0] = (struct iovec){bytes, 5000};
    out[2] = (struct iovec){(void *)1, 5000};
    CHECK("behind a page", RES(writev(ends[1], out, 3)), 4096);
    CHECK("which is queued", queued(), 4096);
    in[0] = (struct iovec){(void *)1, 5};
    CHECK("a place that is not there", RES(readv(ends[0], in, 3)), -EFAULT);
    CHECK("all stays", queued(), 4096);
    out[1] = (struct iovec){bytes, -1};
    CHECK("a length that is none", RES(writev(ends[1], out, 3)), -EINVAL);
    out[1] = (struct iovec){bytes, SSIZE_MAX};
    CHECK("a place beyond all memory", RES(writev(ends[1], out, 3)), -EFAULT);
    CHECK("too many", RES(writev(ends[1], out, 1025)), -EINVAL);
    CHECK("none", RES(writev(ends[1], (void *)1, 0)), 0);
    int counter = eventfd(0, EFD_NONBLOCK);
    uint64_t one = 3;
    write(counter, &one, 8);
    in[0] = (struct iovec){got, 4};
    in[1] = (struct iovec){got + 4, 4};
    CHECK("an eventfd into two places", RES(readv(counter, in, 2)), 8);
}

int main(void)
{
    char folder[] = "/tmp/pipesXXXXXX";
    mkdtemp(folder);
    chdir(folder);
    signal(SIGPIPE, SIG_IGN);
    sizes();
    room();
    packets();
    growing();
    vectors();
    DONE();
}
