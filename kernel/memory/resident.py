"""What an address space holds in memory, and taking all of it at once (the OOM reaper of Linux, mm/oom_kill.c)."""

from __future__ import annotations

from codegen.lang import FrameNumber, u64
from kernel.machine.layout import PAGE_SIZE
from kernel.machine.paging import index_at, next_used
from kernel.memory import page_tables, pages
from kernel.memory.space import AddressSpace


def resident_pages(space: AddressSpace) -> u64:
    """How many pages are mapped, shared ones included: VmRSS of proc(5)."""
    with space.lock:
        return space.resident


def most_resident_pages(space: AddressSpace) -> u64:
    """The most pages that were mapped at a time: VmHWM of proc(5)."""
    with space.lock:
        return max(space.resident_before, space.resident)


def resident_in(root: FrameNumber, start: u64, end: u64) -> u64:
    """How many pages are mapped in a range. The lock of the address space is held."""
    count: u64 = 0
    address = pages.next_table(root, start, end)
    while address < end:
        stop = pages.span_end(address, end)
        table = page_tables.find_table(root, address)
        assert table is not None, "there is a table"
        last = index_at(address, 1) + (stop - address) // PAGE_SIZE
        index = next_used(table, index_at(address, 1), last)
        while index < last:
            count += 1
            index = next_used(table, index + 1, last)
        address = pages.next_table(root, stop, end)
    return count


def reap(space: AddressSpace) -> None:
    """Unmap everything. Only for processes that never run in ring 3 again: whatever they touch still is EFAULT."""
    with space.lock:
        while True:
            region = space.regions.at_or_above(0)
            if region is None:
                return
            space.drop_pages(region.start, region.end)
            space.forget(region)
