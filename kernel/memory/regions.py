"""The regions of an address space: putting them in, taking them out, dividing and joining them.

Interface: `place` `clear` `prepare_clear` `split_at` `join_at`, all under the lock of the space. Regions that touch and
are alike are one (vma_merge() of Linux), so their number says something. What a region showed is let go of when the
lock is free (`AddressSpace.drop_removed`), as that may be the last reference to a file.
"""

from __future__ import annotations

from codegen.lang import Fallible, to_raw, u64
from kernel.machine.layout import PAGE_SIZE
from kernel.memory import quota, teardown
from kernel.memory.budget import REGION_COST, Budget
from kernel.memory.pager import Pager
from kernel.memory.region import Region, Terms
from kernel.memory.space import AddressSpace
from kernel.memory.user_layout import MAP_TOP


def place(space: AddressSpace, terms: Terms, pager: Pager | None, offset: u64, start: u64, end: u64) -> Fallible[None]:
    """Map a range in which nothing is. ENOMEM."""
    lower = space.region_at(start - 1)
    if lower is not None and lower.goes_on(terms, pager, offset):
        extend(space, start, end)
        join_at(space, end)
        return
    upper = space.region_at(end)
    if upper is not None and to_raw(upper.terms) == to_raw(terms):
        if upper.pager is pager and (pager is None or upper.offset == offset + (end - start)):
            space.mapped.count(terms, (end - start) // PAGE_SIZE)
            upper.start = start
            upper.offset = offset
            space.regions.rekey(upper, start)
            return
    insert(space, space.account.heap.new(Region), terms, pager, offset, start, end)


def insert(
    space: AddressSpace, fresh: Region, terms: Terms, pager: Pager | None, offset: u64, start: u64, end: u64
) -> None:
    """Put a new region into the tree."""
    fresh.terms = terms
    fresh.offset = offset
    fresh.space = space
    fresh.start = start
    fresh.end = end
    if pager is not None:
        fresh.pager = pager
        pager.hold()
        pager.enter(fresh)
    space.regions.insert(fresh, start)
    space.mapped.count(terms, (end - start) // PAGE_SIZE)


def extend(space: AddressSpace, start: u64, end: u64) -> None:
    """Let the region that ends at `start` end at `end`; nothing is mapped between. None may be there (`reap`)."""
    region = space.region_at(start - 1)
    if region is not None:
        space.mapped.count(region.terms, (end - start) // PAGE_SIZE)
        region.end = end


def split_at(space: AddressSpace, address: u64) -> Fallible[None]:
    """Let no region have `address` in its middle. ENOMEM."""
    region = space.region_at(address)
    if region is None or region.start == address:
        return
    quota.check_split(space)
    divide(space, region, address, space.account.heap.new(Region))


def divide(space: AddressSpace, region: Region, address: u64, upper: Region) -> None:
    """Let the new region `upper` be what `region` is from `address` on."""
    upper.terms = region.terms
    upper.offset = region.offset_of(address)
    upper.space = space
    upper.start = address
    upper.end = region.end
    upper.swept = region.swept
    upper.swept_up_to = region.swept_up_to
    pager = region.pager
    if pager is not None:
        upper.pager = pager
        pager.hold()
        pager.enter(upper)
    region.end = address
    space.regions.insert(upper, address)


def join_at(space: AddressSpace, address: u64) -> None:
    """Let the two regions that meet at `address` be one, if they are alike."""
    lower = space.region_at(address - 1)
    if lower is None or lower.end != address:
        return
    upper = space.region_at(address)
    if upper is None or upper.swept != lower.swept or not lower.goes_on(upper.terms, upper.pager, upper.offset):
        return
    space.regions.remove(upper)
    space.recent = lower
    lower.end = upper.end
    lower.swept_up_to = min(lower.swept_up_to, upper.swept_up_to)
    teardown.discard(space, upper)


def show_for(region: Region, source: Region) -> None:
    """`region` shows now what `source` showed: a round through the regions that is still to come there comes here."""
    pager = region.pager
    if pager is not None and (region.swept != source.swept or region.swept_up_to != 0):
        pager.leave(region)
        region.swept = source.swept
        region.swept_up_to = 0
        pager.enter(region)


def prepare_clear(space: AddressSpace, start: u64, end: u64) -> Fallible[None]:
    """Let no region reach across an end of a range, so that `clear` cannot fail. ENOMEM."""
    split_at(space, start)
    region = space.region_at(start)
    if region is None or region.end != end:
        split_at(space, end)


def clear(space: AddressSpace, start: u64, end: u64, budget: Budget) -> u64:
    """Unmap what is in a range whose ends no region reaches across. Up to where.

    A stack that has grown down to before `start` since this began (growth.py) goes as a whole.
    """
    address = start
    while address < end and not budget.is_spent:
        region = space.first_region(address, end)
        if region is None:
            return end
        stop = space.drop_pages(region.start, region.end, budget)
        if stop < region.end:
            cut_front(space, region, stop)
        else:
            remove(space, region)
        budget.take(REGION_COST)
        address = stop
    return address


def cut_front(space: AddressSpace, region: Region, start: u64) -> None:
    """Let a region begin at `start`; its pages below are unmapped."""
    teardown.note_stray_tables(space, region.start, start)
    space.mapped.discount(region.terms, (start - region.start) // PAGE_SIZE)
    region.offset = region.offset_of(start)
    region.start = start
    space.regions.rekey(region, start)
    note_gap(space, start - 1)


def remove(space: AddressSpace, region: Region) -> None:
    """Take a region, whose pages are unmapped, out of the tree and free it."""
    space.regions.remove(region)
    space.recent = None
    space.mapped.discount(region.terms, region.pages)
    teardown.note_stray_tables(space, region.start, region.end)
    note_gap(space, region.end - 1)
    teardown.discard(space, region)


def note_gap(space: AddressSpace, address: u64) -> None:
    """The free range around `address` is larger than it was."""
    above = space.regions.at_or_above(address)
    gap_end = MAP_TOP if above is None else min(above.guarded_start, MAP_TOP)
    space.gap_end = max(space.gap_end, gap_end)
