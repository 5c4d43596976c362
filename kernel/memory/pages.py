"""The pages that are mapped in a range of user addresses: dropping, write-protecting and sharing them.

Everything works on the level-1 tables that exist; addresses are page boundaries. An entry that is not zero holds a
frame. Each function goes on until its budget is spent, and returns how far it came.
"""

from __future__ import annotations

from codegen.lang import Fallible, FrameNumber, PhysAddr, align_down, on_error, replace, u64
from kernel.machine.cpu import load_page_table
from kernel.machine.instructions import invalidate_page
from kernel.machine.layout import PAGE_SIZE
from kernel.machine.paging import Entry, index_at, next_used
from kernel.machine.translations import is_used
from kernel.memory import frames, page_tables, shootdown
from kernel.memory.account import Account
from kernel.memory.budget import TABLE_COST, Budget
from kernel.memory.unmapped import unmapped_here

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


def last_index(start: u64, stop: u64) -> u64:
    """One past the entry of the last page of a range within one level-1 table."""
    return index_at(start, 1) + (stop - start) // PAGE_SIZE


def next_table(root: FrameNumber, start: u64, end: u64, budget: Budget) -> u64:
    """The lowest address of the range that a level-1 table translates; `end` when none does.

    If the budget is spent, the address up to where there is none.
    """
    address = start
    while address < end and not budget.is_spent:
        following = page_tables.hole_end(root, address)
        if following == address:
            return address
        budget.take(TABLE_COST)
        address = following
    return min(address, end)


def drop(root: FrameNumber, start: u64, end: u64, budget: Budget) -> tuple[u64, u64]:
    """Unmap the pages of a range, and release their frames. Up to where, and how many there were."""
    unmapped = unmapped_here()
    dropped: u64 = 0
    first = start
    address = next_table(root, start, end, budget)
    while address < end and not budget.is_spent:
        stop = span_end(address, end)
        table = page_tables.find_table(root, address)
        assert table is not None, "there is a table"
        before = unmapped.count
        unmapped.take_from(table, index_at(address, 1), last_index(address, stop))
        budget.take(TABLE_COST + unmapped.count - before)
        dropped += unmapped.count - before
        if unmapped.is_nearly_full:
            flush(root, first, stop)
            unmapped.give_back()
            first = stop
        address = next_table(root, stop, end, budget)
    if unmapped.count > 0:
        flush(root, first, address)
        unmapped.give_back()
    return address, dropped


def is_held(entry: Entry) -> bool:
    """Whether a page stands in `entry`, accessible or hidden. Frame 0 is never allocated."""
    return entry.frame != FrameNumber(0)


def restrict(root: FrameNumber, start: u64, end: u64, accessible: bool, executable: bool, budget: Budget) -> u64:
    """Take the right to write from the pages of a range, and set those to read and to execute. Up to where.

    Writing faults first from then on. A page that is not even accessible (PROT_NONE) is marked not present, so that
    copies of user memory in ring 0 fault on it as well; its frame stays in the entry.
    """
    changed = False
    address = next_table(root, start, end, budget)
    while address < end and not budget.is_spent:
        stop = span_end(address, end)
        table = page_tables.find_table(root, address)
        assert table is not None, "there is a table"
        budget.take(TABLE_COST)
        last = last_index(address, stop)
        index = next_used(table, index_at(address, 1), last)
        while index < last:
            entry = table.entries[index]
            table.entries[index] = replace(entry, present=accessible, writable=False, no_execute=not executable)
            changed = True
            budget.take(1)
            index = next_used(table, index + 1, last)
        address = next_table(root, stop, end, budget)
    if changed:
        flush(root, start, address)
    return address


def duplicate(
    source: FrameNumber, target: FrameNumber, start: u64, end: u64, owner: Account, private: bool, budget: Budget
) -> Fallible[tuple[u64, u64]]:
    """Map in `target` what is mapped in `source` in a range: the same frames. Up to where, and how many. ENOMEM.

    If they are `private`, neither may write to them any more: that faults first, and makes a copy.
    """
    protected = False
    pages: u64 = 0
    address = next_table(source, start, end, budget)
    while address < end and not budget.is_spent:
        stop = span_end(address, end)
        table = page_tables.find_table(source, address)
        assert table is not None, "there is a table"
        # Entries that lost their right to write may not be remembered with it, whatever becomes of the copy.
        with on_error(flush, source, start, address):
            copied = page_tables.make_table(target, address, owner, True)
        budget.take(TABLE_COST)
        last = last_index(address, stop)
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
            index += 1
            if index < last and not is_held(table.entries[index]):  # pages mostly lie side by side
                index = next_used(table, index, last)
        budget.take(last - index_at(address, 1))
        address = next_table(source, stop, end, budget)
    if protected:
        flush(source, start, address)
    return address, pages
