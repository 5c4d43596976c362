"""The processors: which ones the firmware tells of, and which ones run.

Interface: `find_processors`; `PROCESSORS`, where each that runs has a number, from 0, the boot processor, on. Other
layers keep what a processor has of its own in arrays by this number (`current_cpu_number`, cpu.py).
"""

from __future__ import annotations

from codegen.lang import Array, Atomic, Slice, array, inline, local, slice_at, struct, u8, u32
from kernel.machine.acpi import list_by_acpi
from kernel.machine.cpu import current_cpu_number
from kernel.machine.firmware import FirmwareMemory
from kernel.machine.layout import DEVICES_END, DIRECT_MAP
from kernel.machine.local_apic import local_apic_id, send_interrupt, send_non_maskable
from kernel.machine.mp_table import list_by_mp_table
from kernel.machine.processor_list import ProcessorList
from kernel.machine.pvh import StartInfo
from kernel.machine.segments import MAXIMUM_CPUS
from kernel.machine.stubs import halt_forever, interrupt_window
from kernel.machine.trap import Vector


@struct
class Processors:
    """The local APICs of those that run, by number. Grows on the boot processor, until it says `begin`."""

    apic_ids: Array[u32] = array(MAXIMUM_CPUS)
    running: u32 = 0
    all_run: Atomic[u32] = inline()

    def add(self, apic_id: u32) -> None:
        """The next number runs from now on."""
        self.apic_ids[self.running] = apic_id
        self.running += 1

    def begin(self) -> None:
        """All run that are to: from now on `running` is constant."""
        self.all_run.store(1)
        for number in range(1, self.running):
            send_interrupt(self.apic_ids[number], Vector.RESCHEDULE)

    def wait_for_all(self, number: u32) -> None:
        """Halt until no more processors are started, or for ever if this one does not count as `number`.

        Interrupts are off.
        """
        while self.all_run.load() == 0:
            interrupt_window()
        if number >= self.running or self.apic_ids[number] != local_apic_id():
            halt_forever()


PROCESSORS = Processors()


def find_processors(info: StartInfo, found: ProcessorList) -> Slice[u8]:
    """List the processors, this one first; says by what they were found. On the boot processor."""
    found.add(local_apic_id())
    memory = local(FirmwareMemory)
    memory.content = slice_at(u8, DIRECT_MAP, DEVICES_END)
    if list_by_acpi(memory, info.acpi_root, found):
        return b"by ACPI"
    if list_by_mp_table(memory, found):
        return b"by the MP table"
    return b"without tables"


def this_processor() -> u32:
    """The number of this processor, also before any has one. Interrupts are off."""
    return current_cpu_number() if PROCESSORS.running > 0 else 0


def interrupt_others() -> None:
    """Raise a non-maskable interrupt on every other processor that runs. Interrupts are off."""
    own = this_processor()
    for number in range(PROCESSORS.running):
        if number != own:
            send_non_maskable(PROCESSORS.apic_ids[number])
