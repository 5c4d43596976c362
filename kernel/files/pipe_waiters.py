"""PipeWaiters: the threads that wait at one end of a pipe (pipe.py)."""

from __future__ import annotations

from codegen.lang import Fallible, inline, struct, u64
from kernel.sched.wait import WaitQueue


@struct
class PipeWaiters:
    """The threads that wait at one end of a pipe.

    They are counted under the lock of the pipe, before that is given up; so the count is enough to know that nobody is
    there to be woken.
    """

    queue: WaitQueue = inline()
    count: u64 = 0

    def join(self) -> u64:
        """Be one of them: what `sleep` needs. The lock is held."""
        self.count += 1
        return self.queue.observe()

    def sleep(self, seen: u64) -> Fallible[None]:
        """Sleep until the next wake-up after `join`, without the lock. EINTR."""
        try:
            self.queue.sleep(seen)
        finally:
            self.count -= 1

    def wake(self) -> None:
        """Let all who wait look again."""
        if self.count > 0:
            self.queue.wake_all()
