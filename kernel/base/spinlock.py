"""SpinLock: mutual exclusion between processors, and between a thread and the interrupts of its processor.

    with self.lock:
        ...

Interrupts are off inside and as they were before afterwards, so locks are released in reverse order. The holder must
not sleep and not touch user memory, whose faults may: the compiler refuses both, with the calls that lead there. It
also refuses a lock that is taken under one of the same or a higher rank (lock_rank.py). Tickets make waiting fair
(Mellor-Crummey and Scott, 1991). Taking a lock twice on one processor cannot end well, so it traps.
"""

from __future__ import annotations

from codegen.lang import Atomic, Order, inline, spinlock, struct, u32, u64
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


@spinlock
@struct
class SpinLock:
    """A ticket lock. `holder` is the slot of the holder's stack while it is taken, 0 while it is free."""

    next_ticket: Atomic[u32] = inline()
    now_serving: Atomic[u32] = inline()
    holder: u64 = 0
    interrupts_were_enabled: bool = False
    rank: LockRank = LockRank.NONE

    def __init__(self, rank: LockRank) -> None:
        self.rank = rank

    @property
    def is_held(self) -> bool:
        """Whether somebody holds the lock."""
        return self.holder != 0

    def acquire(self) -> None:
        """Take the lock; interrupts are off from here to `release`. Prefer `with`."""
        enabled = interrupts_enabled()
        disable_interrupts()
        ticket = self.next_ticket.fetch_add(1, Order.RELAXED)
        slot = stack_pointer() // STACK_SLOT
        while self.now_serving.load(Order.ACQUIRE) != ticket:
            assert self.holder != slot, "spinlock taken twice on one stack"
            serve()
            spin_hint()
        self.holder = slot
        self.interrupts_were_enabled = enabled

    def release(self) -> None:
        """Let go of the lock; interrupts are as they were before `acquire`."""
        assert self.holder != 0, "spinlock released by nobody"
        enabled = self.interrupts_were_enabled
        self.holder = 0
        self.now_serving.fetch_add(1, Order.RELEASE)
        if enabled:
            enable_interrupts()

    def __enter__(self) -> SpinLock:
        self.acquire()
        return self

    def __exit__(self, *_: object) -> None:
        self.release()
