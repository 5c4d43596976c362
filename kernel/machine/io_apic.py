"""The I/O APIC: which device line raises which vector on which processor (Intel 82093AA data sheet)."""

from __future__ import annotations

from boot.layout import DIRECT_MAP, IO_APIC
from codegen.lang import bit, bits, reference, register, struct, to_raw, truncate, u32, u64
from kernel.machine.trap import Vector

REDIRECTION_TABLE: u32 = 0x10

SERIAL_1_LINE: u32 = 4
SERIAL_2_LINE: u32 = 3
"""ISA interrupt lines of COM1 and COM2; lines 3 and 4 are not moved on any PC chip set."""


@struct(size=32)
class IoApic:
    """Two registers in memory: an index, and the window to the register that it names."""

    index: u32 = register(0x00)
    window: u32 = register(0x10)
    padding: u64 = register(0x18)


@bits
class Redirection:
    """One line's entry (data sheet, section 3.2.4). Zero elsewhere: fixed delivery, edge, active high."""

    vector: u64 = bits(0, 8)
    level_triggered: bool = bit(15)
    masked: bool = bit(16)
    destination: u64 = bits(56, 64)


def _write(number: u32, value: u32) -> None:
    device = reference(IoApic, DIRECT_MAP + IO_APIC)
    device.index = number
    device.window = value


def route_line(line: u32, vector: Vector, processor: u32) -> None:
    """Let the device on `line` raise `vector` on the processor with this local APIC id."""
    entry = to_raw(Redirection(vector=u64(vector), destination=u64(processor)))
    _write(REDIRECTION_TABLE + 2 * line + 1, u32(entry >> 32))
    _write(REDIRECTION_TABLE + 2 * line, truncate(u32, entry))
