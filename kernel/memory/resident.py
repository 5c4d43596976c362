"""What an address space holds in memory, and taking all of it (the OOM reaper of Linux, mm/oom_kill.c)."""

from __future__ import annotations

from codegen.lang import FrameNumber, local, u64
from kernel.machine.layout import USER_END
from kernel.machine.paging import index_at, next_used
from kernel.memory import page_tables, pages, regions
from kernel.memory.budget import TABLE_COST, Budget
from kernel.memory.space import AddressSpace


def resident_pages(space: AddressSpace) -> u64:
    """How many pages are mapped, shared ones included: VmRSS of proc(5)."""
    with space.lock:
        return space.resident


def most_resident_pages(space: AddressSpace) -> u64:
    """The most pages that were mapped at a time: VmHWM of proc(5)."""
    with space.lock:
        return max(space.resident_before, space.resident)


def resident_in(root: FrameNumber, start: u64, end: u64, budget: Budget) -> tuple[u64, u64]:
    """Up to where, and how many pages are mapped there. The lock of the address space is held."""
    count: u64 = 0
    address = pages.next_table(root, start, end, budget)
    while address < end and not budget.is_spent:
        stop = pages.span_end(address, end)
        count += resident_in_table(root, address, stop)
        budget.take(TABLE_COST)
        address = pages.next_table(root, stop, end, budget)
    return address, count


def resident_in_table(root: FrameNumber, start: u64, end: u64) -> u64:
    """How many pages are mapped in a range that one page table serves. The lock of the address space is held."""
    table = page_tables.find_table(root, start)
    assert table is not None, "there is a table"
    count: u64 = 0
    last = pages.last_index(start, end)
    index = next_used(table, index_at(start, 1), last)
    while index < last:
        count += 1
        index = next_used(table, index + 1, last)
    return count


def reap_step(space: AddressSpace) -> bool:
    """Unmap some of everything. Whether all is unmapped. The caller holds the space.

    Only for processes that never run in ring 3 again: whatever they touch still is EFAULT.
    """
    budget = local(Budget)
    with space.lock:
        is_done = regions.clear(space, 0, USER_END, budget) >= USER_END
    space.drop_removed()
    return is_done
