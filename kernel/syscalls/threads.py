"""Threads: futex(2), set_tid_address(2), set_robust_list(2), scheduling."""

from __future__ import annotations

from codegen.lang import (
    Fallible,
    Nanoseconds,
    Pid,
    UserAddr,
    hot,
    i32,
    inline,
    invert,
    local,
    noinline,
    u32,
    u64,
    wrapping_add,
)
from kernel.base.errno import EAGAIN, EINTR, EINVAL, ENOSYS, EPERM, ESRCH
from kernel.memory import user
from kernel.process import futex as futexes
from kernel.process.access import LookAs, may_look_into
from kernel.process.futex import FutexKey
from kernel.process.restart import keep
from kernel.sched.scheduler import yield_now
from kernel.sched.thread import Thread
from kernel.sched.timer import NEVER, after, now, wall_clock
from kernel.syscalls.declare import syscall
from kernel.syscalls.time import get_timespec

FUTEX: u64 = 202
FUTEX_WAIT = 0
FUTEX_WAKE = 1
FUTEX_FD = 2
FUTEX_REQUEUE = 3
FUTEX_CMP_REQUEUE = 4
FUTEX_WAKE_OP = 5
FUTEX_LOCK_PI = 6
FUTEX_TRYLOCK_PI = 8
FUTEX_WAIT_BITSET = 9
FUTEX_WAKE_BITSET = 10
FUTEX_COMMAND_BITS: u32 = 0x7F
FUTEX_CLOCK_REALTIME: u32 = 256
FUTEX_PRIVATE: u32 = 128
"""futex(2)."""
HIGHEST_COUNT: u64 = 0x7FFF_FFFF
WAKE_OP_SHIFT: u32 = 0x8000_0000
"""FUTEX_OP_ARG_SHIFT in the encoded operation: the operand is 1 shifted by it."""
SIGN: u32 = 0x8000_0000
ROBUST_LIST_SIZE: u64 = 24


@syscall(202, missing="the operations that lend priority (FUTEX_LOCK_PI and its like), FUTEX_FD: ENOSYS")
@hot
def futex(
    task: Thread, word: UserAddr, operation: u32, value: u32, timeout: UserAddr, second: UserAddr, third: u32
) -> Fallible[u64]:
    """futex(2): WAIT, WAKE, REQUEUE, CMP_REQUEUE, WAKE_OP and the BITSET variants; those that lend priority: ENOSYS."""
    command = operation & FUTEX_COMMAND_BITS
    if command > FUTEX_WAKE or operation & FUTEX_CLOCK_REALTIME != 0:
        return do_other(task, word, operation, value, timeout, second, third)
    deadline = NEVER
    if command == FUTEX_WAIT and u64(timeout) != 0:
        deadline = deadline_of(timeout, False, False)
    if u64(word) % 4 != 0:
        raise EINVAL
    key = local(FutexKey)
    key.find(task.process.space, word, operation & FUTEX_PRIVATE != 0)
    if command == FUTEX_WAKE:
        return futexes.wake(key, u64(value))
    wait_to(task, key, word, value, futexes.MATCH_ANY, deadline)
    return 0


@inline
def wait_to(
    task: Thread, key: FutexKey, word: UserAddr, value: u32, bits: u32, deadline: Nanoseconds
) -> Fallible[None]:
    """Sleep at a futex, and after an interruption to the same moment, if there is one."""
    try:
        futexes.wait(key, word, value, bits, deadline)
    except EINTR:
        if deadline != NEVER:
            keep(task, FUTEX, deadline)
        raise


def wait_again(
    task: Thread, word: UserAddr, operation: u32, value: u32, bits: u32, deadline: Nanoseconds
) -> Fallible[None]:
    """FUTEX_WAIT or FUTEX_WAIT_BITSET, which was interrupted, again: to `deadline`."""
    key = local(FutexKey)
    key.find(task.process.space, word, operation & FUTEX_PRIVATE != 0)
    is_masked = operation & FUTEX_COMMAND_BITS == FUTEX_WAIT_BITSET
    wait_to(task, key, word, value, bits if is_masked else futexes.MATCH_ANY, deadline)


@noinline
def do_other(
    task: Thread, word: UserAddr, operation: u32, value: u32, timeout: UserAddr, second: UserAddr, third: u32
) -> Fallible[u64]:
    """The operations but for FUTEX_WAIT and FUTEX_WAKE, which are what C libraries use."""
    command = operation & FUTEX_COMMAND_BITS
    is_wall_clock = operation & FUTEX_CLOCK_REALTIME != 0
    if command > FUTEX_WAKE_BITSET or command == FUTEX_FD or FUTEX_LOCK_PI <= command <= FUTEX_TRYLOCK_PI:
        raise ENOSYS
    if is_wall_clock and command != FUTEX_WAIT_BITSET:
        raise ENOSYS
    deadline = NEVER
    if command == FUTEX_WAIT or command == FUTEX_WAIT_BITSET:
        deadline = deadline_of(timeout, command == FUTEX_WAIT_BITSET, is_wall_clock)
    if u64(word) % 4 != 0:
        raise EINVAL
    bits = third if command == FUTEX_WAIT_BITSET or command == FUTEX_WAKE_BITSET else futexes.MATCH_ANY
    if bits == 0:
        raise EINVAL
    key = local(FutexKey)
    is_private = operation & FUTEX_PRIVATE != 0
    key.find(task.process.space, word, is_private)
    if command == FUTEX_WAIT or command == FUTEX_WAIT_BITSET:
        wait_to(task, key, word, value, bits, deadline)
        return 0
    if command == FUTEX_WAKE or command == FUTEX_WAKE_BITSET:
        return futexes.wake(key, u64(value), bits)
    if u64(second) % 4 != 0:
        raise EINVAL
    target = local(FutexKey)
    target.find(task.process.space, second, is_private)
    if command == FUTEX_WAKE_OP:
        holds = change_word(second, third)
        woken = futexes.wake(key, u64(value))
        return woken + futexes.wake(target, u64(timeout)) if holds else woken
    if value > HIGHEST_COUNT or u64(timeout) & 0xFFFF_FFFF > HIGHEST_COUNT:
        raise EINVAL
    if command == FUTEX_CMP_REQUEUE and user.get(u32, word) != third:
        raise EAGAIN
    woken = futexes.wake(key, u64(value))
    return woken + futexes.requeue(key, target, u64(timeout) & 0xFFFF_FFFF)


def change_word(address: UserAddr, encoded: u32) -> Fallible[bool]:
    """FUTEX_WAKE_OP: change the word as `encoded` says; whether it was as that asks for. EFAULT, ENOSYS."""
    old = user.get(u32, address)
    operand = signed_field(encoded >> 12)
    if encoded & WAKE_OP_SHIFT != 0:
        operand = 1 << (operand & 31)
    change = encoded >> 28 & 7
    if change == 0:
        new = operand
    elif change == 1:
        new = wrapping_add(u32, old, operand)
    elif change == 2:
        new = old | operand
    elif change == 3:
        new = old & invert(u32, operand)
    elif change == 4:
        new = old ^ operand
    else:
        raise ENOSYS
    user.put(u32, address, new)
    return compares(encoded >> 24 & 15, old ^ SIGN, signed_field(encoded) ^ SIGN)


def signed_field(value: u32) -> u32:
    """The low 12 bits of `value` as a signed number, in 32 bits."""
    field = value & 0xFFF
    return field | 0xFFFF_F000 if field & 0x800 != 0 else field


def compares(comparison: u32, left: u32, right: u32) -> Fallible[bool]:
    """FUTEX_OP_CMP_*; the sign bits are turned over, so that unsigned order is that of the signed numbers. ENOSYS."""
    if comparison == 0:
        return left == right
    if comparison == 1:
        return left != right
    if comparison == 2:
        return left < right
    if comparison == 3:
        return left <= right
    if comparison == 4:
        return left > right
    if comparison == 5:
        return left >= right
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
    """set_robust_list(2)."""
    if length != ROBUST_LIST_SIZE:
        raise EINVAL
    task.robust_list = head


@syscall(274)
def get_robust_list(task: Thread, thread_id: i32, head: UserAddr, length: UserAddr) -> Fallible[None]:
    """get_robust_list(2). ESRCH; EPERM for a thread of somebody else."""
    thread = task if thread_id == 0 else thread_of(task, thread_id)
    if not may_look_into(thread.process, LookAs.REAL):
        raise EPERM
    list_head = u64(thread.robust_list)  # the thread may end while the length is written
    user.put(u64, length, ROBUST_LIST_SIZE)
    user.put(u64, head, list_head)


def thread_of(task: Thread, thread_id: i32) -> Fallible[Thread]:
    """The thread with a number in the caller's container. ESRCH."""
    if thread_id <= 0:
        raise ESRCH
    return task.process.container.numbers.thread(Pid(thread_id))


@syscall(24, unlocked=True)
def sched_yield(task: Thread) -> None:
    """sched_yield(2)."""
    yield_now()
