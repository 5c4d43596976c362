"""SpinLock: mutual exclusion between processors, and between a thread and the interrupts of its processor.

    with self.lock:
        ...

Interrupts are off inside and as they were before afterwards, so locks are released in reverse order. The holder must
not sleep and not touch user memory, whose faults may: the compiler refuses both, with the calls that lead there. It
also refuses a lock that is taken under one of the same or a higher rank (lock_rank.py). Taking a lock twice on one
processor cannot end well, so it traps.

Waiting is not fair. A ticket lock (Mellor-Crummey and Scott, 1991) was, and took 15 ms for each hand-over on a host
with fewer processors than the machine: the one whose turn it was did not run, and the others spun for it in vain.
"""

from __future__ import annotations

from codegen.lang import Atomic, Order, hot, inline, noinline, spinlock, struct, u64
from kernel.base.lock_rank import LockRank
from kernel.machine.instructions import (
    disable_interrupts,
    enable_interrupts,
    interrupts_enabled,
    spin_hint,
    stack_pointer,
)
from kernel.machine.translations import serve

STACK_SLOT: u64 = 0x8000
"""Kernel stacks lie in slots of this size (boot/layout.py), so a stack pointer tells which stack it is on."""

LONGEST_PAUSE: u64 = 64
"""How many PAUSE instructions lie at most between two looks at a lock."""


@spinlock
@struct
class SpinLock:
    """A test-and-set lock. `holder` is the slot of the holder's stack while it is taken, 0 while it is free."""

    holder: Atomic[u64] = inline()
    interrupts_were_enabled: bool = False
    rank: LockRank = LockRank.NONE

    def __init__(self, rank: LockRank) -> None:
        self.rank = rank

    @property
    def is_held(self) -> bool:
        """Whether somebody holds the lock."""
        return self.holder.load(Order.RELAXED) != 0

    @hot
    def acquire(self) -> None:
        """Take the lock; interrupts are off from here to `release`. Prefer `with`."""
        enabled = interrupts_enabled()
        disable_interrupts()
        slot = stack_pointer() // STACK_SLOT
        if self.holder.compare_exchange(0, slot, Order.ACQUIRE):
            self.interrupts_were_enabled = enabled
        else:
            self.wait(slot, enabled)

    @noinline
    def wait(self, slot: u64, enabled: bool) -> None:
        """Take the lock when it is free, looking ever more rarely whether it is; interrupts were `enabled` before."""
        assert self.holder.load(Order.RELAXED) != slot, "spinlock taken twice on one stack"
        pause: u64 = 1
        while True:
            for _ in range(pause):
                spin_hint()
            serve()
            pause = min(pause * 2, LONGEST_PAUSE)
            if self.holder.load(Order.RELAXED) == 0 and self.holder.compare_exchange(0, slot, Order.ACQUIRE):
                self.interrupts_were_enabled = enabled
                return

    @hot
    def release(self) -> None:
        """Let go of the lock; interrupts are as they were before `acquire`."""
        assert self.holder.load(Order.RELAXED) != 0, "spinlock released by nobody"
        enabled = self.interrupts_were_enabled
        self.holder.store(0, Order.RELEASE)
        if enabled:
            enable_interrupts()

    def __enter__(self) -> SpinLock:
        self.acquire()
        return self

    def __exit__(self, *_: object) -> None:
        self.release()
