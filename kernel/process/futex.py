"""Futexes: sleeping until a word of a program's memory is said to have changed (futex(2)).

A futex is private to the memory that it is in: the key is the address space and the address. The key and the count
of wake-ups stand in the waiting thread, and all waiters are on one list in the order in which they came.
"""

from __future__ import annotations

from codegen.lang import Fallible, Nanoseconds, UserAddr, inline, struct, u32, u64
from kernel.base.errno import EAGAIN, EINTR, ETIMEDOUT
from kernel.base.list import List
from kernel.memory import user
from kernel.process.process import Process
from kernel.sched.cpu import current
from kernel.sched.thread import Thread
from kernel.sched.timer import now
from kernel.sched.wait import WaitQueue

MATCH_ANY: u32 = 0xFFFF_FFFF
"""FUTEX_BITSET_MATCH_ANY."""


@struct
class Futexes:
    """The threads that wait on a futex, in order. System calls are not preempted, so no lock is needed yet."""

    waiters: List[Thread] = inline(List(Thread.futex_link))
    changed: WaitQueue = inline()


FUTEXES = Futexes()


def wait(address: UserAddr, expected: u32, bits: u32, deadline: Nanoseconds) -> Fallible[None]:
    """Sleep while the word at `address` is `expected`, until it is woken: EAGAIN, ETIMEDOUT, EINTR, EFAULT."""
    thread = current()
    if user.get(u32, address) != expected:
        raise EAGAIN
    thread.futex = address
    thread.futex_bits = bits
    FUTEXES.waiters.push_last(thread)
    try:
        sleep_while_listed(thread, deadline)
    finally:
        if FUTEXES.waiters.contains_link(thread):
            FUTEXES.waiters.remove(thread)


def sleep_while_listed(thread: Thread, deadline: Nanoseconds) -> Fallible[None]:
    """Sleep until `wake` takes `thread` off the list."""
    while True:
        seen = FUTEXES.changed.observe()
        if not FUTEXES.waiters.contains_link(thread):
            return
        if now() >= deadline:
            raise ETIMEDOUT
        if thread.interrupted:
            raise EINTR
        FUTEXES.changed.wait(seen, deadline, True)


def wake(process: Process, address: UserAddr, count: u64, bits: u32 = MATCH_ANY) -> u64:
    """Wake up to `count` threads that wait at `address` in the memory of `process`; returns how many."""
    woken: u64 = 0
    for thread in FUTEXES.waiters:
        if woken < count and is_waiter(thread, process, address, bits):
            FUTEXES.waiters.remove(thread)
            woken += 1
    if woken > 0:
        FUTEXES.changed.wake_all()
    return woken


def requeue(process: Process, source: UserAddr, target: UserAddr, count: u64) -> u64:
    """Let up to `count` threads that wait at `source` wait at `target` instead; returns how many."""
    moved: u64 = 0
    for thread in FUTEXES.waiters:
        if moved < count and is_waiter(thread, process, source, MATCH_ANY):
            thread.futex = target
            moved += 1
    return moved


def is_waiter(thread: Thread, process: Process, address: UserAddr, bits: u32) -> bool:
    """Whether `thread` waits at `address` of the memory of `process`, for one of `bits`."""
    return thread.space is process.space and thread.futex == address and thread.futex_bits & bits != 0
