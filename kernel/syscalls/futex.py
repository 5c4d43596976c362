"""Futexes: futex(2).

What is checked in which order is that of Linux: the time, the command, the first word's address, the second one's.
"""

from __future__ import annotations

from codegen.lang import (
    Fallible,
    Nanoseconds,
    UserAddr,
    hot,
    inline,
    invert,
    local,
    noinline,
    u32,
    u64,
    wrapping_add,
)
from kernel.base.errno import EAGAIN, EINTR, EINVAL, ENOSYS
from kernel.memory import user
from kernel.process import futex as futexes
from kernel.process import priority_futex, priority_move
from kernel.process.futex import MATCH_ANY, FutexKey
from kernel.process.priority_move import Move
from kernel.process.restart import keep
from kernel.sched.preemption import give_way
from kernel.sched.thread import Thread
from kernel.sched.timer import NEVER, after, now, wall_clock
from kernel.syscalls.declare import syscall
from kernel.syscalls.time import get_timespec

FUTEX: u64 = 202
WAIT = 0
WAKE = 1
REQUEUE = 3
CMP_REQUEUE = 4
WAKE_OP = 5
LOCK_PI = 6
UNLOCK_PI = 7
TRYLOCK_PI = 8
WAIT_BITSET = 9
WAKE_BITSET = 10
WAIT_REQUEUE_PI = 11
CMP_REQUEUE_PI = 12
LOCK_PI2 = 13
"""FUTEX_* (futex(2))."""
COMMAND_BITS: u32 = 0x7F
CLOCK_REALTIME: u32 = 256
PRIVATE: u32 = 128
"""FUTEX_CMD_MASK, FUTEX_CLOCK_REALTIME, FUTEX_PRIVATE_FLAG."""
HIGHEST_COUNT: u64 = 0x7FFF_FFFF
WAKE_OP_SHIFT: u32 = 0x8000_0000
"""FUTEX_OP_ARG_SHIFT in the encoded operation: the operand is 1 shifted by it."""
SIGN: u32 = 0x8000_0000


@syscall(202, missing="FUTEX_FD: ENOSYS")
@hot
def futex(
    task: Thread, word: UserAddr, operation: u32, value: u32, timeout: UserAddr, second: UserAddr, third: u32
) -> Fallible[u64]:
    """futex(2). FUTEX_WAIT and FUTEX_WAKE come first: they are what C libraries use."""
    command = operation & COMMAND_BITS
    if command > WAKE or operation & CLOCK_REALTIME != 0:
        return do_other(task, word, operation, value, timeout, second, third)
    deadline = NEVER
    if command == WAIT and u64(timeout) != 0:
        deadline = after(get_timespec(timeout))
    key = local(FutexKey)
    find_key(key, task, word, operation)
    if command == WAKE:
        return futexes.wake(key, count_of(value))
    wait_to(task, key, word, value, MATCH_ANY, deadline)
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
    find_key(key, task, word, operation)
    is_masked = operation & COMMAND_BITS == WAIT_BITSET
    wait_to(task, key, word, value, bits if is_masked else MATCH_ANY, deadline)


@inline
def find_key(key: FutexKey, task: Thread, word: UserAddr, operation: u32) -> Fallible[None]:
    """Let `key` be that of a word. EINVAL, EFAULT."""
    if u64(word) % 4 != 0:
        raise EINVAL
    key.find(task.process.space, word, operation & PRIVATE != 0)


@inline
def count_of(value: u32) -> u64:
    """How many to wake: one at least, as Linux counts after it has woken."""
    return u64(value) if 0 < u64(value) <= HIGHEST_COUNT else 1


@noinline
def do_other(
    task: Thread, word: UserAddr, operation: u32, value: u32, timeout: UserAddr, second: UserAddr, third: u32
) -> Fallible[u64]:
    """The operations but for FUTEX_WAIT and FUTEX_WAKE; these, too, where a clock was named."""
    command = operation & COMMAND_BITS
    deadline = deadline_of(command, operation & CLOCK_REALTIME != 0, timeout)
    count = u64(timeout) & 0xFFFF_FFFF
    if command == WAKE_BITSET:
        if third == 0:
            raise EINVAL
        key = local(FutexKey)
        find_key(key, task, word, operation)
        return futexes.wake(key, count_of(value), third)
    if command == REQUEUE or command == CMP_REQUEUE:
        if value > HIGHEST_COUNT or count > HIGHEST_COUNT:
            raise EINVAL
        return requeue(task, word, operation, value, count, second, third)
    if command == WAKE_OP:
        return change_and_wake(task, word, operation, value, count, second, third)
    if command == CMP_REQUEUE_PI:
        if value != 1 or count > HIGHEST_COUNT or word == second:
            raise EINVAL
        return move(task, word, operation, count, second, third)
    if command == WAIT_BITSET:
        wait_for_bits(task, word, operation, value, third, deadline)
    elif command == WAIT_REQUEUE_PI:
        wait_for_move(task, word, operation, value, second, deadline)
    elif command == LOCK_PI or command == LOCK_PI2 or command == TRYLOCK_PI or command == UNLOCK_PI:
        lock_or_unlock(task, word, operation, deadline)
    else:
        raise ENOSYS
    return 0


def deadline_of(command: u32, is_wall_clock: bool, timeout: UserAddr) -> Fallible[Nanoseconds]:
    """When a command ends that may wait; never without a timeout. EFAULT, EINVAL; ENOSYS where it has no clock."""
    if command == WAIT_BITSET or command == WAIT_REQUEUE_PI or command == LOCK_PI2:
        return moment_of(timeout, is_wall_clock)
    deadline = NEVER
    if command == LOCK_PI or command == WAIT:
        deadline = moment_of(timeout, True)
    if is_wall_clock:
        raise ENOSYS
    return deadline


def moment_of(timeout: UserAddr, is_wall_clock: bool) -> Fallible[Nanoseconds]:
    """When a moment of a clock comes, which a timespec tells; never without one. EFAULT, EINVAL."""
    if u64(timeout) == 0:
        return NEVER
    value = get_timespec(timeout)
    moment = u64(wall_clock()) if is_wall_clock else u64(now())
    return after(value - moment) if value > moment else Nanoseconds(0)


def wait_for_bits(
    task: Thread, word: UserAddr, operation: u32, value: u32, bits: u32, deadline: Nanoseconds
) -> Fallible[None]:
    """FUTEX_WAIT_BITSET."""
    if bits == 0:
        raise EINVAL
    key = local(FutexKey)
    find_key(key, task, word, operation)
    wait_to(task, key, word, value, bits, deadline)


def requeue(
    task: Thread, word: UserAddr, operation: u32, value: u32, count: u64, second: UserAddr, expected: u32
) -> Fallible[u64]:
    """FUTEX_REQUEUE and FUTEX_CMP_REQUEUE."""
    source = local(FutexKey)
    find_key(source, task, word, operation)
    target = local(FutexKey)
    find_key(target, task, second, operation)
    if operation & COMMAND_BITS == CMP_REQUEUE and user.get(u32, word) != expected:
        raise EAGAIN
    woken: u64 = 0 if value == 0 else futexes.wake(source, u64(value))
    return woken + futexes.requeue(source, target, count)


def change_and_wake(
    task: Thread, word: UserAddr, operation: u32, value: u32, count: u64, second: UserAddr, encoded: u32
) -> Fallible[u64]:
    """FUTEX_WAKE_OP."""
    first = local(FutexKey)
    find_key(first, task, word, operation)
    other = local(FutexKey)
    find_key(other, task, second, operation)
    holds = change_word(second, encoded)
    woken = futexes.wake(first, count_of(value))
    return woken + futexes.wake(other, count_of(u32(count))) if holds else woken


def lock_or_unlock(task: Thread, word: UserAddr, operation: u32, deadline: Nanoseconds) -> Fallible[None]:
    """FUTEX_LOCK_PI, FUTEX_LOCK_PI2, FUTEX_TRYLOCK_PI, FUTEX_UNLOCK_PI."""
    command = operation & COMMAND_BITS
    if command == UNLOCK_PI:
        priority_futex.check_mine(user.get(u32, word))
    key = local(FutexKey)
    find_key(key, task, word, operation)
    if command == UNLOCK_PI:
        priority_futex.unlock(key, word)
    else:
        priority_futex.lock(key, word, deadline, command != TRYLOCK_PI)


def wait_for_move(
    task: Thread, word: UserAddr, operation: u32, value: u32, lock: UserAddr, deadline: Nanoseconds
) -> Fallible[None]:
    """FUTEX_WAIT_REQUEUE_PI."""
    if word == lock:
        raise EINVAL
    target = local(FutexKey)
    find_key(target, task, lock, operation)
    key = local(FutexKey)
    find_key(key, task, word, operation)
    priority_move.wait_for_move(key, word, target, lock, value, deadline)


def move(task: Thread, word: UserAddr, operation: u32, count: u64, lock: UserAddr, expected: u32) -> Fallible[u64]:
    """FUTEX_CMP_REQUEUE_PI."""
    wanted = local(Move)
    find_key(wanted.source, task, word, operation)
    find_key(wanted.target, task, lock, operation)
    wanted.address = word
    wanted.lock_address = lock
    wanted.expected = expected
    wanted.count = count
    return wanted.make()


def change_word(address: UserAddr, encoded: u32) -> Fallible[bool]:
    """FUTEX_WAKE_OP: change the word as `encoded` says; whether it was as that asks for. EFAULT, ENOSYS."""
    old = user.get(u32, address)
    while True:
        found = user.compare_exchange(address, old, changed(old, encoded))
        if found == old:
            return compares(encoded >> 24 & 15, old ^ SIGN, signed_field(encoded) ^ SIGN)
        old = found  # another processor was faster
        give_way()


def changed(old: u32, encoded: u32) -> Fallible[u32]:
    """What becomes of `old` by FUTEX_OP_*. ENOSYS."""
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
    return new


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
