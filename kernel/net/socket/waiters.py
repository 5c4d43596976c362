"""Waiters: threads that sleep until something about a socket has changed, and a count of them.

A thread that will wait enters first, then looks once more for what it waits for, and sleeps if that is not there; one
that changes something wakes others only if some have entered. So one of the two sees the other, and while nobody waits
it costs one look.

    seen = self.readers.enter()
    with self.lock:
        is_there = ...
    if not is_there:
        in_time = self.readers.sleep(seen, deadline)        # EINTR
    self.readers.leave()
"""

from __future__ import annotations

from codegen.lang import Atomic, Fallible, Nanoseconds, hot, inline, struct, u64
from kernel.sched.timer import NEVER
from kernel.sched.wait import WaitQueue


@struct
class Waiters:
    """The threads that wait at one place of a socket."""

    queue: WaitQueue = inline()
    count: Atomic[u64] = inline()

    @hot
    def enter(self) -> u64:
        """One more will wait: what to give to `sleep`."""
        self.count.fetch_add(1)
        return self.queue.observe()

    @hot
    def leave(self) -> None:
        """One waits no more."""
        self.count.fetch_sub(1)

    @hot
    def sleep(self, seen: u64, deadline: Nanoseconds) -> Fallible[bool]:
        """Sleep until the next wake-up after `enter`; False when `deadline` came first. EINTR."""
        if deadline == NEVER:
            self.queue.sleep(seen)
            return True
        return self.queue.sleep_until(seen, deadline)

    @hot
    def wake(self) -> None:
        """Let all who wait look again."""
        if self.count.load() > 0:
            self.queue.wake_all()

    @hot
    def wake_one(self) -> None:
        """Let the one look again that has waited longest."""
        if self.count.load() > 0:
            self.queue.wake_one()
