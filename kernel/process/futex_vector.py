"""Waiting for several futexes at once (futex_waitv(2))."""

from __future__ import annotations

from codegen.lang import (
    Errno,
    Fallible,
    Nanoseconds,
    UserAddr,
    construct,
    inline,
    reference,
    size_of,
    struct,
    u32,
    u64,
    uninitialised,
)
from kernel.base.errno import EAGAIN, EINTR, ETIMEDOUT
from kernel.memory import user
from kernel.memory.heap import Heap
from kernel.process.futex import MATCH_ANY, FutexKey, is_waiting, leave, sleep
from kernel.sched.cpu import current
from kernel.sched.futex_waiter import FutexWaiter
from kernel.sched.timer import NEVER, now

NONE: u64 = 0xFFFF_FFFF_FFFF_FFFF


@struct
class Wanted:
    """One of several futexes to wait for."""

    key: FutexKey = inline()
    address: UserAddr = UserAddr(0)
    is_private: bool = False
    expected: u32 = 0
    waiter: FutexWaiter = inline()


@struct
class FutexVector:
    """Several futexes, and the running thread's waiters for them."""

    heap: Heap = uninitialised()
    memory: u64 = 0
    count: u64 = 0
    begun: u64 = 0
    """For how many of them the thread waits, or has been woken."""

    def prepare(self, heap: Heap, count: u64) -> Fallible[None]:
        """Make room for so many. ENOMEM."""
        self.heap = heap
        self.count = count
        self.memory = heap.allocate(count * size_of(Wanted))
        for number in range(count):
            construct(Wanted, self.memory + number * size_of(Wanted))

    def give_back(self) -> None:
        """Give back what `prepare` made."""
        self.heap.release(self.memory)

    def of(self, number: u64) -> Wanted:
        """One of them."""
        assert number < self.count, "no such futex"
        return reference(Wanted, self.memory + number * size_of(Wanted))

    def wait(self, deadline: Nanoseconds) -> Fallible[u64]:
        """Sleep until one is woken, while all words are as expected; returns which. EAGAIN, ETIMEDOUT, EINTR, EFAULT.

        One that was woken counts, even if another word was found to be different since.
        """
        try:
            self.begin()
            self.sleep(deadline)
        except Errno as error:
            woken = self.leave_all()
            if woken == NONE:
                raise error
            return woken
        return self.leave_all()

    def begin(self) -> Fallible[None]:
        """Wait for each; looking at the words may sleep, and those before may be woken meanwhile. EAGAIN, EFAULT."""
        thread = current()
        for number in range(self.count):
            wanted = self.of(number)
            if user.get(u32, wanted.address) != wanted.expected:
                raise EAGAIN
            wanted.waiter.bits = MATCH_ANY
            wanted.key.give(wanted.waiter, thread)
            self.begun += 1

    def sleep(self, deadline: Nanoseconds) -> Fallible[None]:
        """Sleep until one is woken. ETIMEDOUT, EINTR."""
        thread = current()
        while self.are_all_waiting():
            if deadline != NEVER and now() >= deadline:
                raise ETIMEDOUT
            if thread.interrupted:
                raise EINTR
            sleep(thread, deadline)

    def are_all_waiting(self) -> bool:
        """Whether none has been woken."""
        for number in range(self.count):
            if not is_waiting(self.of(number).waiter):
                return False
        return True

    def leave_all(self) -> u64:
        """Wait no longer; returns the last one that was woken, or NONE."""
        woken = NONE
        for number in range(self.begun):
            waiter = self.of(number).waiter
            if is_waiting(waiter):
                leave(waiter)
            else:
                woken = number
        return woken
