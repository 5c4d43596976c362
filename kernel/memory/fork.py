"""Duplicating an address space: every private page is shared until one of the two writes to it (fork(2)).

Interface: `duplicate_step` until it has come to the END. Meanwhile nobody else changes the regions of the original.
"""

from __future__ import annotations

from codegen.lang import Fallible, align_down, local, replace, u32, u64
from kernel.machine.layout import PAGE_SIZE, USER_END
from kernel.machine.paging import index_at
from kernel.memory import frames, page_tables, pages, regions
from kernel.memory.budget import REGION_COST, Budget
from kernel.memory.frames import FrameUse
from kernel.memory.region import Access, ForkRule, Region
from kernel.memory.space import AddressSpace

END: u64 = USER_END
"""What `duplicate_step` returns when all is done."""


def duplicate_step(space: AddressSpace, child: AddressSpace, position: u64, stack_pointer: u64 = 0) -> Fallible[u64]:
    """Give the new `child`, charged to the same account, what `space` has from address `position` on (0 at first), as
    far as the budget permits. Up to where; END when all is done. ENOMEM.

    The page at `stack_pointer` is copied at the end.
    """
    with space.lock:
        budget = local(Budget)
        if position == 0:
            copy_numbers(space, child)
        region = space.first_region(position, END)
        address = position
        while region is not None:
            address = max(address, region.start)
            if region.terms.fork_rule != u32(ForkRule.SKIP):
                address = duplicate_region(space, child, region, address, budget)
            else:
                address = region.end
            if budget.is_spent:
                return address
            region = space.regions.at_or_above(address)
        copy_page_at(space, child, align_down(stack_pointer, PAGE_SIZE))
    return END


def copy_numbers(space: AddressSpace, child: AddressSpace) -> None:
    """What is no memory."""
    child.break_start = space.break_start
    child.break_end = space.break_end
    child.quota.copy_from(space.quota)
    child.arguments_start = space.arguments_start
    child.arguments_end = space.arguments_end
    child.environment_end = space.environment_end
    child.auxiliary_start = space.auxiliary_start
    child.places.copy_from(space.places)


def duplicate_region(
    space: AddressSpace, child: AddressSpace, region: Region, start: u64, budget: Budget
) -> Fallible[u64]:
    """Give `child` the like of one region from `start` on, with its pages. Up to where. The lock of `space` is held."""
    twin = add_twin(child, region) if start == region.start else child.regions.at_or_below(start)
    if region.terms.fork_rule == u32(ForkRule.WIPE):
        return region.end
    stop, count = pages.duplicate(space.root, child.root, start, region.end, space.account, not region.shared, budget)
    budget.take(REGION_COST)  # only now: each step has to come further
    child.resident += count
    if twin is not None and region.pager is not None:
        regions.show_for(twin, region)
    return stop


def add_twin(child: AddressSpace, region: Region) -> Fallible[Region]:
    """Give `child`, which only this thread knows, the like of one region, without pages. ENOMEM."""
    fresh = child.account.heap.new(Region)
    fresh.swept = region.swept
    terms = replace(region.terms, locked=False)
    regions.insert(child, fresh, terms, region.pager, region.offset, region.start, region.end)
    return fresh


def copy_page_at(space: AddressSpace, child: AddressSpace, page: u64) -> Fallible[None]:
    """Copy a page at once that both will write to first of all, which would be two faults. ENOMEM. The lock is held.

    They share none where the child has nothing, or memory of its own (MADV_DONTFORK, MADV_WIPEONFORK).
    """
    region = space.region_at(page)
    mine = page_tables.find_table(space.root, page)
    theirs = page_tables.find_table(child.root, page)
    if region is None or region.shared or mine is None or theirs is None:
        return
    index = index_at(page, 1)
    shared = mine.entries[index]
    if theirs.entries[index].frame != shared.frame or not shared.present or not region.allows(Access.WRITE):
        return
    if frames.holders_of(shared.frame) != 2:
        return
    copied = frames.allocate_uncleared(child.account, 0, FrameUse.USER)
    frames.copy_contents(copied, shared.frame)
    mine.entries[index] = replace(shared, writable=True)
    theirs.entries[index] = replace(shared, writable=True, frame=copied)
    frames.release(shared.frame)
