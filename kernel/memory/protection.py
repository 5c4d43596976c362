"""Changing what a range of memory is: its rights, whether it is locked, what a child gets of it (mprotect(2), mlock(2),
madvise(2)).

Interface: `Change`, and `change_step`, which the caller repeats. Regions are divided at the ends of the range, and
those that are alike afterwards become one.
"""

from __future__ import annotations

from codegen.lang import Fallible, local, struct, u64
from kernel.base.errno import EACCES, EINVAL, ENOMEM
from kernel.machine.layout import PAGE_SIZE
from kernel.memory import pages, quota, regions
from kernel.memory.budget import REGION_COST, STEP, Budget
from kernel.memory.region import ForkRule, Protection, Region
from kernel.memory.space import AddressSpace


@struct
class Change:
    """What is to be different."""

    sets_protection: bool = False
    protection: Protection = Protection.NONE
    sets_lock: bool = False
    locked: bool = False
    sets_fork_rule: bool = False
    fork_rule: ForkRule = ForkRule.COPY
    skips_holes: bool = False
    """What is not mapped is passed over, and `has_hole` noted; otherwise the change ends there."""
    has_hole: bool = False

    def concerns(self, region: Region) -> bool:
        """Whether `region` would be different."""
        if self.sets_protection and region.protection != self.protection:
            return True
        if self.sets_lock and region.locked != self.locked:
            return True
        return self.sets_fork_rule and region.fork_rule != self.fork_rule

    def check(self, space: AddressSpace, region: Region, size: u64) -> Fallible[None]:
        """Whether so many pages of `region` may be changed: EACCES for what may not be written to, ENOMEM at
        RLIMIT_DATA, EINVAL for MADV_WIPEONFORK of what is not private memory without a file. The lock is held.
        """
        if self.sets_protection and self.protection & Protection.WRITE != Protection.NONE:
            if region.shared and not region.may_write:
                raise EACCES
            if not region.is_data and not region.shared and not region.grows_down:
                quota.check_data(space, size)
        if self.sets_fork_rule and self.fork_rule == ForkRule.WIPE and region.pager is not None:
            raise EINVAL

    def apply(self, region: Region) -> None:
        """Make it so."""
        if self.sets_protection:
            region.protection = self.protection
        if self.sets_lock:
            region.locked = self.locked
        if self.sets_fork_rule:
            region.fork_rule = self.fork_rule


def change_step(space: AddressSpace, change: Change, start: u64, end: u64) -> Fallible[u64]:
    """Make a change from `start` on. Returns up to where: `end` when all is done.

    ENOMEM where nothing is mapped, or no memory is left to divide a region, and what `Change.check` says; what lies
    below is changed then.
    """
    budget = local(Budget)
    address = start
    with space.lock:
        while address < end and not budget.is_spent:
            region = space.region_at(address)
            if region is None:
                if not change.skips_holes:
                    raise ENOMEM
                change.has_hole = True
                following = space.first_region(address, end)
                address = end if following is None else following.start
                continue
            budget.take(REGION_COST)
            if change.concerns(region):
                address = change_region(space, change, region, address, min(region.end, end), budget)
            else:
                address = min(region.end, end)
        regions.join_at(space, address)
    return address


def change_region(
    space: AddressSpace, change: Change, region: Region, start: u64, end: u64, budget: Budget
) -> Fallible[u64]:
    """Change a range within one region, or the part of it that the budget permits. Up to where."""
    change.check(space, region, (end - start) // PAGE_SIZE)
    regions.split_at(space, start)
    regions.split_at(space, end)
    changed = space.region_at(start)
    assert changed is not None, "the range is mapped"
    stop = end
    if change.sets_protection:
        stop = restrict_region(space, change, changed, end, budget)
        if stop == start:
            return start
    space.mapped.discount(changed, changed.pages)
    change.apply(changed)
    space.mapped.count(changed, changed.pages)
    regions.join_at(space, start)
    return stop


def restrict_region(space: AddressSpace, change: Change, region: Region, end: u64, budget: Budget) -> Fallible[u64]:
    """Let the pages of a region, which ends at `end`, have rights that fit its new ones, as far as the budget permits.

    Up to where: the region ends there then. ENOMEM, and nothing has changed.
    """
    accessible = change.protection != Protection.NONE
    executable = change.protection & Protection.EXECUTE != Protection.NONE
    if end - region.start <= pages.TABLE_SPAN:
        small = local(Budget)
        stop = pages.restrict(space.root, region.start, end, accessible, executable, small)
        budget.take(STEP - small.left)
        assert stop == end, "two tables are within one budget"
        return end
    rest = space.account.heap.new(Region)
    stop = pages.restrict(space.root, region.start, end, accessible, executable, budget)
    if region.start < stop < end:
        regions.divide(space, region, stop, rest)
    else:
        space.account.heap.free(rest)
    return stop
