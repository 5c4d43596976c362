"""KernelLock: one thread at a time runs what is not guarded by locks of its own.

Most of the kernel was written for one processor, where a system call is interrupted but never preempted: what it
changes is whole again when it blocks. The lock keeps that true on several. Every entry from ring 3 takes it, `leave` is
the last thing before ring 3, and who blocks gives it up until it runs again (scheduler.py). Outside of it run interrupt
handlers, the scheduler, and the system calls that are declared as needing no lock; what those share has spinlocks.

It is taken with interrupts on and before any spinlock. Who waits spins for a moment and then halts, until the lock is
given up: where the host has fewer processors than the machine, the one that holds the lock runs sooner for it, and so
do those that it asks to forget translations. Whoever comes first takes a free lock, which is quick but not fair; so
who has waited for long (`PATIENCE`) claims it, and until that one has it no other takes it.
"""

from __future__ import annotations

from codegen.lang import Atomic, Order, count_trailing_zeros, hot, inline, invert, sleeps, struct, u64
from kernel.base.spinlock import LONGEST_PAUSE
from kernel.machine.clock import CLOCK
from kernel.machine.cpu import current_cpu_number, current_thread_address
from kernel.machine.instructions import (
    disable_interrupts,
    enable_interrupts,
    interrupts_enabled,
    read_time_stamp,
    spin_hint,
)
from kernel.machine.local_apic import send_interrupt
from kernel.machine.processors import PROCESSORS
from kernel.machine.stubs import interrupt_window
from kernel.machine.translations import serve
from kernel.machine.trap import Vector

LOOKS: u64 = 32
"""How often who waits looks at the lock, `LONGEST_PAUSE` apart, before it halts."""
PATIENCE: u64 = 1000
"""How long one waits before it claims the lock: this part of a second."""


@struct
class KernelLock:
    """The lock: the address of the thread that holds it, 0 when it is free."""

    holder: Atomic[u64] = inline()
    claim: Atomic[u64] = inline()
    """The processor that is to have it next, its number plus 1; 0: any."""
    halted: Atomic[u64] = inline()
    """The processors that halt until it is given up, a bit each."""
    woken: Atomic[u64] = inline()
    """The processor that was woken last."""

    @property
    def is_mine(self) -> bool:
        """Whether the running thread holds it."""
        return self.holder.load(Order.RELAXED) == current_thread_address()

    @property
    def is_claimed(self) -> bool:
        """Whether a thread has waited for it for long, and is to have it next."""
        return self.claim.load(Order.RELAXED) != 0

    @sleeps
    @hot
    def enter(self) -> None:
        """Take the lock, which the running thread does not hold."""
        if self.is_claimed or not self.holder.compare_exchange(0, current_thread_address()):
            self.enter_slowly()

    def take(self) -> bool:
        """Take the lock if it is free, and not claimed by another."""
        claim = self.claim.load(Order.RELAXED)
        if claim != 0 and claim != u64(current_cpu_number()) + 1:
            return False
        return self.holder.compare_exchange(0, current_thread_address())

    def enter_slowly(self) -> None:
        """Wait for the lock, looking at it ever more rarely, and take it."""
        myself = u64(current_cpu_number()) + 1
        begin = read_time_stamp()
        pause: u64 = 1
        looks: u64 = 0
        while not self.take():
            for _ in range(pause):
                spin_hint()
            pause = min(pause * 2, LONGEST_PAUSE)
            looks += 1
            if not self.is_claimed and read_time_stamp() - begin > CLOCK.tsc_hertz // PATIENCE:
                self.claim.compare_exchange(0, myself)
            if not interrupts_enabled():
                serve()
            elif looks >= LOOKS:
                self.halt_while_taken()
                looks = 0
        if self.claim.load(Order.RELAXED) == myself:
            self.claim.store(0)

    def halt_while_taken(self) -> None:
        """Halt until the lock is given up, or an interrupt comes."""
        disable_interrupts()
        bit = u64(1) << current_cpu_number()
        self.halted.fetch_or(bit)
        if self.holder.load() != 0:  # who gives it up from now on sees the bit
            interrupt_window()
        self.halted.fetch_and(invert(u64, bit))
        enable_interrupts()

    @hot
    def leave(self) -> None:
        """Let others have the lock."""
        assert self.is_mine, "the kernel lock is released by who does not hold it"
        self.holder.exchange(0)
        halted = self.halted.load(Order.RELAXED)
        if halted != 0:
            self.wake_one(halted)

    def wake_one(self, halted: u64) -> None:
        """Wake one of these processors: the one that claims the lock, or each in its turn."""
        claim = self.claim.load()
        number = self.following(halted) if claim == 0 else claim - 1
        bit = u64(1) << number
        if self.halted.fetch_and(invert(u64, bit)) & bit != 0:
            were_on = interrupts_enabled()
            disable_interrupts()
            send_interrupt(PROCESSORS.apic_ids[number], Vector.RESCHEDULE)
            if were_on:
                enable_interrupts()

    def following(self, halted: u64) -> u64:
        """Whose turn it is to be woken."""
        later = halted & invert(u64, (u64(2) << self.woken.load(Order.RELAXED)) - 1)
        number: u64 = count_trailing_zeros(u64, halted if later == 0 else later)
        self.woken.store(number, Order.RELAXED)
        return number


KERNEL_LOCK = KernelLock()
