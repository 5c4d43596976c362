"""The end of an address space, at no more cost than it has pages (exit(2), execve(2)).

Interface: `tear_down_step`, and `note_stray_tables` for whoever unmaps. As long as every page table lies under a
region, all are found on the way along the regions. One that an unmapped range has left behind, or a step that ended in
the middle, is found only by a search.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from codegen.lang import PhysAddr, align_down, align_up, local, u64
from kernel.machine.layout import PAGE_SIZE
from kernel.machine.paging import index_at
from kernel.memory import frames, page_tables, pages, shootdown
from kernel.memory.budget import REGION_COST, TABLE_COST, Budget
from kernel.memory.page_tables import TablePath
from kernel.memory.pages import TABLE_SPAN
from kernel.memory.region import Region
from kernel.memory.unmapped import release_entries

if TYPE_CHECKING:
    from kernel.memory.space import AddressSpace


def tear_down_step(space: AddressSpace) -> bool:
    """Unmap, and free tables and regions, of a space that nobody has any more. Whether all is gone, itself too.

    The first step takes it from the processors that still have it loaded.
    """
    with space.lock:
        if not space.is_dying:
            space.is_dying = True
            shootdown.abandon(PhysAddr(space.root * PAGE_SIZE))
        is_empty = empty(space)
    space.drop_removed()
    if is_empty:
        space.account.heap.free(space)
    return is_empty


def empty(space: AddressSpace) -> bool:
    """One step of it. Whether nothing is left. The lock is held."""
    budget = local(Budget)
    path = local(TablePath)
    while not budget.is_spent:
        region = space.regions.at_or_above(0)
        if region is None:
            return free_tables(space, path, budget)
        if space.has_stray_tables:
            stop, _ = pages.drop(space.root, region.start, region.end, budget)
        else:
            stop = drop_along(space, region, path, budget)
        budget.take(REGION_COST)
        if stop < region.end:
            region.offset = region.offset_of(stop)
            region.start = stop
            space.regions.rekey(region, stop)
        else:
            space.regions.remove(region)
            space.recent = None
            discard(space, region)
    space.has_stray_tables = True
    return False


def discard(space: AddressSpace, region: Region) -> None:
    """Free a region that is in the tree no longer: at once, or when what it showed is let go of. The lock is held."""
    pager = region.pager
    if pager is None:
        space.account.heap.free(region)
    else:
        pager.leave(region)
        space.removed.push_last(region)
        space.has_removed = True


def free_tables(space: AddressSpace, path: TablePath, budget: Budget) -> bool:
    """Free what tables are left, and the root. Whether all are freed. The lock is held."""
    if space.has_stray_tables:
        return page_tables.free_user_tables(space.root, budget)
    path.leave(space.root, page_tables.HIGHEST_USER_LEVEL)
    frames.release(space.root)
    return True


def drop_along(space: AddressSpace, region: Region, path: TablePath, budget: Budget) -> u64:
    """Release pages of a region, and the tables that lie before it. Up to where. The lock is held."""
    address = region.start
    while address < region.end and not budget.is_spent:
        following = path.enter(space.root, address)
        if following == address:
            following = pages.span_end(address, region.end)
            first = index_at(address, 1)
            budget.take(release_entries(path.lowest, first, pages.last_index(address, following)))
        budget.take(TABLE_COST)
        address = following
    return min(address, region.end)


def note_stray_tables(space: AddressSpace, start: u64, end: u64) -> None:
    """A range has no region any more: note if that leaves tables that no region lies over. The lock is held."""
    if space.has_stray_tables:
        return
    few = local(Budget)
    few.left = 16 * TABLE_COST
    if pages.next_table(space.root, start, end, few) >= end:
        return
    low = align_down(start, TABLE_SPAN)
    high = align_up(end, TABLE_SPAN)
    if high - low > TABLE_SPAN or space.first_region(low, high) is None:
        space.has_stray_tables = True
