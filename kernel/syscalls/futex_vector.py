"""futex_waitv(2)."""

from __future__ import annotations

from codegen.lang import Fallible, UserAddr, deferred, i32, local, truncate, u32, u64
from kernel.base.errno import EINVAL
from kernel.memory import user
from kernel.process.futex_vector import FutexVector
from kernel.sched.thread import Thread
from kernel.sched.timer import NEVER
from kernel.syscalls.declare import syscall
from kernel.syscalls.futex import moment_of
from kernel.syscalls.time import CLOCK_MONOTONIC, CLOCK_REALTIME

LONGEST: u32 = 128
"""FUTEX_WAITV_MAX."""
ENTRY_SIZE: u64 = 24
"""struct futex_waitv: the value, the address, flags and a reserved word."""
PRIVATE: u32 = 128
SIZE_BITS: u32 = 3
SIZE_32: u32 = 2
"""FUTEX2_PRIVATE, FUTEX2_SIZE_MASK, FUTEX2_SIZE_U32."""


@syscall(449)
def futex_waitv(
    task: Thread, entries: UserAddr, count: u32, flags: u32, timeout: UserAddr, clock: i32
) -> Fallible[u64]:
    """futex_waitv(2): words of 32 bits."""
    if flags != 0 or count == 0 or count > LONGEST or u64(entries) == 0:
        raise EINVAL
    deadline = NEVER
    if u64(timeout) != 0:
        if clock != CLOCK_REALTIME and clock != CLOCK_MONOTONIC:
            raise EINVAL
        deadline = moment_of(timeout, clock == CLOCK_REALTIME)
    vector = local(FutexVector)
    vector.prepare(task.process.container.account.heap, u64(count))
    with deferred(vector.give_back):
        read_entries(vector, entries)
        find_keys(vector, task)
        return vector.wait(deadline)


def read_entries(vector: FutexVector, entries: UserAddr) -> Fallible[None]:
    """Read what to wait for. EFAULT, EINVAL."""
    user.check_range(entries, vector.count * ENTRY_SIZE)
    for number in range(vector.count):
        wanted = vector.of(number)
        entry = u64(entries) + number * ENTRY_SIZE
        value = user.get(u64, UserAddr(entry))
        wanted.address = UserAddr(user.get(u64, UserAddr(entry + 8)))
        flags = user.get(u32, UserAddr(entry + 16))
        reserved = user.get(u32, UserAddr(entry + 20))
        if flags & SIZE_BITS != SIZE_32 or flags - (flags & PRIVATE) != SIZE_32 or reserved != 0:
            raise EINVAL
        if value >> 32 != 0:
            raise EINVAL
        wanted.expected = truncate(u32, value)
        wanted.is_private = flags & PRIVATE != 0


def find_keys(vector: FutexVector, task: Thread) -> Fallible[None]:
    """Find out which futexes they are. EINVAL, EFAULT."""
    for number in range(vector.count):
        wanted = vector.of(number)
        if u64(wanted.address) % 4 != 0:
            raise EINVAL
        wanted.key.find(task.process.space, wanted.address, wanted.is_private)
