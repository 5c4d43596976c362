"""Cpu: what one processor knows of itself, found through the GS base.

Interface: `this_cpu`, `current`; `CPUS.of[number]` for all. Those below `CPUS.started` run; 0 is the boot processor.
In the kernel, GS base is the address of this processor's `Cpu`. The entry stubs use its first fields by offset:
they come first and keep their order (docs/internals.md).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from codegen.lang import Array, inline, inline_array, reference, struct, u32, u64, uninitialised
from kernel.machine.cpu import current_cpu_address, current_thread_address
from kernel.machine.processors import PROCESSORS
from kernel.machine.segments import MAXIMUM_CPUS
from kernel.sched.thread import Thread

if TYPE_CHECKING:
    from kernel.memory.space import AddressSpace


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
    ticked: bool = False
    """That is because its tick is over, not because another thread woke."""
    previous: Thread | None = None
    fpu_owner: Thread | None = None
    ticks: u64 = 0
    idle_ticks: u64 = 0
    idle: Thread = inline()
    space: AddressSpace | None = None

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
