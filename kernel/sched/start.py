"""The start of the processors: what each of them does for itself, and how the first one starts the others.

Interface: `prepare_processor` on every processor, `start_others` once, when all else is ready to run.
"""

from __future__ import annotations

from typing import Never

from codegen.lang import address_of, export, local, u32
from kernel.base.errno import ENOMEM
from kernel.base.log import log
from kernel.base.options import OPTIONS
from kernel.machine.clock import pause
from kernel.machine.cpu import initialise_processor, set_current_cpu
from kernel.machine.fpu import initialise_fpu_unit
from kernel.machine.idt import load_gates
from kernel.machine.local_apic import enable_local_apic, start_periodic_timer
from kernel.machine.processor_list import ProcessorList
from kernel.machine.processors import PROCESSORS, find_processors
from kernel.machine.pvh import StartInfo
from kernel.machine.segments import MAXIMUM_CPUS, load_segments
from kernel.machine.trampoline import RESET_TIME, answer, place_trampoline, reset_processor, start_processor
from kernel.memory import kernel_space, stacks
from kernel.memory.account import KERNEL
from kernel.sched.cpu import CPUS
from kernel.sched.idle import run_idle
from kernel.sched.thread import ThreadState
from kernel.sched.timer import TICK
from kernel.sched.usage import KERNEL_TIME


def prepare_processor(number: u32) -> None:
    """What the processor knows of itself, protections, segments, gates, floating point, and its local APIC."""
    cpu = CPUS.of[number]
    cpu.self_address = address_of(cpu)
    cpu.number = number
    cpu.current = cpu.idle
    cpu.running = cpu.idle
    cpu.idle.state = ThreadState.RUNNING
    cpu.idle.has_cpu = True
    cpu.idle.processor = number
    cpu.idle.shared_time = KERNEL_TIME
    set_current_cpu(cpu.self_address)
    initialise_processor()
    load_segments(number)
    load_gates()
    initialise_fpu_unit()
    enable_local_apic()


def start_others(info: StartInfo) -> None:
    """Start as many processors as there are, or as the option `cpus` allows. Interrupts are off."""
    found = local(ProcessorList)
    means = find_processors(info, found)
    limit = max(OPTIONS.number(b"cpus", MAXIMUM_CPUS), 1)
    count = u32(min(limit, found.count))
    if count > 1:
        place_trampoline()
        for index in range(1, count):
            reset_processor(found.apic_ids[index])
        pause(RESET_TIME)
        for index in range(1, count):
            start_other(found.apic_ids[index])
    log(f"pithos: {PROCESSORS.running} of {found.count + found.refused} processors run, found {means}")
    PROCESSORS.begin()


def start_other(apic_id: u32) -> None:
    """Start one processor as the next number; one that does not come is left out, and keeps the stack."""
    number = PROCESSORS.running
    try:
        stack = stacks.allocate(KERNEL)
    except ENOMEM:
        log(f"pithos: no stack for the processor with APIC id {apic_id}")
        return
    CPUS.of[number].idle.stack_top = stack
    if start_processor(apic_id, number, stack):
        PROCESSORS.add(apic_id)
    else:
        log(f"pithos: the processor with APIC id {apic_id} does not start")


@export
def processor_main(number: u32) -> Never:
    """Where another processor comes from its stub, on the stack of its idle thread."""
    prepare_processor(number)
    answer()
    kernel_space.activate()
    PROCESSORS.wait_for_all(number)
    start_periodic_timer(TICK)
    run_idle()
