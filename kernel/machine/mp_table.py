"""The processors by the MP table (Intel MultiProcessor Specification 1.4, chapter 4), which came before ACPI.

Interface: `list_by_mp_table`. A table that is not as it should be counts as absent.
"""

from __future__ import annotations

from codegen.lang import PhysAddr, Slice, bit, bits, from_raw, load, u8, u16, u32, u64
from kernel.machine.firmware import BIOS_END, KIBIBYTE, LAST_BASE_KIBIBYTE, NOWHERE, FirmwareMemory
from kernel.machine.processor_list import ProcessorList

POINTER_SIGNATURE = b"_MP_"
POINTER_SIZE: u64 = 16
TABLE_ADDRESS: u64 = 4
DEFAULT_CONFIGURATION: u64 = 11
"""The floating pointer structure (section 4.1). With a default configuration there is no table."""

DEFAULT_PROCESSORS: u32 = 2
"""Every default configuration has the local APICs 0 and 1 (section 5.1)."""

SEARCH_START: u64 = 0xF0000
"""The last of the three places of the pointer (section 4)."""

TABLE_SIGNATURE = b"PCMP"
HEADER_SIZE: u64 = 44
TABLE_LENGTH: u64 = 4
"""The configuration table (section 4.2). Its count of entries is not used, as qboot leaves it 0."""

PROCESSOR: u8 = 0
PROCESSOR_SIZE: u64 = 20
OTHER_SIZE: u64 = 8
HIGHEST_ENTRY: u8 = 4
LOCAL_APIC_ID: u64 = 1
PROCESSOR_FLAGS: u64 = 3
"""Its entries (section 4.3): those of processors have 20 bytes, and all others 8."""


@bits(u8)
class ProcessorFlags:
    """CPU flags of a processor entry (table 4-4)."""

    enabled: bool = bit(0)
    boot_processor: bool = bit(1)
    reserved: u8 = bits(2, 8)


def list_by_mp_table(memory: FirmwareMemory, found: ProcessorList) -> bool:
    """Add the processors of the table; False where there is none."""
    pointer = memory.piece(find_pointer(memory), POINTER_SIZE)
    if len(pointer) == 0 or pointer[: len(POINTER_SIGNATURE)] != POINTER_SIGNATURE:
        return False
    if pointer[DEFAULT_CONFIGURATION] != 0:
        for apic_id in range(DEFAULT_PROCESSORS):
            found.add(u32(apic_id))
        return True
    table = configuration(memory, PhysAddr(u64(load(u32, pointer, TABLE_ADDRESS))))
    if len(table) == 0:
        return False
    add_processors(table, found)
    return True


def find_pointer(memory: FirmwareMemory) -> PhysAddr:
    """Search the extended BIOS data area, the end of base memory, and the BIOS; NOWHERE without one."""
    area = memory.extended_area()
    found = memory.find(area, area + KIBIBYTE, POINTER_SIZE, POINTER_SIGNATURE)
    if found == NOWHERE:
        found = memory.find(LAST_BASE_KIBIBYTE, LAST_BASE_KIBIBYTE + KIBIBYTE, POINTER_SIZE, POINTER_SIGNATURE)
    if found == NOWHERE:
        found = memory.find(SEARCH_START, BIOS_END, POINTER_SIZE, POINTER_SIGNATURE)
    return found


def configuration(memory: FirmwareMemory, address: PhysAddr) -> Slice[u8]:
    """The configuration table at an address, without its extension; empty when it is not sound."""
    header = memory.piece(address, HEADER_SIZE)
    if len(header) == 0:
        return b""
    length = u64(load(u16, header, TABLE_LENGTH))
    if length < HEADER_SIZE:
        return b""
    return memory.table_at(address, length, TABLE_SIGNATURE)


def add_processors(table: Slice[u8], found: ProcessorList) -> None:
    """Add what can be started; an entry of an unknown type, or beyond the end, ends the table."""
    place = HEADER_SIZE
    while place < len(table) and table[place] <= HIGHEST_ENTRY:
        size = PROCESSOR_SIZE if table[place] == PROCESSOR else OTHER_SIZE
        if place + size > len(table):
            return
        if table[place] == PROCESSOR and from_raw(ProcessorFlags, table[place + PROCESSOR_FLAGS]).enabled:
            found.add(u32(table[place + LOCAL_APIC_ID]))
        place += size
