/* epoll: as many events in one wait as there are; what may be added, in which order it is refused; epolls in epolls to a depth of five; an
   event that could not be told is told again; a watch belongs to the open file, not to its number. */
#include "case.h"

static struct epoll_event one, many[300];
static int new_epoll(void) { return epoll_create1(0); }
static long add(int epoll, int file, unsigned events) { one.events = events; one.data.u64 = file; return RES(epoll_ctl(epoll, EPOLL_CTL_ADD, file, &one)); }
static long set(int epoll, int file, unsigned events) { one.events = events; one.data.u64 = file; return RES(epoll_ctl(epoll, EPOLL_CTL_MOD, file, &one)); }

static void many_events(void)
{
    int epoll = new_epoll(), files[200], seen[1024] = {0};
    for (int i = 0; i < 200; i++) add(epoll, files[i] = eventfd(1, EFD_NONBLOCK), EPOLLIN);
    CHECK("200 ready files in one wait", epoll_wait(epoll, many, 300, 0), 200);
    for (int i = 0; i < 200; i++) seen[many[i].data.u64]++;
    int once = 0;
    for (int i = 0; i < 200; i++) once += seen[files[i]] == 1;
    CHECK("each once", once, 200);
    CHECK("as many as there is room for", epoll_wait(epoll, many, 77, 0), 77);
    memset(seen, 0, sizeof seen);
    for (int turn = 0; turn < 4; turn++) { int count = epoll_wait(epoll, many, 50, 0); for (int i = 0; i < count; i++) seen[many[i].data.u64]++; }
    once = 0;
    for (int i = 0; i < 200; i++) once += seen[files[i]] == 1;
    CHECK("in turn, if there is little room", once, 200);
    for (int i = 0; i < 200; i++) set(epoll, files[i], EPOLLIN | EPOLLONESHOT);
    CHECK("one shot each", epoll_wait(epoll, many, 300, 0), 200);
    CHECK("and no more", epoll_wait(epoll, many, 300, 0), 0);
    for (int i = 0; i < 100; i++) set(epoll, files[i], EPOLLIN | EPOLLET);
    CHECK("edges", epoll_wait(epoll, many, 30, 0), 30);
    CHECK("the others", epoll_wait(epoll, many, 300, 0), 70);
    CHECK("and no more", epoll_wait(epoll, many, 300, 0), 0);
    for (int i = 0; i < 200; i++) close(files[i]);
    CHECK("closed files", epoll_wait(epoll, many, 300, 0), 0);
    close(epoll);
}

static void refused(void)
{
    int epoll = new_epoll(), other = new_epoll(), ends[2], folder = open("/", O_RDONLY);
    pipe(ends);
    CHECK("/dev/null", add(epoll, open("/dev/null", O_RDWR), EPOLLIN), -EPERM);
    CHECK("/dev/zero", add(epoll, open("/dev/zero", O_RDWR), EPOLLIN), -EPERM);
    CHECK("/dev/urandom", add(epoll, open("/dev/urandom", O_RDWR), EPOLLIN), -EPERM);
    CHECK("/dev/random", add(epoll, open("/dev/random", O_RDWR), EPOLLIN), 0);
    CHECK("a folder", add(epoll, folder, EPOLLIN), -EPERM);
    CHECK("a file", add(epoll, open("/proc/self/status", O_RDONLY), EPOLLIN), -EPERM);
    CHECK("itself", add(epoll, epoll, EPOLLIN), -EINVAL);
    CHECK("to what is no epoll", add(ends[0], ends[1], EPOLLIN), -EINVAL);
    CHECK("a folder to what is no epoll", add(ends[0], folder, EPOLLIN), -EPERM);
    CHECK("only a name", add(epoll, open("/", O_PATH), EPOLLIN), -EBADF);
    CHECK("to only a name", add(open("/", O_PATH), ends[0], EPOLLIN), -EBADF);
    CHECK("remove a folder", RES(epoll_ctl(epoll, EPOLL_CTL_DEL, folder, NULL)), -EPERM);
    CHECK("remove what is not there", RES(epoll_ctl(epoll, EPOLL_CTL_DEL, ends[0], NULL)), -ENOENT);
    CHECK("change what is not there", set(epoll, ends[0], EPOLLIN), -ENOENT);
    CHECK("an unknown operation", RES(epoll_ctl(epoll, 77, ends[0], &one)), -EINVAL);
    CHECK("without an event", RES(epoll_ctl(epoll, 77, ends[0], NULL)), -EFAULT);
    CHECK("add", add(epoll, ends[0], EPOLLIN), 0);
    CHECK("add again", add(epoll, ends[0], EPOLLIN), -EEXIST);
    CHECK("exclusive, of an epoll", add(epoll, other, EPOLLIN | EPOLLEXCLUSIVE), -EINVAL);
    CHECK("exclusive, one shot", add(other, ends[0], EPOLLIN | EPOLLEXCLUSIVE | EPOLLONESHOT), -EINVAL);
    CHECK("exclusive, half closed", add(other, ends[0], EPOLLIN | EPOLLEXCLUSIVE | EPOLLRDHUP), -EINVAL);
    CHECK("exclusive", add(other, ends[0], EPOLLIN | EPOLLEXCLUSIVE), 0);
    CHECK("change an exclusive one", set(other, ends[0], EPOLLIN), -EINVAL);
    CHECK("change to exclusive", set(epoll, ends[0], EPOLLIN | EPOLLEXCLUSIVE), -EINVAL);
    CHECK("room for none", RES(epoll_wait(epoll, many, 0, 0)), -EINVAL);
    CHECK("less than none", RES(epoll_wait(epoll, many, -1, 0)), -EINVAL);
    CHECK("too much room", RES(epoll_wait(epoll, many, INT_MAX / 12 + 1, 0)), -EINVAL);
    CHECK("room beyond all memory", RES(epoll_wait(epoll, (void *)-4096, 8, 0)), -EFAULT);
    CHECK("wait at a pipe", RES(epoll_wait(ends[0], many, 8, 0)), -EINVAL);
}

static void untold(void)
{
    int epoll = new_epoll(), ends[2];
    struct epoll_event *page = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    pipe(ends);
    write(ends[1], "x", 1);
    add(epoll, ends[0], EPOLLIN | EPOLLET);
    CHECK("nowhere to tell an edge", RES(epoll_wait(epoll, NULL, 8, 0)), -EFAULT);
    CHECK("it is told then", epoll_wait(epoll, many, 8, 0), 1);
    set(epoll, ends[0], EPOLLIN | EPOLLONESHOT);
    CHECK("nor one shot", RES(epoll_wait(epoll, NULL, 8, 0)), -EFAULT);
    CHECK("it is told then", epoll_wait(epoll, many, 8, 0), 1);
    CHECK("once", epoll_wait(epoll, many, 8, 0), 0);
}

static void nested(void)
{
    int below, depth, ends[2];
    pipe(ends);
    below = ends[0];
    for (depth = 0; depth < 9; depth++) {
        int above = new_epoll();
        long result = add(above, below, EPOLLIN);
        if (result) { CHECK("too deep", result, -ELOOP); break; }
        below = above;
    }
    CHECK("depth", depth, 5);
    struct pollfd top = {below, POLLIN};
    CHECK("nothing", poll(&top, 1, 0), 0);
    write(ends[1], "x", 1);
    CHECK("seen from the top", poll(&top, 1, 0), 1);
    CHECK("told there", epoll_wait(below, many, 8, 0), 1);
    int chain[6];
    for (int i = 0; i < 6; i++) chain[i] = new_epoll();
    for (int i = 0; i < 2; i++) add(chain[i], chain[i + 1], EPOLLIN);
    for (int i = 3; i < 5; i++) add(chain[i], chain[i + 1], EPOLLIN);
    CHECK("three above three", add(chain[2], chain[3], EPOLLIN), -ELOOP);
    CHECK("two above three", add(chain[1], chain[3], EPOLLIN), 0);
    CHECK("a circle", add(chain[5], chain[0], EPOLLIN), -ELOOP);
    CHECK("a small circle", add(chain[5], chain[4], EPOLLIN), -ELOOP);

    int top_one = new_epoll(), count, middle[600];
    long result = 0;
    for (count = 0; count < 600; count++) { middle[count] = new_epoll(); add(middle[count], ends[1], EPOLLIN); }
    for (count = 0; count < 600 && result == 0; count++) result = add(top_one, middle[count], EPOLLIN);
    CHECK("ways of length two from one file", count, 501);
    CHECK("and one more", result, -EINVAL);
    for (count = 0; count < 600; count++) close(middle[count]);
    int wide = new_epoll();
    for (count = 0; count < 600; count++) CHECK("an epoll without files in many", add(middle[count] = new_epoll(), wide, EPOLLIN), 0);
    CHECK("a file in that", add(wide, ends[1], EPOLLIN), -EINVAL);
    for (count = 0; count < 200; count++) close(middle[count]);
    CHECK("of fewer", add(wide, ends[1], EPOLLIN), 0);
}

static void numbers(void)
{
    int epoll = new_epoll(), first[2], second[2];
    pipe(first);
    add(epoll, first[0], EPOLLIN);
    int kept = dup(first[0]), number = first[0];
    write(first[1], "x", 1);
    close(first[0]);
    CHECK("event of a closed number", epoll_wait(epoll, many, 4, 0), 1);
    CHECK("remove it by the closed number", RES(epoll_ctl(epoll, EPOLL_CTL_DEL, number, NULL)), -EBADF);
    CHECK("remove it by the other number", RES(epoll_ctl(epoll, EPOLL_CTL_DEL, kept, NULL)), -ENOENT);
    CHECK("the other number is another watch", add(epoll, kept, EPOLLIN), 0);
    CHECK("both", epoll_wait(epoll, many, 4, 0), 2);
    epoll_ctl(epoll, EPOLL_CTL_DEL, kept, NULL);
    pipe(second);
    CHECK("another file at that number", dup2(second[0], number), number);
    CHECK("is another watch", add(epoll, number, EPOLLIN), 0);
    write(second[1], "y", 1);
    CHECK("both", epoll_wait(epoll, many, 4, 0), 2);
    close(kept);
    CHECK("the first goes with its last number", epoll_wait(epoll, many, 4, 0), 1);
}

int main(void)
{
    many_events();
    refused();
    untold();
    nested();
    numbers();
    DONE();
}
