"""The power switch: ACPI's soft off, state S5 (ACPI specification 6.5).

Interface: `POWER`, which reads at start what it needs from the tables of the firmware, and switches off at the end.

A machine has either the registers PM1a_CNT and perhaps PM1b_CNT at ports (section 4.8.3.2.1), or, if its hardware is
reduced, one register for sleeping, mostly in memory (section 4.8.3.7). What to write there says the package _S5_ of the
DSDT (section 7.4.2). That is code in AML, but this one thing is found without running it: its name, and then constants.
"""

from __future__ import annotations

from codegen.lang import (
    Nanoseconds,
    PhysAddr,
    Slice,
    bit,
    bits,
    from_raw,
    load,
    local,
    slice_at,
    struct,
    to_raw,
    truncate,
    u8,
    u16,
    u32,
    u64,
)
from kernel.machine.acpi import described_table, find_table
from kernel.machine.clock import pause
from kernel.machine.firmware import FirmwareMemory
from kernel.machine.layout import DEVICES_END, DIRECT_MAP
from kernel.machine.port import read_port_word, write_port, write_port_word

FADT_SIGNATURE = b"FACP"
DSDT_SIGNATURE = b"DSDT"
DSDT: u64 = 40
COMMAND_PORT: u64 = 48
ENABLE_COMMAND: u64 = 52
CONTROL_A: u64 = 64
CONTROL_B: u64 = 68
FADT_SIZE_FIRST: u64 = 116
LONG_DSDT: u64 = 140
SLEEP_CONTROL: u64 = 244
FADT_SIZE_WITH_SLEEP_CONTROL: u64 = 256
"""Offsets in the fixed ACPI description table (section 5.2.9)."""

ADDRESS_IN_STRUCTURE: u64 = 4
IN_MEMORY: u8 = 0
AT_PORTS: u8 = 1
"""A generic address structure: the space, and where its address is (section 5.2.3.2)."""

SOFT_OFF = b"_S5_"
PACKAGE: u8 = 0x12
BYTE: u8 = 0x0A
ONE: u8 = 0x01
"""AML: a package, a byte that follows, the number one (section 20.3)."""

ENABLING = Nanoseconds(10_000_000)
ENABLING_LOOKS: u64 = 300
"""ACPI mode is there within three seconds (section 16.3.1 asks to wait; no machine takes that long)."""


@bits(u16)
class PowerControl:
    """PM1a_CNT and PM1b_CNT (section 4.8.3.2.1)."""

    is_enabled: bool = bit(0)
    low: u16 = bits(1, 10)
    sleep_type: u16 = bits(10, 13)
    sleep: bool = bit(13)
    high: u16 = bits(14, 16)


@bits(u8)
class SleepControl:
    """SLEEP_CONTROL_REG (section 4.8.3.7)."""

    sleep_type: u8 = bits(2, 5)
    sleep: bool = bit(5)


@struct
class PowerSwitch:
    """How this machine is switched off; constant after start."""

    control_a: u16 = 0
    control_b: u16 = 0
    type_a: u8 = 0
    type_b: u8 = 0
    command_port: u16 = 0
    enable_command: u8 = 0
    sleep_port: u16 = 0
    sleep_register: u64 = 0
    """A physical address."""

    def find(self, root_pointer: PhysAddr) -> None:
        """Read the tables in this machine's memory; without sound ones there is no switch."""
        memory = local(FirmwareMemory)
        memory.content = slice_at(u8, DIRECT_MAP, DEVICES_END)
        self.read(memory, root_pointer)

    def read(self, memory: FirmwareMemory, root_pointer: PhysAddr) -> None:
        """Read the tables. `root_pointer` is what the loader tells, or 0."""
        fadt = find_table(memory, root_pointer, FADT_SIGNATURE)
        if len(fadt) < FADT_SIZE_FIRST:
            return
        found, type_a, type_b = soft_off_types(dsdt_of(memory, fadt))
        if not found:
            return
        self.type_a = type_a
        self.type_b = type_b
        self.control_a = truncate(u16, load(u32, fadt, CONTROL_A))
        self.control_b = truncate(u16, load(u32, fadt, CONTROL_B))
        self.command_port = truncate(u16, load(u32, fadt, COMMAND_PORT))
        self.enable_command = fadt[ENABLE_COMMAND]
        if len(fadt) >= FADT_SIZE_WITH_SLEEP_CONTROL:
            address = load(u64, fadt, SLEEP_CONTROL + ADDRESS_IN_STRUCTURE)
            if fadt[SLEEP_CONTROL] == AT_PORTS:
                self.sleep_port = truncate(u16, address)
            elif fadt[SLEEP_CONTROL] == IN_MEMORY and address < DEVICES_END:
                self.sleep_register = address

    def switch_off(self) -> None:
        """Switch the machine off; returns where that cannot be done."""
        if self.control_a != 0:
            self.enable()
            write_sleep(self.control_a, self.type_a)
            if self.control_b != 0:
                write_sleep(self.control_b, self.type_b)
        reduced = to_raw(SleepControl(sleep_type=self.type_a, sleep=True))
        if self.sleep_port != 0:
            write_port(self.sleep_port, reduced)
        if self.sleep_register != 0:
            slice_at(u8, DIRECT_MAP + self.sleep_register, 1)[0] = reduced

    def enable(self) -> None:
        """Take over power management from the firmware, if it still has it (section 16.3.1)."""
        if self.command_port == 0 or self.enable_command == 0 or control_at(self.control_a).is_enabled:
            return
        write_port(self.command_port, self.enable_command)
        for _ in range(ENABLING_LOOKS):
            if control_at(self.control_a).is_enabled:
                return
            pause(ENABLING)


POWER = PowerSwitch()


def control_at(port: u16) -> PowerControl:
    """What a PM1 control register holds."""
    return from_raw(PowerControl, read_port_word(port))


def write_sleep(port: u16, kind: u8) -> None:
    """Let a PM1 control register enter the sleeping state `kind`."""
    now = control_at(port)
    new = PowerControl(is_enabled=now.is_enabled, low=now.low, sleep_type=kind, sleep=True, high=now.high)
    write_port_word(port, to_raw(new))


def dsdt_of(memory: FirmwareMemory, fadt: Slice[u8]) -> Slice[u8]:
    """The DSDT that the FADT points to; empty without one."""
    if len(fadt) >= LONG_DSDT + 8:
        table = described_table(memory, PhysAddr(load(u64, fadt, LONG_DSDT)), DSDT_SIGNATURE)
        if len(table) > 0:
            return table
    return described_table(memory, PhysAddr(u64(load(u32, fadt, DSDT))), DSDT_SIGNATURE)


def soft_off_types(code: Slice[u8]) -> tuple[bool, u8, u8]:
    """Whether there is an _S5_, and the sleep types for PM1a_CNT and PM1b_CNT that it begins with."""
    length = u64(len(code))
    size = u64(len(SOFT_OFF))
    place: u64 = 0
    while place + size + 2 < length:
        if code[place : place + size] == SOFT_OFF and code[place + size] == PACKAGE:
            return types_in(code[place + size + 1 : length])
        place += 1
    return False, 0, 0


def types_in(package: Slice[u8]) -> tuple[bool, u8, u8]:
    """The first two numbers of a package: its length in 1 to 4 bytes, the count of elements, then those."""
    place = u64(package[0] >> 6) + 2
    found_a, type_a, place = constant_at(package, place)
    found_b, type_b, _ = constant_at(package, place)
    return found_a, type_a & 7, (type_b if found_b else type_a) & 7


def constant_at(code: Slice[u8], place: u64) -> tuple[bool, u8, u64]:
    """A small constant, and the place behind it."""
    if place >= len(code):
        return False, 0, place
    if code[place] <= ONE:
        return True, code[place], place + 1
    if code[place] == BYTE and place + 1 < len(code):
        return True, code[place + 1], place + 2
    return False, 0, place
