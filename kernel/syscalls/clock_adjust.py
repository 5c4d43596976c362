"""How the clock is kept right: adjtimex(2), clock_adjtime(2). It is the machine's: containers may only ask."""

from __future__ import annotations

from codegen.lang import Fallible, UserAddr, UserSlice, i32, load, local_array, store, u8, u32, u64
from kernel.base.errno import EINVAL, EOPNOTSUPP, EPERM
from kernel.memory import user
from kernel.sched.thread import Thread
from kernel.sched.timer import SECOND, wall_clock
from kernel.syscalls.declare import syscall
from kernel.syscalls.time import CLOCK_REALTIME, CLOCK_TAI, check_processor_clock

TIMEX_SIZE: u64 = 208
"""sizeof(struct timex)."""
TIMEX_END: u64 = 164
"""Where its padding begins."""
OFFSET_SS_READ: u32 = 0xA001
"""ADJ_OFFSET_SS_READ: asks what is left of adjtime(3)."""
STATUS_UNSYNCHRONISED: i32 = 0x40
"""STA_UNSYNC."""
STATE_ERROR: u64 = 5
"""TIME_ERROR: nobody keeps the clock right."""
CLOCK_SGI_CYCLE: i32 = 10
"""A number that no clock has any more."""
WORST_ERROR: u64 = 16_000_000
TIME_CONSTANT: u64 = 2
TOLERANCE: u64 = 500 << 16
TICK_MICROSECONDS: u64 = 10_000


@syscall(159, missing="changes of the clock: EPERM")
def adjtimex(task: Thread, out: UserAddr) -> Fallible[u64]:
    """adjtimex(2): the clock runs as the machine's does, and nobody corrects it."""
    buffer = local_array(u8, TIMEX_SIZE)
    user.copy_in(buffer, UserSlice(out, TIMEX_SIZE))
    modes = load(u32, buffer, 0)
    if modes != 0 and modes != OFFSET_SS_READ:
        raise EPERM
    for position in range(8, TIMEX_END, 4):
        store(u32, buffer, position, 0)
    moment = u64(wall_clock())
    store(u64, buffer, 24, WORST_ERROR)
    store(u64, buffer, 32, WORST_ERROR)
    store(i32, buffer, 40, STATUS_UNSYNCHRONISED)
    store(u64, buffer, 48, TIME_CONSTANT)
    store(u64, buffer, 56, 1)
    store(u64, buffer, 64, TOLERANCE)
    store(u64, buffer, 72, moment // SECOND)
    store(u64, buffer, 80, moment % SECOND // 1000)
    store(u64, buffer, 88, TICK_MICROSECONDS)
    user.copy_out(UserSlice(out, TIMEX_SIZE), buffer)
    return STATE_ERROR


@syscall(305, missing="as adjtimex")
def clock_adjtime(task: Thread, clock: i32, out: UserAddr) -> Fallible[u64]:
    """clock_adjtime(2): of CLOCK_REALTIME; EOPNOTSUPP for the other clocks."""
    if clock == CLOCK_REALTIME:
        return adjtimex(task, out)
    if clock < 0:
        check_processor_clock(task, clock)
    elif clock > CLOCK_TAI or clock == CLOCK_SGI_CYCLE:
        raise EINVAL
    raise EOPNOTSUPP
