"""Page tables: walking, mapping and unmapping; they are charged to the owner of the address space.

Interface: `find_table` `make_table` `hole_end` `new_root` `free_user_tables`; `TablePath` to free without a search. A
mapping is one `Entry` of the level-1 table that the first two yield.
"""

from __future__ import annotations

from codegen.lang import Array, Fallible, FrameNumber, align_down, array, bounded, inline, struct, u64
from kernel.machine.layout import DIRECT_MAP, IMAGE_BASE, STACKS
from kernel.machine.paging import ENTRIES, KERNEL_HALF, LEVELS, Entry, Table, index_at, next_used, table_in
from kernel.memory import frames
from kernel.memory.account import Account
from kernel.memory.budget import TABLE_COST, Budget
from kernel.memory.frames import FrameUse

HIGHEST_USER_LEVEL: u64 = LEVELS - 1
"""The root is shared with the kernel."""

KERNEL_ENTRIES = tuple(sorted({address >> 39 & 511 for address in (DIRECT_MAP, STACKS, IMAGE_BASE)}))
"""The entries of the root that the kernel half consists of (docs/internals.md, "Layout"): 512 GiB each."""


def find_table(root: FrameNumber, address: u64) -> Table | None:
    """The level-1 table that translates `address`; None if there is none (or a large page)."""
    table = table_in(root)
    level: u64 = LEVELS
    while level > 1:
        entry = table.entries[index_at(address, level)]
        if not entry.present or entry.large:
            return None
        table = table_in(entry.frame)
        level -= 1
    return table


def hole_end(root: FrameNumber, address: u64) -> u64:
    """`address` if a level-1 table translates it; else where the range ends that none translates, or a part of it."""
    table = table_in(root)
    level: u64 = LEVELS
    while level > 1:
        index = index_at(address, level)
        entry = table.entries[index]
        if not entry.present:
            return end_of_empty(table, level, address)
        table = table_in(entry.frame)
        level -= 1
    return address


def end_of_empty(table: Table, level: u64, address: u64) -> u64:
    """Where the entries of a table of `level` that are empty from that of `address` on end."""
    span = span_of(level)
    index = index_at(address, level)
    return align_down(address, span) + (next_used(table, index + 1, ENTRIES) - index) * span


def span_of(level: u64) -> u64:
    """How many addresses one entry of a table of `level` is for."""
    return u64(1) << 3 + 9 * level


def make_table(root: FrameNumber, address: u64, owner: Account, user: bool) -> Fallible[Table]:
    """The level-1 table that translates `address`, made with those above it if need be. ENOMEM.

    Tables that were made before a failure stay: they are empty, and are freed with the address space.
    """
    return make_table_of(1, root, address, owner, user)


@inline
def make_table_of(lowest: u64, root: FrameNumber, address: u64, owner: Account, user: bool) -> Fallible[Table]:
    """Likewise the one of level `lowest`."""
    table = table_in(root)
    level: u64 = LEVELS
    while level > lowest:
        index = index_at(address, level)
        entry = table.entries[index]
        if not entry.present:
            frame = frames.allocate(owner, FrameUse.PAGE_TABLE)
            entry = Entry(present=True, writable=True, user=user, frame=frame)
            table.entries[index] = entry
        assert not entry.large, "a large page is in the way"
        table = table_in(entry.frame)
        level -= 1
    return table


def new_root(owner: Account, template: FrameNumber) -> Fallible[FrameNumber]:
    """A root table with an empty user half and the kernel half of the root `template`. ENOMEM."""
    root = frames.allocate(owner, FrameUse.PAGE_TABLE)
    for index in KERNEL_ENTRIES:
        table_in(root).entries[index] = table_in(template).entries[index]
    return root


def free_user_tables(root: FrameNumber, budget: Budget) -> bool:
    """Free the tables of the user half, whose pages are unmapped already, and the root. Whether all are freed."""
    return free_table(root, LEVELS, budget)


@bounded(LEVELS)
def free_table(number: FrameNumber, level: u64, budget: Budget) -> bool:
    """Free a table of `level` and those below it; what a root has of the kernel half stays. Whether all are freed."""
    if level > 1:
        table = table_in(number)
        end = KERNEL_HALF if level == LEVELS else ENTRIES
        index = next_used(table, 0, end)
        while index < end:
            if budget.is_spent or not free_table(table.entries[index].frame, level - 1, budget):
                return False
            table.entries[index] = Entry()
            index = next_used(table, index + 1, end)
    frames.release(number)
    budget.take(TABLE_COST)
    return True


@struct
class TablePath:
    """The tables above the page at hand, of an address space that is torn down by ascending addresses.

    Each is freed when the path leaves it, and by then has to hold no page any more.
    """

    tables: Array[FrameNumber] = array(LEVELS)
    """By level, from 1 on; frame 0 where there is none."""
    address: u64 = 0
    """Where the path led last."""

    @property
    def lowest(self) -> Table:
        """The level-1 table that the path has led to."""
        return table_in(self.tables[1])

    def enter(self, root: FrameNumber, address: u64) -> u64:
        """Let the path lead to the level-1 table that translates `address`: that, or what `hole_end` says."""
        table = table_in(root)
        level: u64 = LEVELS
        while level > 1:
            entry = table.entries[index_at(address, level)]
            if not entry.present:
                return end_of_empty(table, level, address)
            level -= 1
            if self.tables[level] != entry.frame:
                self.leave(root, level)
                self.tables[level] = entry.frame
                self.address = address
            table = table_in(entry.frame)
        return address

    def leave(self, root: FrameNumber, highest: u64) -> None:
        """Free the tables of the path from level 1 up to `highest`."""
        for level in range(1, highest + 1):
            if self.tables[level] != FrameNumber(0):
                frames.release(self.tables[level])
                self.tables[level] = FrameNumber(0)
                if level == highest:
                    above = root if level == HIGHEST_USER_LEVEL else self.tables[level + 1]
                    table_in(above).entries[index_at(self.address, level + 1)] = Entry()
