"""The 8259 interrupt controllers of the PC: moved out of the way of the exceptions, and masked for good."""

from __future__ import annotations

from codegen.lang import u8, u16
from kernel.machine.port import write_port

PRIMARY_COMMAND: u16 = 0x20
PRIMARY_DATA: u16 = 0x21
SECONDARY_COMMAND: u16 = 0xA0
SECONDARY_DATA: u16 = 0xA1

INITIALISE: u8 = 0x11
MODE_8086: u8 = 0x01
MASK_ALL: u8 = 0xFF
"""Initialisation command words 1 and 4, operation control word 1 (Intel 8259A data sheet)."""

FIRST_VECTOR: u8 = 0xE0
"""A spurious interrupt can come even from a masked controller; here it meets an ignored vector."""


def disable_pic() -> None:
    """Give both controllers unused vectors and mask all their lines."""
    write_port(PRIMARY_COMMAND, INITIALISE)
    write_port(SECONDARY_COMMAND, INITIALISE)
    write_port(PRIMARY_DATA, FIRST_VECTOR)
    write_port(SECONDARY_DATA, FIRST_VECTOR + 8)
    write_port(PRIMARY_DATA, 1 << 2)
    write_port(SECONDARY_DATA, 2)
    write_port(PRIMARY_DATA, MODE_8086)
    write_port(SECONDARY_DATA, MODE_8086)
    write_port(PRIMARY_DATA, MASK_ALL)
    write_port(SECONDARY_DATA, MASK_ALL)
