"""The kernel's start, in order: this page is the map of the whole.

`kernel_main` is called by the boot stub on the boot stack, which becomes that of the idle thread of CPU 0.
"""

from __future__ import annotations

from codegen.lang import Errno, Never, export, panic, u64
from kernel.base.log import LOG, log
from kernel.base.options import OPTIONS
from kernel.containers.boot import prepare_boot_container, show_shared_trees, start_agent
from kernel.containers.container import BOOT
from kernel.devices import random
from kernel.devices.channel import CHANNEL
from kernel.devices.dev import create_dev
from kernel.devices.serial import CONSOLE
from kernel.machine.clock import CLOCK
from kernel.machine.idt import fill_gates
from kernel.machine.io_apic import SERIAL_1_LINE, SERIAL_2_LINE, route_line
from kernel.machine.local_apic import local_apic_id, start_periodic_timer
from kernel.machine.pic import disable_pic
from kernel.machine.power import POWER
from kernel.machine.processors import PROCESSORS
from kernel.machine.pvh import start_info_at
from kernel.machine.trap import Vector
from kernel.memory import frames
from kernel.memory import start as memory_start
from kernel.process import traps
from kernel.process.vdso import SHARED_PAGES
from kernel.sched.alarm import run_clock_thread, start_clock_thread
from kernel.sched.idle import run_idle
from kernel.sched.start import prepare_processor, start_others
from kernel.sched.timer import TICK
from kernel.syscalls import dispatch
from kernel.views.proc import create_proc

ENTRIES = (traps.handle_trap, dispatch.handle_syscall, run_clock_thread)
"""What stubs call besides `kernel_main`."""


@export
def kernel_main(start_info: u64) -> Never:
    """Start everything, and become the idle thread. `start_info` is the physical address of hvm_start_info."""
    info = start_info_at(start_info)
    OPTIONS.read(info.command_line())
    LOG.echo = not OPTIONS.has(b"quiet")
    fill_gates()
    prepare_processor(0)
    PROCESSORS.add(local_apic_id())
    start_devices()
    memory_start.initialise(info)
    free, total = frames.counts()
    log(f"pithos: {total} pages of memory, {free} free")
    POWER.find(info.acpi_root)
    random.initialise()
    try:
        prepare_boot_container(info)
        SHARED_PAGES.prepare(BOOT.account)
        start_clock_thread(BOOT.account, BOOT.group)
        show_shared_trees(create_dev(BOOT.account), create_proc(BOOT.account))
        start_agent()
    except Errno as error:
        log(f"the first process cannot be started: error {error.code}")
        panic("no first process")
    start_others(info)
    start_periodic_timer(TICK)
    run_idle()


def start_devices() -> None:
    """Interrupt controllers, the clock, and the serial ports."""
    disable_pic()
    CLOCK.initialise(OPTIONS.number(b"tsc_khz", 0), OPTIONS.number(b"timer_khz", 0))
    CONSOLE.initialise()
    CHANNEL.initialise()
    route_line(SERIAL_1_LINE, Vector.CONSOLE_SERIAL, local_apic_id())
    route_line(SERIAL_2_LINE, Vector.AGENT_SERIAL, local_apic_id())
