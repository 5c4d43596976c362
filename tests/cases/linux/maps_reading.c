/* /proc/self/maps and smaps are the same text however they are read: at one go, in small pieces, from a place on, two at a
   time; and a reader finds all mappings that stay, though others come and go. */
#include "case.h"

#define PAGE 4096L
#define REGIONS 400
#define ROOM (1 << 21)

static char whole[ROOM], pieces[ROOM];
static char *area;

static long read_all(const char *path, char *text, long step)
{
    int fd = open(path, O_RDONLY);
    long done = 0, got;
    while ((got = read(fd, text + done, done + step > ROOM ? ROOM - done : step)) > 0) done += got;
    close(fd);
    return done;
}

static void check_pieces(const char *path)
{
    int fd = open(path, O_RDONLY), other = open(path, O_RDONLY);
    long length = read_all(path, whole, ROOM), got;
    CHECK("length at one go", length > REGIONS * 20, 1);
    for (int step = 100; step < 5000; step = step * 3 + 7) {
        CHECK("length in pieces", read_all(path, pieces, step), length);
        CHECK("what the pieces say", memcmp(whole, pieces, length), 0);
    }
    for (long place = 0; place < length; place += length / 13 + 1) {
        got = pread(fd, pieces, 300, place);
        CHECK("a piece from a place on", got > 0 && memcmp(pieces, whole + place, got) == 0, 1);
    }
    long done = 0;
    while ((got = read(fd, pieces, 700)) > 0) {
        if (memcmp(pieces, whole + done, got)) break;
        done += got;
        got = pread(other, pieces, 50, length - done > 50 ? length - done : 0);
    }
    CHECK("two readers at a time", done, length);
    CHECK("behind the end", pread(fd, pieces, 10, length), 0);
    CHECK("far behind the end", pread(fd, pieces, 10, 1L << 40), 0);
    close(fd);
    close(other);
}

static void check_changes(void)
{
    int fd = open("/proc/self/maps", O_RDONLY), found = 0;
    long done = 0, got;
    for (int turn = 0; (got = read(fd, pieces + done, 500)) > 0; turn++) {
        done += got;
        mprotect(area + turn % 50 * 2 * PAGE, PAGE, turn % 100 < 50 ? PROT_READ | PROT_WRITE : PROT_NONE);
    }
    pieces[done] = 0;
    for (int i = 100; i < REGIONS; i += 2) {
        char start[32];
        sprintf(start, "%lx-", (unsigned long)(area + i * PAGE));
        found += strstr(pieces, start) != NULL;
    }
    CHECK("mappings that stayed and were seen", found, (REGIONS - 100) / 2);
}

int main(void)
{
    area = mmap(NULL, REGIONS * PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    for (int i = 0; i < REGIONS; i += 2) mprotect(area + i * PAGE, PAGE, PROT_NONE);
    memset(whole, 1, ROOM);
    memset(pieces, 1, ROOM);
    read_all("/proc/self/smaps", whole, ROOM);
    check_pieces("/proc/self/maps");
    check_pieces("/proc/self/smaps");
    check_changes();
    DONE();
}
