"""The pages that are mapped in a range of user addresses: dropping, write-protecting, moving and sharing them.

Everything works on the level-1 tables that exist; addresses are page boundaries. An entry that is not zero holds a
frame.
"""

from __future__ import annotations

from codegen.lang import Fallible, FrameNumber, PhysAddr, align_down, replace, u64
from kernel.machine.cpu import load_page_table
from kernel.machine.instructions import invalidate_page
from kernel.machine.layout import PAGE_SIZE
from kernel.machine.paging import Entry, Table, index_at, next_used
from kernel.machine.translations import is_used
from kernel.memory import frames, page_tables, shootdown
from kernel.memory.account import Account

TABLE_SPAN: u64 = 512 * PAGE_SIZE
"""What one level-1 table translates."""

FEW_PAGES: u64 = 16
"""Up to so many pages are forgotten one by one; beyond, all translations of ring 3 are."""


def flush(root: FrameNumber, start: u64, end: u64) -> None:
    """Let the processors that use this root forget the translations of a range."""
    here = PhysAddr(root * PAGE_SIZE)
    if is_used(here):
        if (end - start) // PAGE_SIZE > FEW_PAGES:
            load_page_table(here)
        else:
            address = start
            while address < end:
                invalidate_page(address)
                address += PAGE_SIZE
    shootdown.forget(here)


def span_end(address: u64, end: u64) -> u64:
    """Where the range from `address` to `end` leaves the level-1 table of `address`."""
    return min(end, align_down(address, TABLE_SPAN) + TABLE_SPAN)


def next_table(root: FrameNumber, address: u64, end: u64) -> u64:
    """The lowest address of the range that a level-1 table translates; `end` when none does."""
    while address < end:
        hole = page_tables.hole_at(root, address)
        if hole == 0:
            return address
        address = align_down(address, hole) + hole
    return end


def drop(root: FrameNumber, start: u64, end: u64) -> u64:
    """Unmap every page of a range and release its frame. How many there were."""
    if shootdown.others_use(PhysAddr(root * PAGE_SIZE)):
        # The frames go back while the entries are cleared: first, no other processor may reach them.
        restrict(root, start, end, False, False)
    dropped: u64 = 0
    address = next_table(root, start, end)
    while address < end:
        stop = span_end(address, end)
        table = page_tables.find_table(root, address)
        assert table is not None, "there is a table"
        dropped += drop_in(table, address, stop)
        address = next_table(root, stop, end)
    if dropped != 0:
        flush(root, start, end)
    return dropped


def drop_in(table: Table, start: u64, end: u64) -> u64:
    """Unmap a range within one table. How many pages there were."""
    dropped: u64 = 0
    last = index_at(start, 1) + (end - start) // PAGE_SIZE
    index = next_used(table, index_at(start, 1), last)
    while index < last:
        entry = table.entries[index]
        table.entries[index] = Entry()
        frames.release(entry.frame)
        dropped += 1
        index += 1
        if index < last and not is_held(table.entries[index]):  # pages mostly lie side by side
            index = next_used(table, index, last)
    return dropped


def is_held(entry: Entry) -> bool:
    """Whether a page stands in `entry`, accessible or hidden. Frame 0 is never allocated."""
    return entry.frame != FrameNumber(0)


def restrict(root: FrameNumber, start: u64, end: u64, accessible: bool, executable: bool) -> None:
    """Take the right to write from every page of a range, and set those to read and to execute.

    Writing faults first from then on. A page that is not even accessible (PROT_NONE) is marked not present, so that
    copies of user memory in ring 0 fault on it as well; its frame stays in the entry.
    """
    address = next_table(root, start, end)
    while address < end:
        stop = span_end(address, end)
        table = page_tables.find_table(root, address)
        assert table is not None, "there is a table"
        last = index_at(address, 1) + (stop - address) // PAGE_SIZE
        index = next_used(table, index_at(address, 1), last)
        while index < last:
            entry = table.entries[index]
            table.entries[index] = replace(entry, present=accessible, writable=False, no_execute=not executable)
            index = next_used(table, index + 1, last)
        address = next_table(root, stop, end)
    flush(root, start, end)


def move(root: FrameNumber, source: u64, destination: u64, length: u64, owner: Account) -> Fallible[None]:
    """Map the pages of a range elsewhere instead (mremap(2)). ENOMEM before anything moved."""
    address: u64 = 0
    while address < length:
        page_tables.make_table(root, destination + address, owner, True)
        address += PAGE_SIZE
    address = 0
    while address < length:
        old = page_tables.find_table(root, source + address)
        new = page_tables.find_table(root, destination + address)
        if old is not None and new is not None:
            new.entries[index_at(destination + address, 1)] = old.entries[index_at(source + address, 1)]
            old.entries[index_at(source + address, 1)] = Entry()
        address += PAGE_SIZE
    flush(root, source, source + length)


def duplicate(
    source: FrameNumber, target: FrameNumber, start: u64, end: u64, owner: Account, private: bool
) -> Fallible[u64]:
    """Map in `target` what is mapped in `source` in a range: the same frames. How many pages these are. ENOMEM.

    If they are `private`, neither may write to them any more: that faults first, and makes a copy.
    """
    protected = False
    pages: u64 = 0
    address = next_table(source, start, end)
    while address < end:
        stop = span_end(address, end)
        table = page_tables.find_table(source, address)
        assert table is not None, "there is a table"
        copied = page_tables.make_table(target, address, owner, True)
        last = index_at(address, 1) + (stop - address) // PAGE_SIZE
        index = next_used(table, index_at(address, 1), last)
        while index < last:
            entry = table.entries[index]
            frames.share(entry.frame)
            if private and entry.writable:
                entry = replace(entry, writable=False)
                table.entries[index] = entry
                protected = True
            copied.entries[index] = entry
            pages += 1
            index = next_used(table, index + 1, last)
        address = next_table(source, stop, end)
    if protected:
        flush(source, start, end)
    return pages
