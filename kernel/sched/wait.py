"""WaitQueue: threads that wait until something that others change has changed.

A queue counts its wake-ups. Who waits notes the count, looks whether what it needs is there, and sleeps only if
the count is still the same, so no wake-up between looking and sleeping is lost, and no lock is held while sleeping:

    while True:
        seen = queue.observe()
        with self.lock:
            if self.used > 0:
                return self.take()
        queue.sleep(seen)                 # EINTR when a signal or the end of the process comes first

What a queue belongs to may come to its end while threads sleep: `end` wakes them, and `sleep` is EIO from then on.

Everything is guarded by the lock of the scheduler, so `wake_all` may be called from interrupts and under any
other spinlock.
"""

from __future__ import annotations

from codegen.lang import Fallible, Nanoseconds, hot, inline, struct, u64
from kernel.base.errno import EINTR, EIO
from kernel.base.list import List
from kernel.sched import timer
from kernel.sched.cpu import current
from kernel.sched.scheduler import SCHEDULER, block, interrupt_locked, wake_locked
from kernel.sched.thread import Thread, ThreadState

ENDED: u64 = 0xFFFF_FFFF_FFFF_FFFF
"""`WaitQueue.wakes` of a queue at which nobody waits any more."""


@struct
class WaitQueue:
    """Threads that sleep until the next wake-up."""

    wakes: u64 = 0
    waiters: List[Thread] = inline(List(Thread.wait_link))

    def observe(self) -> u64:
        """How many wake-ups there were: note it before looking at what you wait for."""
        return self.wakes

    @hot
    def sleep(self, seen: u64) -> Fallible[None]:
        """Sleep until there are more wake-ups than `seen`.

        EINTR if the thread is to look at its signals; EIO when what it waits for has ended (`end`).
        """
        self.check_alive()
        self.wait(seen, timer.NEVER, True)
        self.check_alive()
        if current().interrupted and self.wakes == seen:
            raise EINTR

    def sleep_until(self, seen: u64, deadline: Nanoseconds) -> Fallible[bool]:
        """`sleep`, but not beyond `deadline`: False if it came first."""
        self.check_alive()
        in_time = self.wait(seen, deadline, True)
        self.check_alive()
        if in_time and current().interrupted and self.wakes == seen:
            raise EINTR
        return in_time

    @inline
    def check_alive(self) -> Fallible[None]:
        """EIO once the queue has ended."""
        if self.wakes == ENDED:
            raise EIO

    def sleep_uninterrupted(self, seen: u64) -> None:
        """`sleep` for what is sure to happen soon: no signal ends it."""
        while self.wakes == seen:
            self.wait(seen, timer.NEVER, False)

    @hot
    def wait(self, seen: u64, deadline: Nanoseconds, may_interrupt: bool) -> bool:
        """Sleep once; False if the deadline ended it."""
        thread = current()
        with SCHEDULER.lock:
            if self.wakes != seen or (may_interrupt and thread.interrupted):
                return True
            thread.state = ThreadState.BLOCKED
            thread.interruptible = may_interrupt
            thread.timed_out = False
            self.waiters.push_last(thread)
            if deadline != timer.NEVER:
                timer.SLEEPERS.insert(thread, deadline)
        block()
        thread.interruptible = False
        # Who wakes by the queue has taken the thread off it; then only the clock may still know of it.
        if self.waiters.contains_link(thread) or deadline != timer.NEVER:
            with SCHEDULER.lock:
                if self.waiters.contains_link(thread):
                    self.waiters.remove(thread)
                timer.SLEEPERS.discard(thread)
        return self.wakes != seen or not thread.timed_out

    @hot
    def wake_one(self) -> None:
        """Something changed that one waiter can use: wake who has waited longest."""
        with SCHEDULER.lock:
            self.count_wake()
            while True:
                thread = self.waiters.pop_first()
                if thread is None:
                    return
                if thread.state == ThreadState.BLOCKED:
                    wake_locked(thread)
                    return
                # The clock or a signal has woken it, and it will go away: the next one.

    @hot
    def wake_all(self) -> None:
        """Something changed: every waiter looks again."""
        with SCHEDULER.lock:
            self.count_wake()
            self.wake_waiters()

    def end(self) -> None:
        """What is waited for will never come: every waiter wakes up, and `sleep` is EIO from now on."""
        with SCHEDULER.lock:
            self.wakes = ENDED
            self.wake_waiters()

    @inline
    def count_wake(self) -> None:
        """One wake-up more. The lock of the scheduler is held."""
        if self.wakes != ENDED:
            self.wakes += 1

    @inline
    def wake_waiters(self) -> None:
        """Wake all that wait. The lock of the scheduler is held."""
        while True:
            thread = self.waiters.pop_first()
            if thread is None:
                return
            wake_locked(thread)


def interrupt(thread: Thread) -> None:
    """Let `thread` look at its signals soon: an interruptible sleep ends with EINTR, ring 3 is interrupted."""
    with SCHEDULER.lock:
        interrupt_locked(thread)


def kill(thread: Thread) -> None:
    """Let `thread` end as soon as it can: it ends itself on its way to ring 3."""
    with SCHEDULER.lock:
        thread.killed = True
        SCHEDULER.hasten(thread)
        interrupt_locked(thread)
