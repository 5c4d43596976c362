"""All regions that show one file, so that its pages can be taken from everybody who maps them (rmap of Linux).

Interface: a pager embeds `Mappings`, and begins a round by `begin_round`; `sweep_step` until the round is over. A
region that appears meanwhile shows only what there is by then (the file is cut off first), unless it shows what another
one did: then it has to be visited like that one (`regions.show_for`).
"""

from __future__ import annotations

from codegen.lang import FrameNumber, inline, local, struct, u32, u64
from kernel.base.list import List
from kernel.machine.layout import PAGE_SIZE
from kernel.machine.paging import index_at
from kernel.memory import frames, page_tables, pages
from kernel.memory.budget import REGION_COST, Budget
from kernel.memory.frames import FrameUse
from kernel.memory.region import Region
from kernel.memory.space import AddressSpace

LAST_ROUND: u32 = 0xFFFF_FFFF


@struct
class Mappings:
    """The regions, those first that the round at hand has not been to."""

    regions: List[Region] = inline(List(Region.pager_link))
    round: u32 = 1
    """The number of the last one; it begins anew from 1, as all regions have had that of the last when one begins."""
    writers: u64 = 0
    """How many of them may write to what they show (i_mmap_writable of Linux)."""

    @property
    def is_empty(self) -> bool:
        """Whether nobody maps it."""
        return self.regions.is_empty

    def enter(self, region: Region) -> None:
        """`region` is one of them."""
        if region.swept == 0:
            region.swept = self.round
        if region.swept == self.round:
            self.regions.push_last(region)
        else:
            self.regions.push_first(region)
        if region.may_write_to_pager:
            self.writers += 1

    def leave(self, region: Region) -> None:
        """`region` is none of them any more."""
        self.regions.remove(region)
        if region.may_write_to_pager:
            self.writers -= 1

    def begin_round(self) -> None:
        """From now on no region has been visited."""
        self.round = 1 if self.round == LAST_ROUND else self.round + 1

    def sweep_step(self, first: u64, end: u64, private_too: bool) -> bool:
        """Unmap the pages from number `first` to before `end` in the next region, or in a part of it. Whether the round
        is over. Private copies of them stay unless `private_too`.
        """
        region = self.regions.first
        if region is None or region.swept == self.round:
            return True
        if sweep(region, first, end, private_too):
            self.regions.remove(region)
            region.swept = self.round
            region.swept_up_to = 0
            self.regions.push_last(region)
        return False


def sweep(region: Region, first: u64, end: u64, private_too: bool) -> bool:
    """One step in a region. Whether all of it is done."""
    space = region.space
    with space.lock:
        if space.is_dying:
            return True
        start = max(address_of_page(region, first), region.swept_up_to)
        stop = address_of_page(region, end)
        if start >= stop:
            return True
        budget = local(Budget)
        if region.shared or private_too:
            start = space.drop_pages(start, stop, budget)
        else:
            start = drop_files_pages(space, start, stop, budget)
        region.swept_up_to = start
        return start >= stop


def address_of_page(region: Region, index: u64) -> u64:
    """Where page `index` of what is shown begins in the region; its start or end if it does not show there."""
    shown = region.offset // PAGE_SIZE
    if index <= shown:
        return region.start
    return region.end if index - shown >= region.pages else region.start + (index - shown) * PAGE_SIZE


def drop_files_pages(space: AddressSpace, start: u64, end: u64, budget: Budget) -> u64:
    """Take the pages of a private mapping out of memory that are the file's own. Up to where. The lock is held."""
    address = pages.next_table(space.root, start, end, budget)
    while address < end and not budget.is_spent:
        budget.take(REGION_COST)
        if is_of_file(space.root, address):
            whole = local(Budget)
            _ = space.drop_pages(address, address + PAGE_SIZE, whole)
        address = pages.next_table(space.root, address + PAGE_SIZE, end, budget)
    return address


def is_of_file(root: FrameNumber, page: u64) -> bool:
    """Whether what is mapped at `page` is no private copy."""
    table = page_tables.find_table(root, page)
    if table is None:
        return False
    entry = table.entries[index_at(page, 1)]
    return pages.is_held(entry) and frames.use_of(entry.frame) != FrameUse.USER
