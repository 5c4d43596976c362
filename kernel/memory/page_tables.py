"""Page tables: walking, mapping and unmapping; they are charged to the owner of the address space.

Interface: `find_table` `make_table` `hole_at` `new_root` `free_user_tables`. A mapping is one `Entry` of the
level-1 table that the first two yield.
"""

from __future__ import annotations

from codegen.lang import Fallible, FrameNumber, copy, on_error, u64
from kernel.machine.paging import ENTRIES, KERNEL_HALF, LEVELS, Entry, Table, index_at, next_used, table_in
from kernel.memory import frames
from kernel.memory.account import Account
from kernel.memory.frames import FrameUse


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


def hole_at(root: FrameNumber, address: u64) -> u64:
    """How large the aligned range around `address` is that no level-1 table translates; 0 when one does."""
    table = table_in(root)
    level: u64 = LEVELS
    while level > 1:
        entry = table.entries[index_at(address, level)]
        if not entry.present:
            return u64(1) << 3 + 9 * level
        table = table_in(entry.frame)
        level -= 1
    return 0


def make_table(root: FrameNumber, address: u64, owner: Account, user: bool) -> Fallible[Table]:
    """The level-1 table that translates `address`, made with those above it if need be. ENOMEM.

    Tables that were made before a failure stay: they are empty, and are freed with the address space.
    """
    table = table_in(root)
    level: u64 = LEVELS
    while level > 1:
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
    with on_error(frames.release, root):
        copy(table_in(root).entries[KERNEL_HALF:ENTRIES], table_in(template).entries[KERNEL_HALF:ENTRIES])
    return root


def free_user_tables(root: FrameNumber) -> None:
    """Free the tables of the user half, whose pages are unmapped already, and the root."""
    top = table_in(root)
    index = next_used(top, 0, KERNEL_HALF)
    while index < KERNEL_HALF:
        free_third(top.entries[index].frame)
        index = next_used(top, index + 1, KERNEL_HALF)
    frames.release(root)


def free_third(number: FrameNumber) -> None:
    """Free a level-3 table and those below it."""
    table = table_in(number)
    index = next_used(table, 0, ENTRIES)
    while index < ENTRIES:
        free_second(table.entries[index].frame)
        index = next_used(table, index + 1, ENTRIES)
    frames.release(number)


def free_second(number: FrameNumber) -> None:
    """Free a level-2 table and those below it."""
    table = table_in(number)
    index = next_used(table, 0, ENTRIES)
    while index < ENTRIES:
        frames.release(table.entries[index].frame)
        index = next_used(table, index + 1, ENTRIES)
    frames.release(number)
