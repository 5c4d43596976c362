"""Futexes: sleeping until a word of memory is said to have changed (futex(2)).

A futex is known by a key: the address space and the address, or, in memory that processes share, the place in physical
memory. Key and mask stand in the waiting thread; all waiters are on one list, in the order in which they came.
"""

from __future__ import annotations

from codegen.lang import Errno, Fallible, Nanoseconds, UserAddr, address_of, align_down, inline, struct, u32, u64
from kernel.base.errno import EAGAIN, EFAULT, EINTR, ETIMEDOUT
from kernel.base.list import List
from kernel.machine.layout import PAGE_SIZE
from kernel.machine.paging import index_at
from kernel.memory import page_tables, user
from kernel.memory.fault import handle_fault
from kernel.memory.region import Access
from kernel.memory.space import AddressSpace
from kernel.sched.cpu import current
from kernel.sched.thread import Thread
from kernel.sched.timer import now
from kernel.sched.wait import WaitQueue

MATCH_ANY: u32 = 0xFFFF_FFFF
"""FUTEX_BITSET_MATCH_ANY."""


@struct
class FutexKey:
    """Which futex is meant."""

    space: u64 = 0
    """The address of the AddressSpace; 0 for shared memory."""
    place: u64 = 0
    """The address in that space, or in physical memory."""

    def find(self, space: AddressSpace, address: UserAddr, is_private: bool) -> Fallible[None]:
        """Become the key of the word at `address`. EFAULT where nothing is mapped, unless it is said to be private."""
        self.space = address_of(space)
        self.place = u64(address)
        if is_private:
            return
        page = align_down(u64(address), PAGE_SIZE)
        with space.lock:
            region = space.region_at(page)
            if region is None:
                raise EFAULT
            if not region.shared:
                return
            access = Access.WRITE if region.allows(Access.WRITE) else Access.READ
        # A page that was never written to may still be shown from elsewhere; writing to it settles where it is.
        try:
            handle_fault(space, page, access)
        except Errno:
            raise EFAULT from None
        with space.lock:
            table = page_tables.find_table(space.root, page)
            if table is None:
                raise EFAULT
            self.space = 0
            self.place = u64(table.entries[index_at(page, 1)].frame) * PAGE_SIZE + u64(address) % PAGE_SIZE

    def give(self, thread: Thread) -> None:
        """Let `thread` wait for this futex."""
        thread.futex_space = self.space
        thread.futex_place = self.place

    def is_awaited(self, thread: Thread, bits: u32) -> bool:
        """Whether `thread` waits for this futex and one of `bits`."""
        return thread.futex_place == self.place and thread.futex_space == self.space and thread.futex_bits & bits != 0


@struct
class Futexes:
    """The threads that wait on a futex, in order. System calls are not preempted, so no lock is needed yet."""

    waiters: List[Thread] = inline(List(Thread.futex_link))
    changed: WaitQueue = inline()


FUTEXES = Futexes()


def wait(key: FutexKey, address: UserAddr, expected: u32, bits: u32, deadline: Nanoseconds) -> Fallible[None]:
    """Sleep while the word at `address` is `expected`, until it is woken: EAGAIN, ETIMEDOUT, EINTR, EFAULT."""
    thread = current()
    if user.get(u32, address) != expected:
        raise EAGAIN
    key.give(thread)
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


def wake(key: FutexKey, count: u64, bits: u32 = MATCH_ANY) -> u64:
    """Wake up to `count` threads that wait for `key` and one of `bits`; returns how many."""
    woken: u64 = 0
    for thread in FUTEXES.waiters:
        if woken < count and key.is_awaited(thread, bits):
            FUTEXES.waiters.remove(thread)
            woken += 1
    if woken > 0:
        FUTEXES.changed.wake_all()
    return woken


def requeue(source: FutexKey, target: FutexKey, count: u64) -> u64:
    """Let up to `count` threads that wait for `source` wait for `target` instead; returns how many."""
    moved: u64 = 0
    for thread in FUTEXES.waiters:
        if moved < count and source.is_awaited(thread, MATCH_ANY):
            target.give(thread)
            moved += 1
    return moved
