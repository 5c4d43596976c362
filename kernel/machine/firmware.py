"""Tables that the firmware left in memory: taken by physical address, and never trusted.

Interface: `FirmwareMemory`. What lies outside of memory is an empty slice, and so is a table without its signature or
whose bytes do not add up. Used by acpi.py and mp_table.py.
"""

from __future__ import annotations

from codegen.lang import PhysAddr, Slice, load, struct, u8, u16, u64, wrapping_add

PARAGRAPH: u64 = 16
"""What the signatures that are searched for are aligned to."""

KIBIBYTE: u64 = 1024
LAST_BASE_KIBIBYTE: u64 = 639 * KIBIBYTE
BIOS_END: u64 = 0x100000

EXTENDED_SEGMENT: u64 = 0x40E
"""BIOS data area: the real-mode segment of the extended BIOS data area (ACPI specification, section 5.2.5.1)."""

NOWHERE = PhysAddr(0)


@struct
class FirmwareMemory:
    """Physical memory from address 0 on."""

    content: Slice[u8] = b""

    def piece(self, address: PhysAddr, length: u64) -> Slice[u8]:
        """`length` bytes from `address` on; empty when they are not all there."""
        size = u64(len(self.content))
        if length > size or u64(address) > size - length:
            return b""
        return self.content[u64(address) : address + length]

    def table_at(self, address: PhysAddr, length: u64, signature: Slice[u8]) -> Slice[u8]:
        """A table with its `signature` and bytes that add up; empty when there is none."""
        table = self.piece(address, length)
        if len(table) < len(signature) or table[: len(signature)] != signature or not adds_up(table):
            return b""
        return table

    def find(self, start: u64, end: u64, length: u64, signature: Slice[u8]) -> PhysAddr:
        """Where the first such table in a range is; NOWHERE without one."""
        address = start
        while address < end:
            if len(self.table_at(PhysAddr(address), length, signature)) > 0:
                return PhysAddr(address)
            address += PARAGRAPH
        return NOWHERE

    def extended_area(self) -> u64:
        """Where the extended BIOS data area begins; the last KiB of base memory where nobody made one."""
        field = self.piece(PhysAddr(EXTENDED_SEGMENT), 2)
        start = u64(load(u16, field, 0)) * PARAGRAPH if len(field) > 0 else u64(0)
        return start if start != 0 else LAST_BASE_KIBIBYTE


def adds_up(table: Slice[u8]) -> bool:
    """Whether the sum of all bytes is 0 in 8 bits."""
    total: u8 = 0
    for byte in table:
        total = wrapping_add(u8, total, byte)
    return total == 0
