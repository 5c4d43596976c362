"""Moving the pages of a range elsewhere in their address space (mremap(2)), by entries of page tables, not by copies.

Where source and destination lie alike, whole tables change places: what is below an entry of a higher level moves at
once, and an untouched range costs nothing.
"""

from __future__ import annotations

from codegen.lang import Fallible, FrameNumber, u64
from kernel.machine.layout import PAGE_SIZE
from kernel.machine.paging import LEVELS, Entry, Table, index_at, next_used, table_in
from kernel.memory import page_tables, pages
from kernel.memory.account import Account
from kernel.memory.budget import TABLE_COST, Budget


def move(
    root: FrameNumber, source: u64, destination: u64, done: u64, length: u64, owner: Account, budget: Budget
) -> Fallible[u64]:
    """Map the pages of a range elsewhere instead, where none are mapped, of which `done` bytes are moved already.

    Returns how much is moved then. ENOMEM, if `make_tables` was not called before.
    """
    position = next_part(root, source, done, length, budget)
    moved = False
    while position < length and not budget.is_spent:
        old = source + position
        new = destination + position
        level = level_of(old, new, length - position)
        above = page_tables.make_table_of(level, root, new, owner, True)
        below = find_table_of(root, old, level)
        if level > 1:
            exchange(below, index_at(old, level), above, index_at(new, level))
            size = page_tables.span_of(level)
            budget.take(TABLE_COST)
        else:
            size = size_of_part(old, new, length - position)
            move_entries(below, index_at(old, 1), above, index_at(new, 1), size // PAGE_SIZE)
            budget.take(TABLE_COST + size // PAGE_SIZE)
        moved = True
        position = next_part(root, source, position + size, length, budget)
    if moved:
        pages.flush(root, source + done, source + position)
    return position


def make_tables(
    root: FrameNumber, source: u64, destination: u64, done: u64, length: u64, owner: Account, budget: Budget
) -> Fallible[u64]:
    """Make the tables that `move` needs. Returns up to where that is done. ENOMEM; empty tables may be left."""
    position = next_part(root, source, done, length, budget)
    while position < length and not budget.is_spent:
        old = source + position
        new = destination + position
        level = level_of(old, new, length - position)
        _ = page_tables.make_table_of(level, root, new, owner, True)
        budget.take(TABLE_COST)
        size = page_tables.span_of(level) if level > 1 else size_of_part(old, new, length - position)
        position = next_part(root, source, position + size, length, budget)
    return position


def next_part(root: FrameNumber, source: u64, position: u64, length: u64, budget: Budget) -> u64:
    """Where in the range the next page may be, from `position` on; or where the budget was spent."""
    return pages.next_table(root, source + position, source + length, budget) - source


def level_of(old: u64, new: u64, left: u64) -> u64:
    """The highest level of which an entry can be moved as a whole; 1 if only pages can."""
    for level in (4, 3, 2):
        span = page_tables.span_of(level)
        if left >= span and old % span == 0 and new % span == 0:
            return level
    return 1


def size_of_part(old: u64, new: u64, left: u64) -> u64:
    """How much lies within one level-1 table on both sides."""
    return min(pages.span_end(old, old + left) - old, pages.span_end(new, new + left) - new)


def find_table_of(root: FrameNumber, address: u64, lowest: u64) -> Table:
    """The table of level `lowest` above `address`, which is there."""
    table = table_in(root)
    level: u64 = LEVELS
    while level > lowest:
        entry = table.entries[index_at(address, level)]
        assert entry.present, "there is a table"
        table = table_in(entry.frame)
        level -= 1
    return table


def exchange(one: Table, index: u64, other: Table, other_index: u64) -> None:
    """Let two entries change places: what is below the other has no pages, and is used again here."""
    entry = one.entries[index]
    one.entries[index] = other.entries[other_index]
    other.entries[other_index] = entry


def move_entries(source: Table, first: u64, target: Table, target_first: u64, count: u64) -> None:
    """Move so many entries of level-1 tables."""
    end = first + count
    index = next_used(source, first, end)
    while index < end:
        target.entries[target_first + index - first] = source.entries[index]
        source.entries[index] = Entry()
        index = next_used(source, index + 1, end)
