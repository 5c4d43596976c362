"""Duplicating an address space: every private page is shared until one of the two writes to it (fork(2))."""

from __future__ import annotations

from codegen.lang import Fallible, must_use, on_error
from kernel.memory import pages
from kernel.memory.fault import populate
from kernel.memory.region import Region
from kernel.memory.space import AddressSpace, create


@must_use
def duplicate(space: AddressSpace) -> Fallible[AddressSpace]:
    """An address space with the same contents, charged to the same account. ENOMEM, and nothing has changed."""
    child = create(space.account)
    with on_error(child.drop), space.lock:
        for region in space.regions:
            duplicate_region(space, child, region)
        child.break_start = space.break_start
        child.break_end = space.break_end
        child.arguments_start = space.arguments_start
        child.arguments_end = space.arguments_end
    return child


def duplicate_region(space: AddressSpace, child: AddressSpace, region: Region) -> Fallible[None]:
    """Give `child` the like of one region, with its pages. ENOMEM. The lock of `space` is held.

    Pages of shared memory without a file are made first: afterwards the two could no longer agree on one.
    """
    if region.shared and region.pager is None:
        populate(space, region)
    twin = child.account.heap.new(Region)
    child.place(twin, region.start, region.end, region.protection, region.shared)
    twin.offset = region.offset
    pager = region.pager
    twin.pager = pager
    if pager is not None:
        pager.hold()
    if space.heap is region:
        child.heap = twin
    pages.duplicate(space.root, child.root, region.start, region.end, space.account, not region.shared)
