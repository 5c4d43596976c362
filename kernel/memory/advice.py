"""What madvise(2) does to a range of memory: forgetting, making, and what a child of fork(2) gets of it.

Interface: `discard` `set_fork_rule` `populate_range` `check_whole`; `make_present` for mmap(2). As on Linux, what is
mapped of a range is treated even if it has holes; the call tells of those afterwards (ENOMEM).
"""

from __future__ import annotations

from collections.abc import Iterator

from codegen.lang import Errno, Fallible, u64
from kernel.base.errno import EFAULT, EINVAL, ENOMEM, ENXIO
from kernel.machine.layout import PAGE_SIZE, USER_END
from kernel.memory.fault import handle_fault
from kernel.memory.region import Access, ForkRule, Region
from kernel.memory.space import AddressSpace


def regions_in(space: AddressSpace, start: u64, end: u64) -> Iterator[Region]:
    """The regions that have addresses of a range, from below. The lock is held."""
    address = start
    while address < end:
        region = space.first_region(address, end)
        if region is None:
            address = end
        else:
            address = region.end
            yield region


def check_whole(space: AddressSpace, start: u64, end: u64) -> Fallible[None]:
    """ENOMEM unless all of a range is mapped; all that is beyond the addresses of a program is not."""
    if end > USER_END:
        raise ENOMEM
    with space.lock:
        space.check_mapped(start, end)


def discard(space: AddressSpace, start: u64, end: u64) -> Fallible[None]:
    """MADV_DONTNEED: forget what is in the pages. ENOMEM when part is not mapped."""
    with space.lock:
        for region in regions_in(space, start, min(end, USER_END)):
            space.drop_pages(max(region.start, start), min(region.end, end))
    check_whole(space, start, end)


def set_fork_rule(space: AddressSpace, start: u64, end: u64, rule: ForkRule) -> Fallible[None]:
    """MADV_DONTFORK and others. ENOMEM when part is not mapped or cannot be split.

    EINVAL for WIPE of what is not private memory without a file.
    """
    with space.lock:
        space.split_at(start)
        space.split_at(min(end, USER_END))
        for region in regions_in(space, start, min(end, USER_END)):
            if rule == ForkRule.WIPE and (region.shared or region.pager is not None):
                raise EINVAL
            region.fork_rule = rule
    check_whole(space, start, end)


def populate_range(space: AddressSpace, start: u64, end: u64, access: Access) -> Fallible[None]:
    """MADV_POPULATE_READ and _WRITE: as if every page were touched.

    ENOMEM where nothing is mapped or no page is left, EINVAL where the rights forbid it, EFAULT beyond the end of a
    file.
    """
    address = start
    while address < end:
        try:
            handle_fault(space, address, access)
        except EFAULT:
            with space.lock:
                space.check_mapped(address, address + PAGE_SIZE)
            raise EINVAL from None
        except ENXIO:
            raise EFAULT from None
        address += PAGE_SIZE


def make_present(space: AddressSpace, start: u64, length: u64) -> None:
    """Make the pages of a mapping as far as there are any (MAP_POPULATE): written to, if they may be."""
    with space.lock:
        region = space.region_at(start)
        is_writable = region is not None and region.allows(Access.WRITE)
    try:
        populate_range(space, start, start + length, Access.WRITE if is_writable else Access.READ)
    except Errno:
        return
