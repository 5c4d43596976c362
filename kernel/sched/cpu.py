"""Cpu: what one processor knows of itself, found through the GS base.

Interface: `this_cpu`, `current`; `CPUS.of[number]` for all. Those below `CPUS.started` run; 0 is the boot processor.
In the kernel, GS base is the address of this processor's `Cpu`. The entry stubs use its first fields by offset:
they come first and keep their order (docs/internals.md).
"""

from __future__ import annotations

from codegen.lang import Array, array, inline, inline_array, reference, struct, u32, u64, uninitialised
from kernel.machine.cpu import current_cpu_address, current_thread_address
from kernel.machine.processors import PROCESSORS
from kernel.machine.segments import MAXIMUM_CPUS
from kernel.sched.thread import Thread

FIRST_INTERRUPT: u64 = 0x20
"""The lowest vector of an interrupt; below are exceptions (SDM vol. 3A, section 6.2)."""


@struct
class Cpu:
    """Per-processor state. Only its own processor writes here, with interrupts off."""

    self_address: u64 = 0
    kernel_stack: u64 = 0
    user_stack: u64 = 0
    current: Thread = uninitialised()

    number: u32 = 0
    need_resched: bool = False
    """The running thread is to switch before it returns to ring 3."""
    previous: Thread | None = None
    previous_ended: bool = False
    """What ran before the last switch, until `switch.finish`, and whether it is dead."""
    fpu_owner: Thread | None = None
    turn_start: u64 = 0
    """Since when the running thread has not paid for its time. Under `SCHEDULER.lock`, as are the next two."""
    busy_time: u64 = 0
    idle_time: u64 = 0
    """All three on the time-stamp counter."""
    running: Thread = uninitialised()
    """Who has the processor: `current`, or who it switches to. Under `SCHEDULER.lock`.

    Other processors look here: `current` may end, and its object be freed, while they look at it.
    """
    idle: Thread = inline()
    switches: u64 = 0
    """How often another thread was given the processor."""
    interrupts: Array[u64] = array(32)
    """How many interrupts came, by vector from FIRST_INTERRUPT on."""

    @inline
    def count_interrupt(self, vector: u64) -> None:
        """An interrupt came."""
        self.interrupts[vector - FIRST_INTERRUPT & 31] += 1

    @inline
    def elapsed(self, now: u64) -> u64:
        """How long the running thread has not paid for. The time-stamp counters may differ a little."""
        return now - self.turn_start if now > self.turn_start else 0

    @property
    def apic_id(self) -> u32:
        """The id of its local APIC: where interrupts for it are sent."""
        return PROCESSORS.apic_ids[self.number]


@struct
class Cpus:
    """Every processor, by its number."""

    of: Array[Cpu] = inline_array(MAXIMUM_CPUS)

    @property
    def started(self) -> u32:
        """How many run: those with the lowest numbers. Constant once threads run."""
        return PROCESSORS.running


CPUS = Cpus()


def this_cpu() -> Cpu:
    """The processor that runs this. Stays true only while the thread cannot be switched."""
    return reference(Cpu, current_cpu_address())


def current() -> Thread:
    """The running thread. Always true: whoever runs this is that thread."""
    return reference(Thread, current_thread_address())
