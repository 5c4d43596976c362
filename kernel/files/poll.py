"""Poll: waiting until one of many files is ready (poll(2), select(2)).

Whoever makes a file ready, anywhere in the kernel and also in interrupts, calls `readiness_changed`; every thread that
waits for this source of changes then asks its files again. One queue for all keeps files free of lists of who polls
them. Sources are told apart by a bit each: pipes and event counters, which change often, share 62, signals have one,
and all others one together. So a thread is woken for nothing at times, but rarely by a pipe that it does not wait for.
"""

from __future__ import annotations

from codegen.lang import Atomic, Fallible, Nanoseconds, hot, inline, struct, u64
from kernel.sched.timer import now
from kernel.sched.wait import WaitQueue

OTHERS: u64 = 1 << 63
"""The source that all files are which have none of their own."""
SIGNAL_SOURCE: u64 = 1 << 62
"""The source that signals are, for signalfd(2) and sigtimedwait(2)."""
ALL_SOURCES: u64 = 0xFFFF_FFFF_FFFF_FFFF


@struct
class Readiness:
    """How often files became ready, and who waits for the next time.

    Who polls first notes what it waits for and then looks at `changes`; who makes a file ready changes that first and
    then looks for pollers. So at least one of the two sees the other, without a lock.
    """

    changes: Atomic[u64] = inline()
    awaited: Atomic[u64] = inline()
    """The sources that threads in `queue` wait for, and some that others waited for before."""
    queue: WaitQueue = inline()


READINESS = Readiness()


@hot
def readiness_changed(source: u64 = OTHERS) -> None:
    """A file with this source may be ready for something that it was not ready for before."""
    READINESS.changes.fetch_add(1)
    if READINESS.awaited.load() & source != 0:
        # All are woken and note again what they wait for; who does so from now on has yet to look at the queue's count.
        READINESS.awaited.store(0)
        READINESS.queue.wake_all()


def source_of(address: u64) -> u64:
    """The source of changes for the object at `address`."""
    return u64(1) << address // 64 % 62


def observe() -> u64:
    """Note this before asking files for their readiness."""
    return READINESS.changes.load()


def wait_for_change(seen: u64, deadline: Nanoseconds, sources: u64 = OTHERS) -> Fallible[bool]:
    """Sleep until a file of these sources changed after `seen` was noted; False when `deadline` came first. EINTR."""
    if now() >= deadline:
        return False
    wakes = READINESS.queue.observe()
    READINESS.awaited.fetch_or(sources)
    if READINESS.changes.load() != seen:
        return True
    return READINESS.queue.sleep_until(wakes, deadline)
