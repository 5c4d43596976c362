"""Threads: futex(2), set_tid_address(2), set_robust_list(2), scheduling."""

from __future__ import annotations

from codegen.lang import Fallible, Nanoseconds, UserAddr, i32, u32, u64
from kernel.base.errno import EAGAIN, EINVAL, ENOSYS
from kernel.memory import user
from kernel.process import futex as futexes
from kernel.sched.scheduler import yield_now
from kernel.sched.thread import Thread
from kernel.sched.timer import NEVER, after, now, wall_clock
from kernel.syscalls.declare import syscall
from kernel.syscalls.identity import process_or_self
from kernel.syscalls.time import get_timespec

FUTEX_WAIT = 0
FUTEX_WAKE = 1
FUTEX_REQUEUE = 3
FUTEX_CMP_REQUEUE = 4
FUTEX_WAIT_BITSET = 9
FUTEX_WAKE_BITSET = 10
FUTEX_COMMAND_BITS: u32 = 0x7F
FUTEX_CLOCK_REALTIME: u32 = 256
"""futex(2). Memory shared between processes is not supported as a place of futexes yet."""
ROBUST_LIST_SIZE: u64 = 24
CPU_SET_BYTES: u64 = 8


@syscall(202)
def futex(
    task: Thread, word: UserAddr, operation: u32, value: u32, timeout: UserAddr, second: UserAddr, third: u32
) -> Fallible[u64]:
    """futex(2): WAIT, WAKE, their BITSET variants, REQUEUE and CMP_REQUEUE; others are ENOSYS."""
    if u64(word) % 4 != 0:
        raise EINVAL
    command = operation & FUTEX_COMMAND_BITS
    process = task.process
    if command == FUTEX_WAIT or command == FUTEX_WAIT_BITSET:
        bits = futexes.MATCH_ANY if command == FUTEX_WAIT else third
        if bits == 0:
            raise EINVAL
        is_absolute = command == FUTEX_WAIT_BITSET
        futexes.wait(word, value, bits, deadline_of(timeout, is_absolute, operation & FUTEX_CLOCK_REALTIME != 0))
        return 0
    if command == FUTEX_WAKE:
        return futexes.wake(process, word, u64(value))
    if command == FUTEX_WAKE_BITSET:
        if third == 0:
            raise EINVAL
        return futexes.wake(process, word, u64(value), third)
    if command == FUTEX_REQUEUE or command == FUTEX_CMP_REQUEUE:
        if command == FUTEX_CMP_REQUEUE and user.get(u32, word) != third:
            raise EAGAIN
        woken = futexes.wake(process, word, u64(value))
        return woken + futexes.requeue(process, word, second, u64(timeout))
    raise ENOSYS


def deadline_of(timeout: UserAddr, is_absolute: bool, is_wall_clock: bool) -> Fallible[Nanoseconds]:
    """When a wait ends: never without a timeout; else at a moment of a clock, or after a duration."""
    if u64(timeout) == 0:
        return NEVER
    value = get_timespec(timeout)
    if not is_absolute:
        return after(value)
    moment = u64(wall_clock()) if is_wall_clock else u64(now())
    return after(value - moment) if value > moment else Nanoseconds(0)


@syscall(218)
def set_tid_address(task: Thread, address: UserAddr) -> u64:
    """set_tid_address(2)."""
    task.clear_child_tid = address
    return u64(task.id)


@syscall(273)
def set_robust_list(task: Thread, head: UserAddr, length: u64) -> Fallible[None]:
    """set_robust_list(2): remembered; the locks of a thread that dies with them held stay so for now."""
    if length != ROBUST_LIST_SIZE:
        raise EINVAL
    task.robust_list = head


@syscall(24)
def sched_yield(task: Thread) -> None:
    """sched_yield(2)."""
    yield_now()


@syscall(204)
def sched_getaffinity(task: Thread, pid: i32, length: u64, mask: UserAddr) -> Fallible[u64]:
    """sched_getaffinity(2): the one processor."""
    process_or_self(task, pid)
    if length < CPU_SET_BYTES or length % CPU_SET_BYTES != 0:
        raise EINVAL
    user.put(u64, mask, 1)
    return CPU_SET_BYTES


@syscall(140)
def getpriority(task: Thread, which: u32, who: i32) -> Fallible[u64]:
    """getpriority(2): every process has nice value 0, which the call tells as 20."""
    if which > 2:
        raise EINVAL
    return 20
