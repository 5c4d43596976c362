/* sched_setattr(2) and sched_getattr(2) with structs that are larger or smaller than the kernel's, and sets of
   processors of odd sizes. */
#include "case.h"

struct { uint32_t size, policy; uint64_t flags; int32_t nice; uint32_t priority; uint64_t runtime, deadline, period; uint32_t least, most; char more[64]; } all;
static void clear(uint32_t size) { memset(&all, 0, sizeof all); all.size = size; }
#define set(address, flags) RES(syscall(SYS_sched_setattr, 0, address, flags))
#define get(size) RES(syscall(SYS_sched_getattr, 0, &all, size, 0))

int main(void)
{
    unsigned char few[4];
    unsigned long many[16];
    clear(sizeof all);
    all.more[8] = 1;
    CHECK("larger, and not all zero", set(&all, 0), -E2BIG);
    CHECK("the size is told", all.size, 56);
    clear(sizeof all);
    CHECK("larger, all zero", set(&all, 0), 0);
    clear(0);
    CHECK("size 0 is the first version", set(&all, 0), 0);
    clear(8);
    CHECK("too small", set(&all, 0), -E2BIG);
    CHECK("no address", set(NULL, 0), -EINVAL);
    CHECK("bad address", set(8L, 0), -EFAULT);
    CHECK("flags", set(&all, 1), -EINVAL);
    CHECK("get too little", get(40), -EINVAL);
    CHECK("get the first version", get(48), 0);
    CHECK("size", all.size, 48);
    CHECK("get more than there is", get(sizeof all), 0);
    CHECK("size", all.size, 56);
    CHECK("processors in 4 bytes", RES(syscall(SYS_sched_getaffinity, 0, 4, few)), -EINVAL);
    CHECK("in 12", RES(syscall(SYS_sched_getaffinity, 0, 12, many)), -EINVAL);
    CHECK("in 128", RES(syscall(SYS_sched_getaffinity, 0, 128, many)) % 8, 0);
    CHECK("none of them", RES(syscall(SYS_sched_setaffinity, 0, 8, (long[]){0})), -EINVAL);
    DONE();
}
