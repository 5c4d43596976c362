"""ACPI's tables (ACPI specification 6.5, section 5.2): the root pointer, a root table, and those that it points to.

Interface: `find_table`, and of the MADT `list_by_acpi`, the processors. Every table is checked before use; one that is
not as it should be counts as absent.
"""

from __future__ import annotations

from codegen.lang import PhysAddr, Slice, bit, bits, from_raw, load, u8, u32, u64
from kernel.machine.firmware import BIOS_END, KIBIBYTE, NOWHERE, FirmwareMemory
from kernel.machine.processor_list import ProcessorList

ROOT_POINTER_SIGNATURE = b"RSD PTR "
ROOT_POINTER_SIZE: u64 = 20
ROOT_POINTER_REVISION: u64 = 15
ROOT_TABLE: u64 = 16
LONG_REVISION: u8 = 2
LONG_ROOT_POINTER_SIZE: u64 = 36
LONG_ROOT_TABLE: u64 = 24
"""The root system description pointer, and what revision 2 added to it (section 5.2.5.3)."""

SEARCH_START: u64 = 0xE0000
"""Where a BIOS has the root pointer, if not in the first KiB of its extended data area (section 5.2.5.1)."""

HEADER_SIZE: u64 = 36
TABLE_LENGTH: u64 = 4
LONGEST_TABLE: u64 = 0x100000
"""Every other table begins with a header (section 5.2.6); those that are read here are far shorter than this."""

MADT_SIGNATURE = b"APIC"
MADT_ENTRIES: u64 = 44
ENTRY_LENGTH: u64 = 1
SMALLEST_ENTRY: u64 = 2
LOCAL_APIC: u8 = 0
LOCAL_APIC_SIZE: u64 = 8
LOCAL_APIC_ID: u64 = 3
LOCAL_APIC_FLAGS: u64 = 4
"""The multiple APIC description table: entries of a type, a length and the rest (sections 5.2.12, 5.2.12.2)."""


@bits(u32)
class LocalApicFlags:
    """Whether there is such a processor (section 5.2.12.2, table 5.22)."""

    enabled: bool = bit(0)
    online_capable: bool = bit(1)
    reserved: u32 = bits(2, 32)


def list_by_acpi(memory: FirmwareMemory, told: PhysAddr, found: ProcessorList) -> bool:
    """Add the processors of the MADT; False where there is none. `told` is the root pointer by the loader, or 0."""
    madt = find_table(memory, told, MADT_SIGNATURE)
    if len(madt) < MADT_ENTRIES:
        return False
    add_processors(madt, found)
    return True


def find_table(memory: FirmwareMemory, told: PhysAddr, signature: Slice[u8]) -> Slice[u8]:
    """The table with this signature; empty where there is none. `told` is the root pointer by the loader, or 0."""
    pointer = told if is_root_pointer(memory, told) else find_root_pointer(memory)
    if pointer == NOWHERE:
        return b""
    return find_from(memory, pointer, signature)


def is_root_pointer(memory: FirmwareMemory, address: PhysAddr) -> bool:
    """Whether there is a root pointer."""
    return len(memory.table_at(address, ROOT_POINTER_SIZE, ROOT_POINTER_SIGNATURE)) > 0


def find_root_pointer(memory: FirmwareMemory) -> PhysAddr:
    """Search where a BIOS has it; NOWHERE without one."""
    area = memory.extended_area()
    found = memory.find(area, area + KIBIBYTE, ROOT_POINTER_SIZE, ROOT_POINTER_SIGNATURE)
    if found == NOWHERE:
        found = memory.find(SEARCH_START, BIOS_END, ROOT_POINTER_SIZE, ROOT_POINTER_SIGNATURE)
    return found


def find_from(memory: FirmwareMemory, pointer: PhysAddr, signature: Slice[u8]) -> Slice[u8]:
    """A table by way of the newer root table, or else of the older one; empty without one."""
    short = memory.piece(pointer, ROOT_POINTER_SIZE)
    if short[ROOT_POINTER_REVISION] >= LONG_REVISION:
        long = memory.table_at(pointer, LONG_ROOT_POINTER_SIZE, ROOT_POINTER_SIGNATURE)
        if len(long) > 0:
            root = described_table(memory, PhysAddr(load(u64, long, LONG_ROOT_TABLE)), b"XSDT")
            table = find_in_root(memory, root, 8, signature)
            if len(table) > 0:
                return table
    root = described_table(memory, PhysAddr(u64(load(u32, short, ROOT_TABLE))), b"RSDT")
    return find_in_root(memory, root, 4, signature)


def described_table(memory: FirmwareMemory, address: PhysAddr, signature: Slice[u8]) -> Slice[u8]:
    """The table at an address, header included; empty when it is not sound or not the one with `signature`."""
    header = memory.piece(address, HEADER_SIZE)
    if len(header) == 0:
        return b""
    length = u64(load(u32, header, TABLE_LENGTH))
    if length < HEADER_SIZE or length > LONGEST_TABLE:
        return b""
    return memory.table_at(address, length, signature)


def find_in_root(memory: FirmwareMemory, root: Slice[u8], size: u64, signature: Slice[u8]) -> Slice[u8]:
    """The first sound such table that a root table, whose addresses have `size` bytes, points to; empty without one."""
    place = HEADER_SIZE
    while place + size <= len(root):
        address = load(u64, root, place) if size == 8 else u64(load(u32, root, place))
        table = described_table(memory, PhysAddr(address), signature)
        if len(table) > 0:
            return table
        place += size
    return b""


def add_processors(madt: Slice[u8], found: ProcessorList) -> None:
    """Add what can be started; an entry without a length, or beyond the end, ends the table."""
    place = MADT_ENTRIES
    while place + SMALLEST_ENTRY <= len(madt):
        length = u64(madt[place + ENTRY_LENGTH])
        if length < SMALLEST_ENTRY or place + length > len(madt):
            return
        if madt[place] == LOCAL_APIC and length >= LOCAL_APIC_SIZE:
            flags = from_raw(LocalApicFlags, load(u32, madt, place + LOCAL_APIC_FLAGS))
            if flags.enabled:
                found.add(u32(madt[place + LOCAL_APIC_ID]))
        place += length
