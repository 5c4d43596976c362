"""Poll: waiting until one of many files is ready (poll(2), select(2)).

Whoever makes a file ready, anywhere in the kernel and also in interrupts, calls `readiness_changed`; every
thread that polls then asks its files again. One queue for all keeps files free of lists of who polls them, at
the price of wake-ups for nothing.
"""

from __future__ import annotations

from codegen.lang import Atomic, Fallible, Nanoseconds, inline, struct, u64
from kernel.sched.timer import now
from kernel.sched.wait import WaitQueue


@struct
class Readiness:
    """How often files became ready, and who waits for the next time.

    Who polls first says so and then looks at `changes`; who makes a file ready changes that first and then looks for
    pollers. So at least one of the two sees the other, without a lock.
    """

    changes: Atomic[u64] = inline()
    pollers: Atomic[u64] = inline()
    queue: WaitQueue = inline()


READINESS = Readiness()


def readiness_changed() -> None:
    """Some file may be ready for something that it was not ready for before."""
    READINESS.changes.fetch_add(1)
    if READINESS.pollers.load() != 0:
        READINESS.queue.wake_all()


def observe() -> u64:
    """Note this before asking files for their readiness."""
    return READINESS.changes.load()


def wait_for_change(seen: u64, deadline: Nanoseconds) -> Fallible[bool]:
    """Sleep until some file changed after `seen` was noted; False when `deadline` came first. Raises EINTR."""
    if now() >= deadline:
        return False
    READINESS.pollers.fetch_add(1)
    try:
        wakes = READINESS.queue.observe()
        if READINESS.changes.load() != seen:
            return True
        return READINESS.queue.sleep_until(wakes, deadline)
    finally:
        READINESS.pollers.fetch_sub(1)
