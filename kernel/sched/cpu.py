"""Cpu: what one processor knows of itself, found through the GS base.

In the kernel, GS base is the address of this processor's `Cpu`. The entry stubs use its first fields by offset:
they come first and keep their order (docs/internals.md).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from codegen.lang import inline, reference, struct, u32, u64, uninitialised
from kernel.machine.cpu import current_cpu_address, current_thread_address
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
    started: bool = False
    previous: Thread | None = None
    fpu_owner: Thread | None = None
    ticks: u64 = 0
    idle_ticks: u64 = 0
    idle: Thread = inline()
    space: AddressSpace | None = None


BOOT_CPU = Cpu()


def this_cpu() -> Cpu:
    """The processor that runs this. Stays true only while the thread cannot be switched."""
    return reference(Cpu, current_cpu_address())


def current() -> Thread:
    """The running thread. Always true: whoever runs this is that thread."""
    return reference(Thread, current_thread_address())
