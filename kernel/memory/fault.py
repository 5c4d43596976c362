"""Faults: fills in the pages of an address space when a program, or the kernel for it, touches them."""

from __future__ import annotations

from codegen.lang import Fallible, FrameNumber, PhysAddr, align_down, inline, u64
from kernel.base.errno import EFAULT
from kernel.machine.instructions import invalidate_page
from kernel.machine.layout import PAGE_SIZE
from kernel.machine.paging import Entry, Table, index_at, table_in
from kernel.memory import frames, growth, page_tables, pages, shootdown
from kernel.memory.frames import FrameUse
from kernel.memory.pager import Pager
from kernel.memory.region import Access, Protection, Region
from kernel.memory.space import AddressSpace

UPPER_LEVELS = (4, 3, 2)
"""From the root down to what points to the level-1 tables."""


def handle_fault(space: AddressSpace, address: u64, access: Access) -> Fallible[None]:
    """Make `access` at `address` possible.

    EFAULT where nothing is mapped or the rights forbid it (SIGSEGV), ENXIO beyond the end of a mapped file (SIGBUS),
    ENOMEM at the page limit of the container or when memory is used up.
    """
    page = align_down(address, PAGE_SIZE)
    with space.lock:
        region = space.region_at(page)
        if region is None:
            region = growth.grow_to(space, page)
        if region is None or not region.allows(access):
            raise EFAULT
        table = present_table(space.root, page)
        if table is None:
            table = page_tables.make_table(space.root, page, space.account, True)
        entry = table.entries[index_at(page, 1)]
        if not pages.is_held(entry):
            fill_in(space, region, table, page, access)
            space.resident += 1
            return  # a processor remembers no translation of what was not present (SDM vol. 3A, section 4.10.2.3)
        if not entry.present:
            set_entry(region, table, page, entry.frame, False)
        elif access == Access.WRITE and not entry.writable:
            make_writable(space, region, table, page)
        invalidate_page(page)


@inline
def present_table(root: FrameNumber, page: u64) -> Table | None:
    """The level-1 table for a page of ring 3, whose pages are never large; None if it is not made yet."""
    table = table_in(root)
    for level in UPPER_LEVELS:
        entry = table.entries[index_at(page, level)]
        if not entry.present:
            return None
        table = table_in(entry.frame)
    return table


def set_entry(region: Region, table: Table, page: u64, frame: FrameNumber, writable: bool) -> None:
    """Map `frame` at `page`, with the rights of the region."""
    table.entries[index_at(page, 1)] = Entry(
        present=region.protection != Protection.NONE,
        user=True,
        writable=writable,
        no_execute=region.protection & Protection.EXECUTE == Protection.NONE,
        frame=frame,
    )


def fill_in(space: AddressSpace, region: Region, table: Table, page: u64, access: Access) -> Fallible[None]:
    """Map a page that is not mapped yet. The lock is held."""
    pager = region.pager
    if pager is None:
        frame = frames.allocate(space.account, FrameUse.USER)
        set_entry(region, table, page, frame, region.allows(Access.WRITE))
        return
    index = region.page_index(page)
    if access != Access.WRITE:
        # Who shares a page with those that write to it must not see one that they will replace by a copy.
        shown = pager.own_page(index) if region.shared else pager.page(index)
        frames.share(shown)
        set_entry(region, table, page, shown, False)
    elif region.shared:
        map_own(region, table, page, pager, index)
    else:
        set_entry(region, table, page, private_copy(space, pager.page(index)), True)


def make_writable(space: AddressSpace, region: Region, table: Table, page: u64) -> Fallible[None]:
    """Let a page that is mapped be written to: by itself, or as a copy if others have it. The lock is held."""
    old = table.entries[index_at(page, 1)].frame
    pager = region.pager
    if region.shared:
        if pager is not None:
            map_own(region, table, page, pager, region.page_index(page))
            release_replaced(space, old)
        else:
            set_entry(region, table, page, old, True)
        return
    if not frames.is_shared(old):
        set_entry(region, table, page, old, True)
        return
    set_entry(region, table, page, private_copy(space, old), True)
    release_replaced(space, old)


def release_replaced(space: AddressSpace, old: FrameNumber) -> None:
    """Release a frame that another one has taken the place of: no thread may go on reading from it."""
    shootdown.forget(PhysAddr(space.root * PAGE_SIZE))
    frames.release(old)


def map_own(region: Region, table: Table, page: u64, pager: Pager, index: u64) -> Fallible[None]:
    """Map the page of a shared file so that it may be written to. The lock is held."""
    frame = pager.own_page(index)
    frames.share(frame)
    set_entry(region, table, page, frame, True)


def private_copy(space: AddressSpace, source: FrameNumber) -> Fallible[FrameNumber]:
    """A new frame with the same contents. ENOMEM."""
    frame = frames.allocate_uncleared(space.account, 0, FrameUse.USER)
    frames.copy_contents(frame, source)
    return frame


def populate(space: AddressSpace, region: Region) -> Fallible[None]:
    """Map every page of a region that zeros stand behind. ENOMEM. The lock is held."""
    page = region.start
    while page < region.end:
        table = page_tables.make_table(space.root, page, space.account, True)
        if not pages.is_held(table.entries[index_at(page, 1)]):
            fill_in(space, region, table, page, Access.READ)
            space.resident += 1
        page += PAGE_SIZE
