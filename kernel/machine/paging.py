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


GROUPS = (32, 8)
"""`next_used` looks at so many entries at once where it can."""


def next_used(table: Table, start: u64, end: u64) -> u64:
    """The first entry from `start` on that is not zero; `end`, at most ENTRIES, when none before it is."""
    index = start
    while index < end:
        if index % GROUPS[0] == 0 and is_group_empty(table, index, GROUPS[0]):
            index += GROUPS[0]
        elif index % GROUPS[1] == 0 and is_group_empty(table, index, GROUPS[1]):
            index += GROUPS[1]
        elif to_raw(table.entries[index]) == 0:
            index += 1
        else:
            return index
    return end


@inline
def is_group_empty(table: Table, first: u64, count: u64) -> bool:
    """Whether the `count` entries from `first` on are all zero; `count` is known at build time."""
    group = table.entries[first : first + count]
    together: u64 = 0
    for index in range(count):
        together |= to_raw(group[index])
    return together == 0


def table_in(frame: FrameNumber) -> Table:
    """The table that fills `frame`."""
    return reference(Table, frame_address(frame))


def index_at(address: u64, level: u64) -> u64:
    """Which entry of a table of `level` (4 is the root) translates `address` (SDM figure 4-8)."""
    return address >> 3 + 9 * level & ENTRIES - 1
