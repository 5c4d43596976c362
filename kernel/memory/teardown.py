"""The end of an address space, at no more cost than it has pages (exit(2), execve(2)).

Interface: `tear_down`, and `note_stray_tables` for whoever unmaps. As long as every page table lies under a region, all
are found on the way along the regions. One that an unmapped range has left behind is found only by a search.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from codegen.lang import align_down, align_up, local, u64
from kernel.memory import frames, page_tables, pages
from kernel.memory.page_tables import TablePath
from kernel.memory.pages import TABLE_SPAN
from kernel.memory.region import Region

if TYPE_CHECKING:
    from kernel.memory.space import AddressSpace


def tear_down(space: AddressSpace) -> None:
    """Unmap everything, and free all tables and regions. No processor uses the space; its lock is held."""
    path = local(TablePath)
    while True:
        region = space.regions.at_or_above(0)
        if region is None:
            break
        if space.has_stray_tables:
            pages.drop(space.root, region.start, region.end)
        else:
            drop_along(space, region, path)
        space.regions.remove(region)
        space.recent = None
        pager = region.pager
        space.account.heap.free(region)
        if pager is not None:
            pager.drop()
    if space.has_stray_tables:
        page_tables.free_user_tables(space.root)
    else:
        path.leave(page_tables.HIGHEST_USER_LEVEL)
        frames.release(space.root)


def drop_along(space: AddressSpace, region: Region, path: TablePath) -> None:
    """Release the pages of a region, and the tables that lie before it."""
    address = region.start
    while address < region.end:
        hole = path.enter(space.root, address)
        if hole == 0:
            stop = pages.span_end(address, region.end)
            pages.drop_in(path.lowest, address, stop)
            address = stop
        else:
            address = align_down(address, hole) + hole


def note_stray_tables(space: AddressSpace, start: u64, end: u64) -> None:
    """A range has no region any more: note if that leaves tables that no region lies over. The lock is held."""
    if space.has_stray_tables or pages.next_table(space.root, start, end) >= end:
        return
    low = align_down(start, TABLE_SPAN)
    high = align_up(end, TABLE_SPAN)
    if high - low > TABLE_SPAN or space.first_region(low, high) is None:
        space.has_stray_tables = True
