"""Poll: waiting until one of many files is ready (poll(2), select(2)).

Whoever makes a file ready, anywhere in the kernel and also in interrupts, calls `readiness_changed`; every
thread that polls then asks its files again. One queue for all keeps files free of lists of who polls them, at
the price of wake-ups for nothing.
"""

from __future__ import annotations

from codegen.lang import Fallible, Nanoseconds, u64
from kernel.sched.timer import now
from kernel.sched.wait import WaitQueue

READINESS = WaitQueue()


def readiness_changed() -> None:
    """Some file may be ready for something that it was not ready for before."""
    READINESS.wake_all()


def observe() -> u64:
    """Note this before asking files for their readiness."""
    return READINESS.observe()


def wait_for_change(seen: u64, deadline: Nanoseconds) -> Fallible[bool]:
    """Sleep until some file changed after `seen` was noted; False when `deadline` came first. Raises EINTR."""
    if now() >= deadline:
        return False
    return READINESS.sleep_until(seen, deadline)
