"""Time: the clock that only goes forward, and threads that sleep until a moment of it.

`now` is CLOCK_MONOTONIC: nanoseconds since the start. The tick of the scheduler looks at the first sleeper, so on a
busy processor a sleep is as exact as the tick is frequent (`TICK`); one that halts sets its timer. It is never shorter
than asked.
"""

from __future__ import annotations

from codegen.lang import Fallible, Nanoseconds, inline, struct, u64
from kernel.base.errno import EINTR
from kernel.base.tree import Tree
from kernel.machine import clock
from kernel.sched import scheduler
from kernel.sched.cpu import current
from kernel.sched.scheduler import SCHEDULER, block, wake_locked
from kernel.sched.thread import Thread, ThreadState

SECOND: u64 = 1_000_000_000
TICK: Nanoseconds = scheduler.TICK
NEVER: Nanoseconds = scheduler.NEVER
FAR: u64 = 0x7FFF_FFFF_FFFF_FFFF
"""The longest time and the last moment that programs see (KTIME_MAX), in the 23rd century."""
ROUND: u64 = 256
"""How many sleepers are woken at a time, as interrupts are off meanwhile."""


@struct
class Sleepers:
    """Threads that sleep until a moment, by that. Under the lock of the scheduler."""

    threads: Tree[Thread] = inline(Tree(Thread.sleep_node))

    def insert(self, thread: Thread, deadline: Nanoseconds) -> None:
        """Wake `thread` at `deadline`."""
        self.threads.insert_last(thread, u64(deadline))
        self.note_first()

    def discard(self, thread: Thread) -> None:
        """`thread` no longer waits for its deadline."""
        if self.threads.contains(thread):
            self.threads.remove(thread)
            self.note_first()

    def note_first(self) -> None:
        """Let the scheduler know until when a processor without work may halt."""
        first = self.threads.first
        SCHEDULER.next_deadline = NEVER if first is None else Nanoseconds(first.sleep_node.key)

    def expire(self, moment: Nanoseconds) -> None:
        """Wake the threads whose deadline is not after `moment`, at most ROUND: the rest when the clock ticks next."""
        for _ in range(ROUND):
            thread = self.threads.first
            if thread is None or SCHEDULER.next_deadline > moment:
                return
            self.discard(thread)
            thread.timed_out = True
            wake_locked(thread)


SLEEPERS = Sleepers()


def now() -> Nanoseconds:
    """Nanoseconds since the start of the machine (CLOCK_MONOTONIC)."""
    return clock.monotonic()


def wall_clock() -> Nanoseconds:
    """Nanoseconds since 1970-01-01 00:00 UTC (CLOCK_REALTIME)."""
    return clock.wall_time()


def expire_sleepers() -> None:
    """Called by every tick."""
    with SCHEDULER.lock:
        SLEEPERS.expire(now())


def after(delay: u64) -> Nanoseconds:
    """The moment `delay` nanoseconds from now, or the last one that there is."""
    moment = u64(now())
    return Nanoseconds(moment + min(delay, FAR - moment))


def sleep_until(deadline: Nanoseconds) -> Fallible[None]:
    """Sleep until `deadline`; EINTR if the thread is to look at its signals before."""
    thread = current()
    while now() < deadline:
        with SCHEDULER.lock:
            if thread.interrupted:
                raise EINTR
            thread.state = ThreadState.BLOCKED
            thread.interruptible = True
            SLEEPERS.insert(thread, deadline)
        block()
        with SCHEDULER.lock:
            thread.interruptible = False
            SLEEPERS.discard(thread)
