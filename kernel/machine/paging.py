"""Page tables as the processor reads them, 4-level paging (Intel SDM vol. 3A, section 4.5)."""

from __future__ import annotations

from codegen.lang import Array, FrameNumber, array, bit, bits, inline, reference, struct, to_raw, u64
from kernel.machine.layout import frame_address

ENTRIES: u64 = 512
LEVELS: u64 = 4
"""Level 4 is the root (PML4), level 1 holds the entries of 4 KiB pages."""
KERNEL_HALF: u64 = 256
"""The first entry of the root that belongs to the kernel."""


@bits
class Entry:
    """One entry of any level (SDM tables 4-15 to 4-20); bits 9 to 11 are free for software."""

    present: bool = bit(0)
    writable: bool = bit(1)
    user: bool = bit(2)
    write_through: bool = bit(3)
    cache_disabled: bool = bit(4)
    accessed: bool = bit(5)
    dirty: bool = bit(6)
    large: bool = bit(7)
    """In level 2: a page of 2 MiB. In level 1 this bit would select a memory type (PAT) and stays clear."""
    global_page: bool = bit(8)
    copy_on_write: bool = bit(9)
    """Software: mapped read-only because the frame is shared, but the region may be written."""
    frame: FrameNumber = bits(12, 52)
    no_execute: bool = bit(63)


@struct(size=4096)
class Table:
    """A page table of any level; it fills one frame."""

    entries: Array[Entry] = array(512)


MANY = tuple(range(32))
FEW = tuple(range(8))
"""`next_used` looks at so many entries at once where it can."""


def next_used(table: Table, start: u64, end: u64) -> u64:
    """The first entry from `start` on that is not zero; `end`, at most ENTRIES, when none before it is."""
    index = start
    while index < end:
        if index % len(MANY) == 0 and are_many_empty(table, index):
            index += len(MANY)
        elif index % len(FEW) == 0 and are_few_empty(table, index):
            index += len(FEW)
        elif to_raw(table.entries[index]) == 0:
            index += 1
        else:
            return index
    return end


@inline
def are_many_empty(table: Table, first: u64) -> bool:
    """Whether as many entries as MANY has places are all zero from `first` on."""
    group = table.entries[first : first + len(MANY)]
    together: u64 = 0
    for place in MANY:
        together |= to_raw(group[place])
    return together == 0


@inline
def are_few_empty(table: Table, first: u64) -> bool:
    """Likewise for FEW."""
    group = table.entries[first : first + len(FEW)]
    together: u64 = 0
    for place in FEW:
        together |= to_raw(group[place])
    return together == 0


def table_in(frame: FrameNumber) -> Table:
    """The table that fills `frame`."""
    return reference(Table, frame_address(frame))


def index_at(address: u64, level: u64) -> u64:
    """Which entry of a table of `level` (4 is the root) translates `address` (SDM figure 4-8)."""
    return address >> 3 + 9 * level & ENTRIES - 1
