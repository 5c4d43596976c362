"""Duplicating an address space: every private page is shared until one of the two writes to it (fork(2))."""

from __future__ import annotations

from codegen.lang import Fallible, FrameNumber, align_down, must_use, on_error, replace, u64
from kernel.machine.layout import PAGE_SIZE
from kernel.machine.paging import index_at
from kernel.memory import frames, page_tables, pages
from kernel.memory.fault import populate
from kernel.memory.frames import FrameUse
from kernel.memory.region import ForkRule, Region
from kernel.memory.space import AddressSpace, create


@must_use
def duplicate(space: AddressSpace, stack_pointer: u64 = 0) -> Fallible[AddressSpace]:
    """An address space with the same contents, charged to the same account. ENOMEM, and nothing has changed.

    The page at `stack_pointer` is copied at once: both will write to it first of all, which would be two faults.
    """
    page = align_down(stack_pointer, PAGE_SIZE)
    child = create(space.account)
    with on_error(child.drop), space.lock:
        is_own = is_writable(space.root, page)
        for region in space.regions:
            duplicate_region(space, child, region)
        if is_own:
            separate(space, child, page)
        child.break_start = space.break_start
        child.break_end = space.break_end
        child.stack_limit = space.stack_limit
        child.arguments_start = space.arguments_start
        child.arguments_end = space.arguments_end
        child.environment_end = space.environment_end
        child.auxiliary_start = space.auxiliary_start
        child.places.copy_from(space.places)
    return child


def is_writable(root: FrameNumber, page: u64) -> bool:
    """Whether a page can be written to without a fault: if it is private, nobody else has its frame."""
    table = page_tables.find_table(root, page)
    return table is not None and table.entries[index_at(page, 1)].writable


def separate(space: AddressSpace, child: AddressSpace, page: u64) -> Fallible[None]:
    """Let each of the two have a writable page of its own where they share one. ENOMEM. The lock of `space` is held.

    They share none where the child has nothing, or memory of its own (MADV_DONTFORK, MADV_WIPEONFORK).
    """
    region = space.region_at(page)
    mine = page_tables.find_table(space.root, page)
    theirs = page_tables.find_table(child.root, page)
    if region is None or region.shared or mine is None or theirs is None:
        return
    index = index_at(page, 1)
    if theirs.entries[index].frame != mine.entries[index].frame:
        return
    entry = replace(mine.entries[index], writable=True)
    copied = frames.allocate_uncleared(child.account, 0, FrameUse.USER)
    frames.copy_contents(copied, entry.frame)
    mine.entries[index] = entry
    theirs.entries[index] = replace(entry, frame=copied)
    frames.release(entry.frame)


def duplicate_region(space: AddressSpace, child: AddressSpace, region: Region) -> Fallible[None]:
    """Give `child` the like of one region, with its pages. ENOMEM. The lock of `space` is held.

    Pages of shared memory without a file are made first: afterwards the two could no longer agree on one.
    """
    if region.fork_rule == ForkRule.SKIP:
        return
    if region.shared and region.pager is None:
        populate(space, region)
    twin = child.account.heap.new(Region)
    twin.copy_from(region, region.start)
    twin.locked = False
    child.place(twin, region.start, region.end, region.protection, region.shared)
    if space.heap is region:
        child.heap = twin
    if region.fork_rule == ForkRule.WIPE:
        return
    child.resident += pages.duplicate(
        space.root, child.root, region.start, region.end, space.account, not region.shared
    )
