"""Time: the clock that only goes forward, and threads that sleep until a moment of it.

`now` is CLOCK_MONOTONIC: nanoseconds since the start. The tick of the scheduler looks at the first sleeper, so on a
busy processor a sleep is as exact as the tick is frequent (`TICK`); one that halts sets its timer. It is never shorter
than asked.
"""

from __future__ import annotations

from codegen.lang import Fallible, Nanoseconds, inline, struct, u64
from kernel.base.errno import EINTR
from kernel.base.list import List
from kernel.machine import clock
from kernel.sched import scheduler
from kernel.sched.cpu import current
from kernel.sched.scheduler import SCHEDULER, block, wake_locked
from kernel.sched.thread import Thread, ThreadState

SECOND: u64 = 1_000_000_000
TICK: Nanoseconds = scheduler.TICK
NEVER: Nanoseconds = scheduler.NEVER


@struct
class Sleepers:
    """Threads that sleep until a moment, the earliest first. Under the lock of the scheduler."""

    threads: List[Thread] = inline(List(Thread.sleep_link))

    def insert(self, thread: Thread, deadline: Nanoseconds) -> None:
        """Wake `thread` at `deadline`."""
        thread.deadline = deadline
        for other in self.threads:
            if deadline < other.deadline:
                self.threads.insert_before(other, thread)
                break
        else:
            self.threads.push_last(thread)
        self.note_first()

    def discard(self, thread: Thread) -> None:
        """`thread` no longer waits for its deadline."""
        if self.threads.contains_link(thread):
            self.threads.remove(thread)
            self.note_first()

    def note_first(self) -> None:
        """Let the scheduler know until when a processor without work may halt."""
        first = self.threads.first
        SCHEDULER.next_deadline = NEVER if first is None else first.deadline

    def expire(self, moment: Nanoseconds) -> None:
        """Wake every thread whose deadline is not after `moment`."""
        while True:
            thread = self.threads.first
            if thread is None or thread.deadline > moment:
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
    """The moment `delay` nanoseconds from now; NEVER if that is beyond the end of the clock."""
    moment = now()
    if delay > u64(NEVER) - u64(moment):
        return NEVER
    return Nanoseconds(u64(moment) + delay)


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
