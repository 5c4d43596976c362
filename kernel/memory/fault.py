"""Faults: fills in the pages of an address space when a program, or the kernel for it, touches them."""

from __future__ import annotations

from codegen.lang import Fallible, FrameNumber, align_down, inline, struct, u64
from kernel.base.errno import EFAULT
from kernel.machine.instructions import invalidate_page
from kernel.machine.layout import PAGE_SIZE
from kernel.machine.paging import Entry, Table, index_at, table_in
from kernel.memory import frames, growth, page_tables, pages
from kernel.memory.frames import FrameUse
from kernel.memory.pager import Pager
from kernel.memory.region import Access, Region
from kernel.memory.space import AddressSpace

FILL_STEP: u64 = 128
"""How many pages are filled in at one go: some 0.1 to 0.2 ms."""
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
            return
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
        present=region.terms.rights != 0,
        user=True,
        writable=writable,
        no_execute=not region.allows(Access.EXECUTE),
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
        assert pager is not None, "shared memory has a pager"
        map_own(region, table, page, pager, region.page_index(page))
        if table.entries[index_at(page, 1)].frame == old:
            invalidate_page(page)
            frames.release(old)
            return
    elif not frames.is_shared(old):
        set_entry(region, table, page, old, True)
        invalidate_page(page)
        return
    else:
        set_entry(region, table, page, private_copy(space, old), True)
    # Another frame has taken its place: no thread may go on reading from the old one, here or elsewhere.
    pages.flush(space.root, page, page + PAGE_SIZE)
    frames.release(old)


def map_own(region: Region, table: Table, page: u64, pager: Pager, index: u64) -> Fallible[None]:
    """Map the page of a shared file so that it may be written to. The lock is held."""
    frame = pager.own_page(index)
    pager.note_write()
    frames.share(frame)
    set_entry(region, table, page, frame, True)


def private_copy(space: AddressSpace, source: FrameNumber) -> Fallible[FrameNumber]:
    """A new frame with the same contents. ENOMEM."""
    frame = frames.allocate_uncleared(space.account, 0, FrameUse.USER)
    frames.copy_contents(frame, source)
    return frame


@struct
class Filling:
    """A range whose pages are to be filled in as if each were touched."""

    position: u64 = 0
    """The page that comes next; where filling in failed, that page."""
    end: u64 = 0
    access: Access = Access.READ

    def step(self, space: AddressSpace) -> Fallible[None]:
        """Fill in some pages. EFAULT, ENXIO, ENOMEM as `handle_fault`."""
        left: u64 = FILL_STEP
        while self.position < self.end and left > 0:
            handle_fault(space, self.position, self.access)
            self.position += PAGE_SIZE
            left -= 1
