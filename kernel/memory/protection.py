"""Changing what a range of memory is: its rights, whether it is locked, what a child gets of it (mprotect(2), mlock(2),
madvise(2)).

Interface: `Change`, and `change_step`, which the caller repeats. Regions are divided at the ends of the range, and
those that are alike afterwards become one.
"""

from __future__ import annotations

from codegen.lang import Fallible, from_raw, invert, local, struct, to_raw, u32, u64
from kernel.base.errno import EACCES, EINVAL, ENOMEM
from kernel.machine.layout import PAGE_SIZE
from kernel.memory import pages, quota, regions
from kernel.memory.budget import REGION_COST, STEP, Budget
from kernel.memory.region import ForkRule, Protection, Region, Terms, is_data
from kernel.memory.space import AddressSpace

ALL_RIGHTS: u32 = 7
ALL_RULES: u32 = 3


@struct
class Change:
    """What is to be different: of the terms of each region, what `concerned` has, which is to be as in `wanted`."""

    concerned: u32 = 0
    wanted: u32 = 0
    skips_holes: bool = False
    """What is not mapped is passed over, and `has_hole` noted; otherwise the change ends there."""
    has_hole: bool = False

    def set_rights(self, rights: u32) -> None:
        """mprotect(2): PROT_*."""
        self.concerned = to_raw(Terms(rights=ALL_RIGHTS))
        self.wanted = to_raw(Terms(rights=rights))

    def set_lock(self, locked: bool) -> None:
        """mlock(2)."""
        self.concerned = to_raw(Terms(locked=True))
        self.wanted = to_raw(Terms(locked=locked))

    def set_fork_rule(self, rule: ForkRule) -> None:
        """madvise(2), MADV_DONTFORK and its like."""
        self.concerned = to_raw(Terms(fork_rule=ALL_RULES))
        self.wanted = to_raw(Terms(fork_rule=u32(rule)))

    @property
    def is_of_rights(self) -> bool:
        """Whether pages have to change with the region."""
        return from_raw(Terms, self.concerned).rights != 0

    def changed(self, terms: Terms) -> Terms:
        """What becomes of `terms`."""
        return from_raw(Terms, to_raw(terms) & invert(u32, self.concerned) | self.wanted)

    def check(self, space: AddressSpace, region: Region, size: u64) -> Fallible[None]:
        """Whether so many pages of `region` may be changed: EACCES for what may not be written to, ENOMEM at
        RLIMIT_DATA, EINVAL for MADV_WIPEONFORK of what is not private memory without a file. The lock is held.
        """
        terms = self.changed(region.terms)
        if terms.never_written and terms.rights & u32(Protection.WRITE) != 0:
            raise EACCES
        if is_data(terms) and not is_data(region.terms):
            quota.check_data(space, size)
        if terms.fork_rule == u32(ForkRule.WIPE) and region.pager is not None:
            raise EINVAL


def change_step(space: AddressSpace, change: Change, start: u64, end: u64) -> Fallible[u64]:
    """Make a change from `start` on. Returns up to where: `end` when all is done.

    ENOMEM where nothing is mapped, or no memory is left to divide a region, and what `Change.check` says; what lies
    below is changed then.
    """
    address = start
    with space.lock:
        budget = local(Budget)
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
            if to_raw(change.changed(region.terms)) != to_raw(region.terms):
                address = change_region(space, change, region, address, min(region.end, end), budget)
            else:
                stop = min(region.end, end)
                regions.join_at(space, address)
                address = stop
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
    if change.is_of_rights:
        stop = restrict_region(space, change, changed, end, budget)
        if stop == start:
            return start
    space.mapped.discount(changed.terms, changed.pages)
    changed.terms = change.changed(changed.terms)
    space.mapped.count(changed.terms, changed.pages)
    regions.join_at(space, start)
    return stop


def restrict_region(space: AddressSpace, change: Change, region: Region, end: u64, budget: Budget) -> Fallible[u64]:
    """Let the pages of a region, which ends at `end`, have rights that fit its new ones, as far as the budget permits.

    Up to where: the region ends there then. ENOMEM, and nothing has changed.
    """
    rights = change.changed(region.terms).rights
    accessible = rights != 0
    executable = rights & u32(Protection.EXECUTE) != 0
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
