"""Page tables as the processor reads them (SDM vol. 3A, section 4.5, 4-level paging)."""

from __future__ import annotations

from boot.layout import DIRECT_MAP, PAGE_SIZE
from codegen.lang import Array, FrameNumber, PhysAddr, VirtAddr, array, bit, bits, reference, struct, u64

ENTRIES_PER_TABLE = 512
LEVELS = 4


@bits
class Entry:
    """An entry of any level (SDM vol. 3A, tables 4-15 to 4-20); `software` bits are ours to use."""

    present: bool = bit(0)
    writable: bool = bit(1)
    user: bool = bit(2)
    write_through: bool = bit(3)
    cache_disabled: bool = bit(4)
    accessed: bool = bit(5)
    dirty: bool = bit(6)
    large: bool = bit(7)
    global_page: bool = bit(8)
    software: u64 = bits(9, 12)
    frame: FrameNumber = bits(12, 52)
    no_execute: bool = bit(63)


@bits
class AddressParts:
    """A linear address as the four tables divide it (SDM vol. 3A, figure 4-8)."""

    offset: u64 = bits(0, 12)
    level_1: u64 = bits(12, 21)
    level_2: u64 = bits(21, 30)
    level_3: u64 = bits(30, 39)
    level_4: u64 = bits(39, 48)


@struct(size=4096)
class Table:
    """One page table of any level."""

    entries: Array[Entry] = array(ENTRIES_PER_TABLE)


def table_index(address: u64, level: u64) -> u64:
    """Which entry of a table of `level` (1 lowest, 4 top) translates `address`."""
    return address >> 12 + 9 * (level - 1) & 0x1FF


def direct(address: PhysAddr) -> VirtAddr:
    """Where the kernel sees physical memory."""
    return VirtAddr(address + DIRECT_MAP)


def physical(address: VirtAddr) -> PhysAddr:
    """The physical address behind an address of the direct map."""
    return PhysAddr(address - DIRECT_MAP)


def table_at(frame: FrameNumber) -> Table:
    """The page table in `frame`."""
    return reference(Table, frame * PAGE_SIZE + DIRECT_MAP)
