"""What the tests of the firmware's tables run, under CPython and compiled."""

from __future__ import annotations

from codegen.lang import PhysAddr, Slice, local, u8, u64
from kernel.machine.acpi import list_by_acpi
from kernel.machine.firmware import FirmwareMemory
from kernel.machine.mp_table import list_by_mp_table
from kernel.machine.power import PowerSwitch
from kernel.machine.processor_list import ProcessorList


def by_acpi(content: Slice[u8], told: u64) -> u64:
    """What `list_by_acpi` finds in `content`, the memory from address 0 on."""
    memory = local(FirmwareMemory)
    memory.content = content
    found = local(ProcessorList)
    return summary(list_by_acpi(memory, PhysAddr(told), found), found)


def by_mp_table(content: Slice[u8]) -> u64:
    """What `list_by_mp_table` finds."""
    memory = local(FirmwareMemory)
    memory.content = content
    found = local(ProcessorList)
    return summary(list_by_mp_table(memory, found), found)


def power_switch(content: Slice[u8], told: u64) -> u64:
    """Two ports, two types and the place of the register for sleeping, from the highest digits on."""
    memory = local(FirmwareMemory)
    memory.content = content
    switch = local(PowerSwitch)
    switch.read(memory, PhysAddr(told))
    ports = u64(switch.control_a) << 48 | u64(switch.control_b) << 32
    return ports | u64(switch.type_a) << 28 | u64(switch.type_b) << 24 | switch.sleep_port | switch.sleep_register


def summary(has_table: bool, found: ProcessorList) -> u64:
    """The digits to base 256: 1 for a table or else 2, how many were refused, how many were listed, the first ids."""
    digits: u64 = (1 if has_table else 2) << 16 | u64(found.refused) << 8 | u64(found.count)
    for index in range(min(found.count, 5)):
        digits = digits << 8 | u64(found.apic_ids[index])
    return digits
