/* RLIMIT_FSIZE: a write up to the limit is cut short, one that begins there is SIGXFSZ and EFBIG, as are truncate and
   fallocate beyond it; what is no regular file has no limit. */
#include "case.h"
#include <linux/magic.h>
#include <sys/sendfile.h>
#include <sys/vfs.h>

static volatile int signals;
static void take(int number) { signals++; }
static char data[100000];

int main(void)
{
    struct rlimit limit = {10000, RLIM_INFINITY};
    int ends[2], status;
    int file = open("limited", O_CREAT | O_TRUNC | O_RDWR, 0600), other = open("other", O_CREAT | O_TRUNC | O_RDWR, 0600);
    write(other, data, 50000);
    signal(SIGXFSZ, take);
    CHECK("setrlimit", RES(setrlimit(RLIMIT_FSIZE, &limit)), 0);
    CHECK("cut short", RES(write(file, data, sizeof data)), 10000);
    CHECK("no signal", signals, 0);
    CHECK("at the limit", RES(write(file, data, 1)), -EFBIG);
    CHECK("signal", signals, 1);
    CHECK("nothing at the limit", RES(write(file, data, 0)), 0);
    CHECK("below it", RES(pwrite(file, data, 10, 9995)), 5);
    CHECK("beyond it", RES(pwrite(file, data, 10, 20000)), -EFBIG);
    CHECK("signal", signals, 2);
    struct iovec parts[2] = {{data, 6000}, {data, 6000}};
    lseek(file, 0, SEEK_SET);
    CHECK("in two parts", RES(writev(file, parts, 2)), 10000);
    CHECK("ftruncate to it", RES(ftruncate(file, 10000)), 0);
    CHECK("ftruncate beyond", RES(ftruncate(file, 10001)), -EFBIG);
    CHECK("signal", signals, 3);
    CHECK("truncate beyond", RES(truncate("limited", 10001)), -EFBIG);
    CHECK("signal", signals, 4);
    CHECK("a larger file is shortened", RES(ftruncate(other, 40000)), 0);
    CHECK("fallocate beyond", RES(fallocate(file, 0, 0, 10001)), -EFBIG);
    CHECK("signal", signals, 5);
    struct statfs place;
    fstatfs(file, &place);
    int is_tmpfs = place.f_type == TMPFS_MAGIC;
    CHECK("fallocate that keeps the size", RES(fallocate(file, FALLOC_FL_KEEP_SIZE, 0, 10001)), is_tmpfs ? -EFBIG : 0);
    CHECK("signal", signals, is_tmpfs ? 6 : 5);
    CHECK("fallocate within the size", RES(fallocate(other, FALLOC_FL_KEEP_SIZE, 0, 40000)), 0);
    signals = 5;
    lseek(file, 9000, SEEK_SET);
    lseek(other, 0, SEEK_SET);
    CHECK("sendfile", RES(sendfile(file, other, NULL, 5000)), 1000);
    CHECK("sendfile at the limit", RES(sendfile(file, other, NULL, 5000)), -EFBIG);
    CHECK("signal", signals > 5, 1); /* Linux sends two */
    int before = signals;
    loff_t from = 0, to = 9500;
    CHECK("copy_file_range", RES(syscall(SYS_copy_file_range, other, &from, file, &to, 5000, 0)), 500);
    pipe(ends);
    CHECK("a pipe", RES(write(ends[1], data, 20000)), 20000);
    CHECK("a device", RES(write(open("/dev/null", O_WRONLY), data, 20000)), 20000);
    CHECK("no more signals", signals, before);
    limit.rlim_cur = 0;
    setrlimit(RLIMIT_FSIZE, &limit);
    CHECK("a limit of 0", RES(pwrite(file, data, 1, 0)), -EFBIG);
    pid_t child = fork();
    if (child == 0) { signal(SIGXFSZ, SIG_DFL); pwrite(file, data, 1, 0); _exit(0); }
    waitpid(child, &status, 0);
    CHECK("the default is the end", WTERMSIG(status), SIGXFSZ);
    signal(SIGXFSZ, SIG_IGN);
    CHECK("ignored", RES(pwrite(file, data, 1, 0)), -EFBIG);
    DONE();
}
