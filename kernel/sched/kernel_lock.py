"""KernelLock: one thread at a time runs what is not guarded by locks of its own.

Most of the kernel was written for one processor, where a system call is interrupted but never preempted: what it
changes is whole again when it blocks. The lock keeps that true on several. Every entry from ring 3 takes it, `leave` is
the last thing before ring 3, and who blocks gives it up until it runs again (scheduler.py). Outside of it run interrupt
handlers, the scheduler, and the system calls that are declared as needing no lock; what those share has spinlocks.

It is taken with interrupts on and before any spinlock. Waiting is not fair, for the reason told in base/spinlock.py.
"""

from __future__ import annotations

from codegen.lang import Atomic, Order, inline, sleeps, struct, u64
from kernel.base.spinlock import LONGEST_PAUSE
from kernel.machine.cpu import current_thread_address
from kernel.machine.instructions import interrupts_enabled, spin_hint
from kernel.machine.translations import serve


@struct
class KernelLock:
    """The lock: the address of the thread that holds it, 0 when it is free."""

    holder: Atomic[u64] = inline()

    @property
    def is_mine(self) -> bool:
        """Whether the running thread holds it."""
        return self.holder.load(Order.RELAXED) == current_thread_address()

    @sleeps
    def enter(self) -> None:
        """Take the lock, which the running thread does not hold."""
        if not self.holder.compare_exchange(0, current_thread_address()):
            self.enter_slowly()

    def enter_slowly(self) -> None:
        """Wait for the lock, looking at it ever more rarely, and take it."""
        pause: u64 = 1
        while True:
            for _ in range(pause):
                spin_hint()
            if not interrupts_enabled():
                serve()
            pause = min(pause * 2, LONGEST_PAUSE)
            if self.holder.load(Order.RELAXED) == 0 and self.holder.compare_exchange(0, current_thread_address()):
                return

    def leave(self) -> None:
        """Let others have the lock."""
        assert self.is_mine, "the kernel lock is released by who does not hold it"
        self.holder.store(0, Order.RELEASE)


KERNEL_LOCK = KernelLock()
