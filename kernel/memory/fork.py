"""Duplicating an address space: every private page is shared until one of the two writes to it (fork(2)).

Interface: `begin`, `duplicate_step` until it has come to the end, then `finish`. Meanwhile nobody else changes the
regions of the original.
"""

from __future__ import annotations

from codegen.lang import Fallible, align_down, local, must_use, replace, u64
from kernel.machine.layout import PAGE_SIZE, USER_END
from kernel.machine.paging import index_at
from kernel.memory import frames, page_tables, pages, regions
from kernel.memory.budget import REGION_COST, Budget
from kernel.memory.frames import FrameUse
from kernel.memory.region import Access, ForkRule, Region
from kernel.memory.space import AddressSpace, create

END: u64 = USER_END
"""What `duplicate_step` returns when all is done."""


@must_use
def begin(space: AddressSpace) -> Fallible[AddressSpace]:
    """An empty address space for what `space` holds, charged to the same account. ENOMEM."""
    child = create(space.account)
    with space.lock:
        child.break_start = space.break_start
        child.break_end = space.break_end
        child.quota.copy_from(space.quota)
        child.arguments_start = space.arguments_start
        child.arguments_end = space.arguments_end
        child.environment_end = space.environment_end
        child.auxiliary_start = space.auxiliary_start
    return child


def duplicate_step(space: AddressSpace, child: AddressSpace, position: u64) -> Fallible[u64]:
    """Give `child` what `space` has from address `position` on, as far as the budget permits. Up to where. ENOMEM."""
    budget = local(Budget)
    address = position
    with space.lock:
        while address < END and not budget.is_spent:
            region = space.first_region(address, END)
            if region is None:
                return END
            if region.fork_rule == ForkRule.SKIP:
                address = region.end
            else:
                address = duplicate_region(space, child, region, max(address, region.start), budget)
            budget.take(REGION_COST)
    return address


def duplicate_region(
    space: AddressSpace, child: AddressSpace, region: Region, start: u64, budget: Budget
) -> Fallible[u64]:
    """Give `child` the like of one region from `start` on, with its pages. Up to where. The lock of `space` is held."""
    if start == region.start:
        add_twin(child, region)
    if region.fork_rule == ForkRule.WIPE:
        return region.end
    stop, count = pages.duplicate(space.root, child.root, start, region.end, space.account, not region.shared, budget)
    child.resident += count
    twin = child.regions.at_or_below(start)
    if twin is not None:
        regions.show_for(twin, region)
    return stop


def add_twin(child: AddressSpace, region: Region) -> Fallible[None]:
    """Give `child`, which only this thread knows, the like of one region, without pages. ENOMEM."""
    wanted = local(Region)
    wanted.copy_from(region)
    wanted.locked = False
    fresh = child.account.heap.new(Region)
    fresh.swept = region.swept
    regions.insert(child, fresh, wanted, region.start, region.end)


def finish(space: AddressSpace, child: AddressSpace, stack_pointer: u64) -> Fallible[None]:
    """Copy the page at `stack_pointer` at once: both will write to it first of all, which would be two faults. ENOMEM.

    They share none where the child has nothing, or memory of its own (MADV_DONTFORK, MADV_WIPEONFORK).
    """
    page = align_down(stack_pointer, PAGE_SIZE)
    with space.lock:
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
